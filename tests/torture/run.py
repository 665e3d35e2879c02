#!/usr/bin/env python3
"""One torture run against a real broker; the exit code is 1 when a promise was broken.

    tests/brokers/provision.sh --kafka --amqp -- tests/torture/run.py consumer-kills amqp --programs build/release/bin

The broker is the one of FAIRLEAD_KAFKA_URL or FAIRLEAD_AMQP_URL. Without it the run is skipped (exit code 77), and with
FAIRLEAD_REQUIRE_BROKERS=1 it fails. What the processes wrote is kept when something was wrong.
"""
import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time

import link_faults
import processes
import scenarios

RUNS = {'consumer-kills': scenarios.consumer_kills, 'sigterm': scenarios.sigterm, 'storm': scenarios.storm,
        'redrive': scenarios.redrive}
BROKEN_LINKS = {'bytes-lost': link_faults.bytes_lost, 'late-acks': link_faults.late_acks,
                'dead-peer': link_faults.dead_peer, 'queue-deleted': link_faults.queue_deleted,
                'dead-letters-blocked': link_faults.dead_letters_blocked}  # RabbitMQ only


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('scenario', choices=RUNS | BROKEN_LINKS)
    parser.add_argument('broker', choices=['kafka', 'amqp'])
    parser.add_argument('--programs', required=True, help='folder of torture_producer, torture_consumer and fairlead')
    parser.add_argument('--size', choices=['small', 'ci', 'full'], default='ci',
                        help='small is for showing that the run notices a seeded fault')
    parser.add_argument('--patience', type=float, default=processes.PATIENCE_SECONDS,
                        help='seconds without any progress after which something hangs')
    parser.add_argument('--seed', type=int, default=random.SystemRandom().getrandbits(31))
    parser.add_argument('--membership', choices=['static', 'dynamic'],
                        help='Kafka: whether a restarted consumer replaces its predecessor at once')
    parser.add_argument('--store', choices=['sqlite', 'redis', 'none'], default='sqlite',
                        help='storm: what keeps the idempotency keys; none shows that the run notices it')
    parser.add_argument('--copies', type=int, default=5, help='storm: publishes of each business key, at most')
    parser.add_argument('--handler-us', type=int, default=2_000, help='storm: what a handler takes, at most')
    parser.add_argument('--unconfirmed', choices=['resend', 'report'], default='resend',
                        help='bytes-lost: what becomes of publishes whose connection broke')
    arguments = parser.parse_args()
    if arguments.scenario in BROKEN_LINKS and arguments.broker != 'amqp':
        parser.error(f'{arguments.scenario} is for amqp')
    return arguments


def print_report(report, violations):
    width = max(map(len, report))
    for name, value in report.items():
        print(f'{name:{width}}  {value}')
    for violation in violations:
        print(f'VIOLATED  {violation}')
    print(json.dumps({**report, 'violations': violations}))


def main():
    arguments = parse_arguments()
    variable = f'FAIRLEAD_{arguments.broker.upper()}_URL'
    url = os.environ.get(variable)
    if not url:
        print(f'skipped: {variable} is not set')
        return 1 if os.environ.get('FAIRLEAD_REQUIRE_BROKERS') == '1' else 77
    folder = tempfile.mkdtemp(prefix='fairlead-torture.')
    processes.PATIENCE_SECONDS = arguments.patience
    setting = processes.Setting(arguments.broker, url, arguments.programs, folder, random.Random(arguments.seed), {})
    size = scenarios.SIZES[arguments.scenario][arguments.size]
    report = {'scenario': arguments.scenario, 'broker': arguments.broker, 'size': arguments.size,
              'seed': arguments.seed}
    began = time.monotonic()
    try:
        verdict = (RUNS | BROKEN_LINKS)[arguments.scenario](setting, size, arguments)
        report.update(verdict.figures)
        violations = verdict.violations
    except processes.Stuck as stuck:
        violations = [str(stuck)]
    report['seconds'] = round(time.monotonic() - began, 1)
    print_report(report, violations)
    if violations:
        print(f'what the processes wrote: {folder}')
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == '__main__':
    sys.exit(main())
