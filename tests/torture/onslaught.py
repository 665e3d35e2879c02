"""One run on brokers: load, faults, healing, drain, truth, verdict."""
import bisect
import datetime
import random
import re
import subprocess
import time

import brokers
import checker
import doomed
import liveness
import members
import nemesis
import processes
import repeats
import scenarios
import truth

PRODUCERS = 2
WINDOW = 500
MAX_IN_FLIGHT, CONCURRENCY = 64, 8
DEADLINE_SECONDS = 10
QUIET_SECONDS = {'smoke': 3, 'ci': 10, 'release': 20}
DRAIN_SECONDS = {'smoke': 60, 'ci': 200, 'release': 200}
LOAD_SECONDS = {'smoke': 60, 'ci': 900, 'release': 1800}  # at most, after the faults, until enough is confirmed
CONNECTIONS = {'kafka': 10, 'amqp': 5}  # of the processes together, about; for the plan
AUDIT = 'audit'
NODE_FAULTS = {'broker killed', 'broker stopped'}
LOST = re.compile('"body":"connection lost"')
CONNECTION_LOST = re.compile(r'connection lost|cannot connect|Disconnected|Connect to|brokers are down|timed out')


def configure(setting):
    setting.subscription.update(concurrency=CONCURRENCY, max_in_flight=MAX_IN_FLIGHT)
    setting.groups.append(AUDIT)
    # The second one is what librdkafka grants a peer that is silent while a member joins the group.
    setting.kafka_conf.update({'socket.timeout.ms': '6000', 'max.poll.interval.ms': '20000'})
    setting.settings = {
        'log': {'level': 'info', 'format': 'json'},
        'publish': {'deadline': f'{DEADLINE_SECONDS}s', 'window_messages': WINDOW},
        # Faults come more often here than anywhere else: the delays that spare a broker would hide them from each other.
        'connection': {'backoff_initial': '100ms', 'backoff_max': '2s'},
        'amqp': {'heartbeat': '4s'},
    }


def connection_losses(setting, names, what=CONNECTION_LOST):
    """When the library noticed that a connection was gone, by its own log, in the time of the steady clock."""
    offset, times = time.time_ns() - time.monotonic_ns(), []
    for name in names:
        with open(setting.path(f'{name}.log'), encoding='utf-8', errors='replace') as log:
            for line in log:
                if what.search(line) and (found := re.search(r'"timestamp":"([^"]+)"', line)):
                    text, _, fraction = found[1].rstrip('Z').partition('.')
                    at = datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc)
                    times.append(int(at.timestamp()) * 1_000_000_000 + int(fraction.ljust(9, '0')[:9]) - offset)
    return times


def library_versions(setting):
    output = subprocess.run([setting.program('fairlead'), '--version'], capture_output=True, text=True, check=True)
    return ' '.join(output.stdout.split())


