"""What is done to a run, and when: planned from a seed, so that it can be done again."""
import dataclasses
import random
import threading
import time

from history import Fault
from processes import Stuck

CRASH_POINTS = ['before-handler', 'mid-handler', 'after-effect', 'after-mark', 'before-ack', 'after-ack']
# With these going on nothing may come through; by those of the second line no connection breaks.
WHILE_IT_LASTS = ['broker killed', 'broker stopped', 'black hole', 'half-open to the broker', 'half-open to the client',
                  'client orphaned', 'broker orphaned', 'memory alarm', 'disk alarm', 'latency', 'slices']
HARMLESS = {'memory alarm', 'disk alarm', 'latency', 'slices'}
CUTS = ['all reset', 'one reset', 'one reset', 'cut in a request', 'cut in an answer', 'confirms lost']
INSTANTS_PER_STEP = 2.5
AMQP_ONLY = {'memory alarm', 'disk alarm'}
ONE_AT_A_TIME = {'broker killed', 'broker stopped', 'memory alarm', 'disk alarm'}  # an alarm needs a broker that listens


@dataclasses.dataclass(frozen=True)
class Profile:
    confirmed: int
    broker_kills: int
    consumer_kills: int
    cuts: int  # connections
    others: int  # of each other kind that lasts
    joins: int
    rate: int  # messages a second, of each producer
    long_holes: int = 0  # longer than it takes to notice a dead peer


PROFILES = {
    'smoke': Profile(20_000, 2, 6, 40, 1, 1, 400),
    'ci': Profile(200_000, 10, 40, 400, 3, 6, 600, 2),
    'release': Profile(260_000, 26, 60, 600, 4, 8, 600, 3),
}


@dataclasses.dataclass(frozen=True)
class Event:
    """One thing that is done: `at` and `lasts` are seconds, `at` counted from the begin of its step."""
    kind: str
    at: float
    lasts: float = 0.0
    choice: float = 0.0  # which of several, 0 to 1
    detail: str = ''


@dataclasses.dataclass(frozen=True)
class Step:
    """A subset of faults that overlap, and a rest without any."""
    events: list
    rest: float

    def __str__(self):
        text = ', '.join(f'{event.kind}{" " + event.detail if event.detail else ""} +{event.at:.2f} s'
                         + (f' for {event.lasts:.2f} s' if event.lasts else '') for event in self.events)
        return f'{text or "nothing"}; rest {self.rest:.2f} s'


def lasting_kinds(broker):
    return [kind for kind in WHILE_IT_LASTS if broker == 'amqp' or kind not in AMQP_ONLY]


def plan(profile, broker, seed, connections):
    """Steps that together hold everything the profile asks for; `connections` is how many a reset of all cuts."""
    chance = random.Random(f'{seed} {broker}')
    lasting = ['broker killed'] * profile.broker_kills + [kind for kind in lasting_kinds(broker)[1:]
                                                          for _ in range(profile.others)]
    lasting = [(kind, chance.uniform(0.3, 2.0)) for kind in lasting]
    lasting += [('black hole', chance.uniform(9, 13)) for _ in range(profile.long_holes)]
    chance.shuffle(lasting)
    cuts, expected = [], 0.0
    while expected < 1.2 * profile.cuts:
        cuts.append(chance.choice(CUTS))
        expected += 1 if cuts[-1] == 'one reset' else 0.7 * connections
    instants = cuts + ['consumer killed'] * profile.consumer_kills + ['member joins', 'member leaves'] * profile.joins
    count = max(len(lasting), round(len(instants) / INSTANTS_PER_STEP))
    lasting_of, instants_of = [[] for _ in range(count)], [[] for _ in range(count)]
    for entry in lasting:
        free = [step for step in lasting_of if len(step) < 2 and not (
            entry[0] in ONE_AT_A_TIME and any(kind in ONE_AT_A_TIME for kind, _ in step))]
        chance.choice(free).append(entry)
    for kind in instants:
        chance.choice(instants_of).append(kind)
    calm = [index for index, step in enumerate(lasting_of) if not any(kind in ONE_AT_A_TIME for kind, _ in step)]
    for _ in range(profile.others):
        instants_of[chance.choice(calm)].append('destination deleted')
    return [plan_step(*step, chance) for step in zip(lasting_of, instants_of)]


def plan_step(lasting, instants, chance):
    events = [Event(kind, chance.uniform(0, 0.5), lasts, chance.random()) for kind, lasts in lasting]
    span = max([0.5 + 0.6 * len(instants), *(event.at + event.lasts for event in events)])
    for kind in instants:
        detail = chance.choice(['SIGKILL', 'crash point']) if kind == 'consumer killed' else ''
        events.append(Event(kind, chance.uniform(0, span), 0, chance.random(), detail))
    return Step(sorted(events, key=lambda event: event.at), chance.uniform(0.3, 1.5))


