#!/usr/bin/env python3
"""Runs Fairlead beside the raw client libraries, in interleaved pairs on the same broker, and prints ratios.

Rates depend on the machine and on what else it does; the ratio of two runs made one after the other depends on it much
less. So every pair runs A B or B A in turn, the ratio is taken pair by pair, and the median of the ratios counts.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import urllib.parse
import uuid

ARGUMENTS = argparse.ArgumentParser(description=__doc__)
ARGUMENTS.add_argument("--bin", required=True, help="folder of the benchmark programs")
ARGUMENTS.add_argument("--rounds", type=int, default=11)
ARGUMENTS.add_argument("--quick", action="store_true", help="5 rounds and fewer messages")
ARGUMENTS.add_argument("--only", default="", help="run only the rows whose name contains this")
ARGUMENTS.add_argument("--json", default="", help="also write the rows to this file")


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=300)
    if done.returncode != 0:
        sys.exit(f"failed ({done.returncode}): {' '.join(command)}")
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return lines[-1] if lines else None


class Kafka:
    name = "kafka"

    def __init__(self, tools, url):
        self.tools, self.url = tools, url
        self.address = urllib.parse.urlsplit(url).netloc.split("@")[-1]

    def destination(self):
        name = f"bench-{uuid.uuid4().hex[:8]}"
        run(self.tools.fairlead, "declare", f"url={self.url}", f"destination={name}", "partitions=3")
        return name

    def rows(self, scale):
        for size, count in ((100, 400_000), (1024, 100_000)):
            yield f"publish {size} B", self.publish(size, int(count * scale), 0), 0.7
        yield "publish 100 B, id and trace", self.publish(100, int(200_000 * scale), 1), 0.7
        for size, count in ((100, 600_000), (1024, 150_000)):
            yield f"consume {size} B", self.consume(size, int(count * scale)), 0.7

    def publish(self, size, count, stamped):
        name = self.destination()
        common = [f"count={count}", f"size={size}", f"stamped={stamped}"]
        ours = [self.tools.fairlead, "publish", f"url={self.url}", f"destination={name}", "partitions=3", *common]
        raw = [self.tools.raw_kafka, "publish", f"address={self.address}", f"topic={name}", *common]
        return lambda: run(*ours), lambda: run(*raw)

    def consume(self, size, count):
        name = self.destination()
        common = [f"count={count}", f"size={size}"]
        run(self.tools.fairlead, "publish", f"url={self.url}", f"destination={name}", "partitions=3", *common)

        def ours():
            return run(self.tools.fairlead, "consume", f"url={self.url}", f"destination={name}", "partitions=3",
                       "max_in_flight=10000", f"group=ours-{uuid.uuid4().hex[:8]}", *common)

        def raw():
            return run(self.tools.raw_kafka, "consume", f"address={self.address}", f"topic={name}", *common)

        return ours, raw


class Amqp:
    name = "amqp"

    def __init__(self, tools, url):
        self.tools, self.url = tools, url
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port or 5672

    def rows(self, scale):
        for size, count in ((100, 40_000), (1024, 30_000)):
            yield f"publish {size} B", self.publish(size, int(count * scale), 0, 1000), 0.7
        yield "publish 100 B, id and trace", self.publish(100, int(40_000 * scale), 1, 1000), 0.7
        yield "publish 100 B / publish-and-wait", self.publish(100, int(20_000 * scale), 0, 1), 5.0
        for size, count in ((100, 60_000), (1024, 40_000)):
            yield f"consume {size} B / ack each", self.consume(size, int(count * scale), 1), 0.7
        yield "consume 100 B / ack multiple 32", self.consume(100, int(60_000 * scale), 32), 0.7

    def fresh(self):
        name = f"bench-{uuid.uuid4().hex[:8]}"
        run(self.tools.fairlead, "declare", f"url={self.url}", f"destination={name}")
        return name

    def publish(self, size, count, stamped, window):
        # A fresh queue per run: a broker that still digests a backlog answers late.
        def ours():
            return run(self.tools.fairlead, "publish", f"url={self.url}", f"destination={self.fresh()}",
                       f"count={count}", f"size={size}", f"stamped={stamped}")

        def raw():
            few = count if window > 1 else max(count // 20, 200)
            return run(self.tools.raw_amqp, "publish", f"host={self.host}", f"port={self.port}",
                       f"exchange={self.fresh()}", f"count={few}", f"size={size}", f"stamped={stamped}",
                       f"window={window}")

        return ours, raw

    def consume(self, size, count, ack_every):
        def filled():
            name = self.fresh()
            run(self.tools.fairlead, "publish", f"url={self.url}", f"destination={name}", f"count={count}",
                f"size={size}")
            return name

        def ours():
            return run(self.tools.fairlead, "consume", f"url={self.url}", f"destination={filled()}", f"count={count}",
                       f"size={size}")

        def raw():
            return run(self.tools.raw_amqp, "consume", f"host={self.host}", f"port={self.port}",
                       f"queue={filled()}.bench", f"count={count}", f"size={size}", f"ack_every={ack_every}",
                       "prefetch=1000")

        return ours, raw


class Tools:
    def __init__(self, folder):
        self.fairlead, self.raw_kafka, self.raw_amqp = (
            os.path.join(folder, name) for name in ("fairlead_bench", "raw_kafka", "raw_amqp"))


def compare(ours, raw, rounds):
    pairs = []
    for index in range(rounds):
        first, second = (ours, raw) if index % 2 == 0 else (raw, ours)
        results = {first: first(), second: second()}
        pairs.append((results[ours], results[raw]))
    return pairs


def main():
    options = ARGUMENTS.parse_args()
    rounds, scale = (5, 0.5) if options.quick else (options.rounds, 1.0)
    tools = Tools(options.bin)
    brokers = [kind(tools, os.environ[variable])
               for kind, variable in ((Kafka, "FAIRLEAD_KAFKA_URL"), (Amqp, "FAIRLEAD_AMQP_URL"))
               if os.environ.get(variable)]
    if not brokers:
        sys.exit("neither FAIRLEAD_KAFKA_URL nor FAIRLEAD_AMQP_URL is set")
    print(f"{'':44}{'msg/s':>10}{'raw':>10}{'ratio':>7}{'min-max':>13}{'goal':>6}{'CPU us':>8}{'raw':>8}")
    rows, missed = [], []
    for broker in brokers:
        for name, (ours, raw), goal in broker.rows(scale):
            label = f"{broker.name} {name}"
            if options.only not in label:
                continue
            pairs = compare(ours, raw, rounds)
            ratios = [a["rate"] / b["rate"] for a, b in pairs]
            median = {key: [statistics.median(pair[side][key] for pair in pairs) for side in (0, 1)]
                      for key in ("rate", "cpu_us")}
            ratio = statistics.median(ratios)
            print(f"{label:44}{median['rate'][0]:>10.0f}{median['rate'][1]:>10.0f}{ratio:>7.2f}"
                  f"{min(ratios):>7.2f}-{max(ratios):.2f}{goal:>7.1f}{median['cpu_us'][0]:>8.2f}"
                  f"{median['cpu_us'][1]:>8.2f}", flush=True)
            rows.append({"name": label, "ratio": ratio, "ratios": ratios, "goal": goal, **median})
            if ratio < goal:
                missed.append(label)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)
    if missed:
        sys.exit("below the goal: " + ", ".join(missed))


main()