class Onslaught:

    def __init__(self, arguments, folder):
        self.arguments, self.profile = arguments, nemesis.PROFILES[arguments.profile]
        self.folder, self.figures = folder, {}

    def run(self):
        arguments, nodes = self.arguments, 3 if self.arguments.cluster else 1
        chance = random.Random(arguments.seed)
        broker = brokers.KINDS[arguments.broker](self.folder, arguments.programs, nodes, random.SystemRandom())
        print(f'{broker.version()}: {nodes} node(s), started in {broker.start_seconds} s', flush=True)
        try:
            self.setting = processes.Setting(arguments.broker, broker.url, arguments.programs, self.folder, chance, {})
            self.setting.direct_url = broker.direct_url
            configure(self.setting)
            self.figures['versions'] = f'{library_versions(self.setting)}, {broker.version()}'
            self.declare()
            with scenarios.Run(self.setting) as scenario:
                return self.attack(broker, scenario, chance.getrandbits(31))
        finally:
            broker.close()

    def declare(self):
        """Before anyone starts, as a deployment would."""
        setting = self.setting
        setting.declare()
        if setting.broker == 'kafka':
            truth.wait_for_leaders(setting)

    def attack(self, broker, scenario, run_id):
        arguments, profile = self.arguments, self.profile
        began = time.monotonic_ns()
        # A cluster takes longer for the same faults, and every message three times as much.
        rate = profile.rate if broker.nodes == 1 else profile.rate // 2
        crew = members.Members(scenario, self.setting, rate, PRODUCERS, run_id)
        victim = self.doomed(scenario, run_id)
        crew.others.append(victim)
        foe = nemesis.Nemesis(broker, crew, victim, lambda text: self.say(began, text))
        scenario.open.callback(foe.close)
        steps = nemesis.plan(profile, arguments.broker, arguments.seed, CONNECTIONS[arguments.broker])
        self.wait_for_load(crew)
        loaded = time.monotonic_ns()
        foe.perform(steps)
        foe.heal()
        self.say(began, f'healed; {foe.cuts()} connections cut, {crew.answered()} publishes answered')
        self.reach(crew, foe)
        crew.watch(QUIET_SECONDS[arguments.profile])
        load_end = time.monotonic_ns()
        of_each, wrong = crew.finish_producers()
        answers = members.merge(of_each)
        self.say(began, f'{len(answers.confirmed)} confirmed, {len(answers.unknown)} unknown, '
                        f'{len(answers.not_persisted)} not persisted; draining')
        crew.drain(set(answers.confirmed), DRAIN_SECONDS[arguments.profile])
        lives = crew.finish()
        handled_end = max([load_end, *(handling.at for life in lives for handling in life.handled)])
        crew.others.clear()
        self.say(began, 'drained; reading what the broker has')
        verdict = self.judge(broker, answers, of_each, lives, foe, (loaded, load_end, handled_end))
        verdict.violations += wrong
        victim.finish(verdict)
        for producer in crew.producers:
            liveness.judge_growth(producer.name, producer.samples, verdict,
                                  but=['rss_kib'] if self.arguments.sanitized else [])
        verdict.figures['healthy part of the time'] = round(
            foe.right_seconds / max(0.001, foe.right_seconds + foe.wrong_seconds), 2)
        verdict.figures['crash points'] = crew.crashes
        self.must_reach(verdict, len(answers.confirmed), foe)
        return verdict

    def doomed(self, scenario, run_id):
        main = self.setting
        setting = processes.Setting(main.broker, main.url, main.programs, main.folder, main.random,
                                    {'concurrency': CONCURRENCY, 'max_in_flight': MAX_IN_FLIGHT}, partitions=2)
        setting.direct_url, setting.settings, setting.kafka_conf = main.direct_url, main.settings, main.kafka_conf
        return doomed.Doomed(scenario, setting, run_id)

    @staticmethod
    def seconds_since(began):
        return (time.monotonic_ns() - began) / 1e9

    def say(self, began, text):
        print(f'{self.seconds_since(began):7.1f}  {text}', flush=True)

    def wait_for_load(self, crew):
        """Everyone is at work before anything breaks."""
        deadline = time.monotonic() + 60
        while crew.answered() < 100 or crew.handled() < 100:
            crew.watch(0.05)
            if time.monotonic() > deadline:
                raise processes.Stuck(f'before any fault: {crew.answered()} published, {crew.handled()} handled')

    def reach(self, crew, foe):
        """Until enough is confirmed, about: hurried publishes may have failed, and the exact count is the checker's."""
        deadline = time.monotonic() + LOAD_SECONDS[self.arguments.profile]
        while crew.answered() < 1.08 * self.profile.confirmed and time.monotonic() < deadline:
            crew.watch(0.5)

    def judge(self, broker, answers, of_each, lives, foe, times):
        loaded, load_end, handled_end = times
        setting, verdict = self.setting, checker.Verdict()
        run, limits = scenarios.history_of(answers, lives), self.limits()
        verdict.figures.update({'attempted': len(run.published), 'confirmed': len(answers.confirmed),
                                'unknown': len(answers.unknown), 'not persisted': len(answers.not_persisted),
                                'unroutable': len(answers.unroutable)})
        if setting.broker == 'kafka':
            entries, positions = truth.read_log(setting, setting.destination)
            truth.judge_positions(positions, answers.confirmed, verdict)
        else:
            entries = truth.read_audit(setting, AUDIT)
            truth.judge_queues(setting, verdict)
        self.keep('at-broker', entries)
        self.keep('faults', [(fault.begin, fault.end, fault.kind) for fault in foe.faults])
        numbers = [number for _, number in entries]
        verdict.figures['unknown, but there'] = len(set(numbers) & set(answers.unknown))
        checker.judge_delivery(run, verdict)
        checker.judge_order(run, verdict)
        truth.judge_entries(entries, run, verdict)
        if setting.broker == 'kafka':
            losses, unclear = None, frozenset()  # librdkafka does not say which process lost its connection
            copies = repeats.judge_copies(numbers, PRODUCERS * sum(fault.cuts for fault in foe.faults), WINDOW, verdict)
        else:
            losses, unclear = self.losses(of_each, lives, verdict)
            copies = repeats.judge_copies(numbers, sum(map(losses.get, self.producers())), WINDOW, verdict)
        repeats.judge_redelivery(run, copies, foe.faults, limits, verdict, losses, unclear)
        checker.judge_ends(run, limits, verdict, foe.faults)
        liveness.judge_answers(of_each, verdict)
        confirms = [(answer.begin + answer.took) * 1000 for answer in answers.confirmed.values()]
        handlings = [handling.at for life in lives for handling in life.handled]
        # A cluster goes on when a node is gone: that is no excuse for standing still.
        excuses = [fault for fault in foe.faults if broker.nodes == 1 or fault.kind not in NODE_FAULTS]
        liveness.judge_stalls(confirms, handlings, excuses, loaded, load_end, handled_end, verdict)
        self.measure(answers, lives, foe, confirms, verdict)
        return verdict

    def keep(self, name, rows):
        """For whoever looks for the cause of what was found."""
        with open(self.setting.path(name), 'w', encoding='utf-8') as file:
            file.writelines(' '.join(map(str, row)) + '\n' for row in rows)

    @staticmethod
    def producers():
        return [f'producer-{number}' for number in range(PRODUCERS)]

    def losses(self, of_each, lives, verdict):
        """RabbitMQ: a process has one connection, and says when it lost it: how often each did, and the messages whose
        publish was under way then. Of what a connection that ends has brought, each queue takes in the first part, and
        not every queue the same: what is left for the auditors does not say how often these were there for the
        consumers."""
        times = {name: connection_losses(self.setting, [name], LOST)
                 for name in [*self.producers(), *(life.name for life in lives)]}
        losses = {name: len(found) for name, found in times.items()}
        verdict.figures['reconnects of producers, of consumers'] = [
            sum(map(losses.get, self.producers())), sum(losses[life.name] for life in lives)]
        unclear = {number for name, answers in zip(self.producers(), of_each)
                   for number in repeats.under_way(answers.every(), times[name])}
        verdict.figures['under way at a reconnect'] = len(unclear)
        return losses, unclear

    def measure(self, answers, lives, foe, confirms, verdict):
        """How quickly faults were noticed and overcome; figures only."""
        cuts = [fault for fault in foe.faults if fault.cuts]
        logs = self.producers() + [life.name for life in lives]
        begins = {answer.number: answer.begin * 1000 for answer in answers.every()}
        verdict.figures['noticed after, p50, p99, max, s'] = liveness.percentiles(
            liveness.detections(cuts, connection_losses(self.setting, logs)))
        verdict.figures['confirming again after, p50, p99, max, s'] = liveness.percentiles(
            liveness.recoveries(cuts, confirms))
        ends = sorted(fault.end for fault in cuts)
        fresh = [handling.at for life in lives for handling in life.handled
                 if self.is_fresh(handling, begins, ends)]
        verdict.figures['handling again after, p50, p99, max, s'] = liveness.percentiles(
            liveness.recoveries(cuts, fresh))

    @staticmethod
    def is_fresh(handling, begins, ends):
        """Published after the last fault that had ended when it was handled."""
        at = bisect.bisect_right(ends, handling.at)
        return at > 0 and begins.get(handling.number, 0) >= ends[at - 1]

    def limits(self):
        return checker.Limits(MAX_IN_FLIGHT, CONCURRENCY, scenarios.COMMIT_WINDOW_NS[self.setting.broker],
                              members.DRAIN_SECONDS + members.DRAIN_GRACE_SECONDS)

    def must_reach(self, verdict, confirmed, foe):
        """A run that did less than its profile says proves less."""
        done = {'confirmed': confirmed, 'broker kills': foe.counts.get('broker killed', 0),
                'consumer kills': foe.counts.get('consumer killed', 0), 'connections cut': foe.cuts()}
        wanted = {'confirmed': self.profile.confirmed, 'broker kills': self.profile.broker_kills,
                  'consumer kills': self.profile.consumer_kills, 'connections cut': self.profile.cuts}
        verdict.figures.update(done)
        verdict.figures['faults'] = dict(sorted(foe.counts.items()))
        verdict.violations += [f'too little was done: {done[name]} {name}, not {least}'
                               for name, least in wanted.items() if done[name] < least]