class Nemesis:
    """Does what was planned, and keeps a record."""
    MIN_REST = 1 / 4  # of the time nothing is wrong

    def __init__(self, brokers, members, doomed, say=print):
        self.brokers, self.members, self.doomed, self.say = brokers, members, doomed, say
        self.faults, self.counts, self.down = [], {}, set()
        self.restarting, self.failures = None, []
        self.wrong_seconds = self.right_seconds = 0.0

    def perform(self, steps):
        for number, step in enumerate(steps):
            self.say(f'step {number + 1}/{len(steps)}: {step}')
            began = time.monotonic()
            self.perform_step(step)
            if step.events:
                self.wrong_seconds += time.monotonic() - began
            rest = max(step.rest, self.wrong_seconds / 3 - self.right_seconds)
            self.members.watch(rest)
            self.right_seconds += rest

    def perform_step(self, step):
        began = time.monotonic()
        todo = [(event.at, 0, event) for event in step.events]
        todo += [(event.at + event.lasts, 1, event) for event in step.events if event.lasts]
        begun = {}
        try:
            for at, is_end, event in sorted(todo, key=lambda entry: entry[:2]):
                self.members.watch(began + at - time.monotonic())
                if is_end:
                    self.end(event, begun.pop(event))
                elif event.lasts:
                    if event.kind in ONE_AT_A_TIME:
                        self.wait_for_restart()
                    begun[event] = time.monotonic_ns()
                    self.begin(event)
                else:
                    self.strike(event)
        finally:
            for event, since in begun.items():
                self.end(event, since)

    def count(self, kind, number=1):
        self.counts[kind] = self.counts.get(kind, 0) + number

    def node(self, event):
        return 1 + int(event.choice * self.brokers.nodes)

    def begin(self, event):
        tell = self.brokers.proxy.tell
        self.count(event.kind)
        match event.kind:
            case 'broker killed':
                self.brokers.kill(self.node(event))
                self.down.add(self.node(event))
            case 'broker stopped':
                self.brokers.pause(self.node(event))
            case 'black hole':
                tell('hold', 'both')
            case 'half-open to the broker':
                tell('hold', 'up')
            case 'half-open to the client':
                tell('hold', 'down')
            case 'client orphaned':
                tell('orphan', 'client')
            case 'broker orphaned':
                tell('orphan', 'broker')
            case 'latency':
                tell('delay', 20 + int(event.choice * 200), 100)
            case 'slices':
                tell('slice')
            case 'memory alarm' | 'disk alarm':
                self.brokers.alarm(event.kind.split()[0], True)

    def end(self, event, since):
        match event.kind:
            case 'broker killed':
                self.restarting = threading.Thread(target=self.restart, args=[self.node(event), since])
                self.restarting.start()
                if self.brokers.nodes == 1:
                    self.wait_for_restart()
                return
            case 'broker stopped':
                self.brokers.resume()
            case 'memory alarm' | 'disk alarm':
                self.brokers.alarm(event.kind.split()[0], False)
            case 'client orphaned' | 'broker orphaned':
                pass
            case 'latency':
                self.brokers.proxy.tell('undo', 'delay')
            case 'slices':
                self.brokers.proxy.tell('undo', 'slice')
            case _:
                self.brokers.proxy.tell('undo', 'hold')
        self.faults.append(Fault(event.kind, since, time.monotonic_ns(), event.kind not in HARMLESS))

    def restart(self, node, since):
        """On a thread of its own: the rest of a cluster has to go on meanwhile, and so do we."""
        try:
            self.brokers.restart(node)
            self.down.discard(node)
        except Stuck as stuck:
            self.failures.append(stuck)
        self.faults.append(Fault('broker killed', since, time.monotonic_ns()))

    def wait_for_restart(self):
        """One node is gone at a time."""
        while self.restarting and self.restarting.is_alive():
            self.members.watch(0.05)
        self.restarting = None
        if self.failures:
            raise self.failures[0]

    def close(self):
        """Nothing is started any more."""
        if self.restarting:
            self.restarting.join()

    def strike(self, event):
        tell, since = self.brokers.proxy.tell, time.monotonic_ns()
        match event.kind:
            case 'consumer killed':
                self.count(event.kind)
                return self.members.kill(event.choice, event.detail)
            case 'member joins':
                self.count(event.kind)
                return self.members.join()
            case 'member leaves':
                self.count(event.kind)
                return self.members.leave(event.choice)
            case 'destination deleted':
                self.count(event.kind)
                self.wait_for_restart()
                return self.doomed.delete(event.choice * 3)
            case 'all reset':
                tell('reset', 'all')
            case 'one reset':
                tell('reset', int(event.choice * 1000))
            case 'cut in a request':
                tell('cut', 'up', int(event.choice * 4096))
                self.members.watch(0.3)
                tell('undo', 'cut')
            case 'cut in an answer':
                tell('cut', 'down', int(event.choice * 1024))
                self.members.watch(0.3)
                tell('undo', 'cut')
            case 'confirms lost':
                tell('lose', 'down')
                self.members.watch(0.05 + event.choice * 0.3)
                tell('reset', 'all')
                tell('undo', 'lose')
        self.count(event.kind)
        self.faults.append(Fault(event.kind, since, time.monotonic_ns()))

    def heal(self):
        """Everything is as it should be from here on."""
        self.brokers.resume()
        self.brokers.proxy.tell('pass')
        self.wait_for_restart()
        if 'memory alarm' in self.counts:
            self.brokers.alarm('memory', False)
        if 'disk alarm' in self.counts:
            self.brokers.alarm('disk', False)

    def cuts(self):
        return self.brokers.proxy.tell('count').cut


