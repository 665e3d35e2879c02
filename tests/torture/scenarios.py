"""What happens in each run, and what is asked of its history."""
import contextlib
import dataclasses
import time

import checker
import ledger
import processes
import truth
from history import History

# One commit on its way to Kafka: they are 5 ms apart and take some 6 ms, on a busy machine 100. RabbitMQ never hands out
# more than the prefetch, whatever was acked.
COMMIT_WINDOW_NS = {'kafka': 150_000_000, 'amqp': 0}
DRAIN_SECONDS = 10
DRAIN_GRACE_SECONDS = 1  # to leave the group and end the process


@dataclasses.dataclass(frozen=True)
class Size:
    messages: int
    faults: int


SIZES = {
    'consumer-kills': {'small': Size(6_000, 3), 'ci': Size(30_000, 8), 'full': Size(300_000, 40)},
    'sigterm': {'small': Size(6_000, 11), 'ci': Size(10_000, 20), 'full': Size(100_000, 100)},
    'storm': {'small': Size(2_000, 5), 'ci': Size(5_000, 5), 'full': Size(50_000, 30)},
    'bytes-lost': {'small': Size(4_000, 4), 'ci': Size(20_000, 20), 'full': Size(100_000, 100)},
    'late-acks': {'small': Size(1_500, 3), 'ci': Size(3_000, 6), 'full': Size(10_000, 20)},
    'dead-peer': {'small': Size(0, 1), 'ci': Size(0, 3), 'full': Size(0, 10)},
    'queue-deleted': {'small': Size(300, 1), 'ci': Size(300, 3), 'full': Size(300, 20)},
    'dead-letters-blocked': {'small': Size(1_000, 1), 'ci': Size(2_000, 3), 'full': Size(10_000, 20)},
    'redrive': {'small': Size(1_500, 1), 'ci': Size(4_000, 1), 'full': Size(10_000, 1)},
}


def limits_of(setting):
    subscription = setting.subscription
    return checker.Limits(subscription['max_in_flight'], subscription['concurrency'], COMMIT_WINDOW_NS[setting.broker],
                          DRAIN_SECONDS + DRAIN_GRACE_SECONDS)


def history_of(answers, lives):
    published = {answer.number: answer.key for answer in answers.every()}
    return History(published, set(answers.confirmed), set(answers.not_persisted) | set(answers.unroutable), lives)


class Run:
    """Closes what was started, whatever happens."""

    def __init__(self, setting):
        self.setting, self.open = setting, contextlib.ExitStack()

    def __enter__(self):
        self.open.__enter__()
        return self

    def __exit__(self, *failure):
        return self.open.__exit__(*failure)

    def add(self, process):
        self.open.callback(process.close)
        return process

    def producer(self, *arguments, **options):
        return self.add(processes.Producer(self.setting, *arguments, **options))

    def consumer(self, *arguments, **options):
        return self.add(processes.Consumer(self.setting, *arguments, **options))


def drain_to_the_end(consumer, lives, confirmed):
    """Lets the last consumer work until everything confirmed was handled, then stops it. What is missing after a time
    without progress is for the checker to name."""
    missing = confirmed - {handling.number for life in lives for handling in life.handled}
    seen = 0

    def is_complete():
        nonlocal seen
        if consumer.count() > seen:
            handled = ledger.read_handlings(consumer.ledger)
            missing.difference_update(handling.number for handling in handled[seen:])
            seen = len(handled)
        return not missing

    with contextlib.suppress(processes.Stuck):
        consumer.wait_until(is_complete)
    consumer.terminate(DRAIN_SECONDS + DRAIN_GRACE_SECONDS)
    lives.append(consumer.life)


def judge(setting, answers, lives):
    """One consumer process after the other: nothing lost, in key order, handled again only where a kill explains it."""
    history, verdict, limits = history_of(answers, lives), checker.Verdict(), limits_of(setting)
    checker.judge_delivery(history, verdict)
    checker.judge_order(history, verdict)
    checker.judge_redelivery(history, limits, verdict)
    checker.judge_ends(history, limits, verdict)
    truth.judge_broker(setting, history, verdict)
    return verdict


def consumer_kills(setting, size, options):
    """A consumer under load is killed again and again; each has first handled a random share."""
    setting.subscription.update(concurrency=16, max_in_flight=200)
    instance = None if options.membership == 'dynamic' else 'torture-0'
    share = size.messages // (size.faults + 1)
    lives = []
    with Run(setting) as run:
        producer = run.producer(size.messages, 100)
        for number in range(size.faults):
            consumer = run.consumer(f'consumer-{number}', instance)
            consumer.wait_for_lines(setting.random.randint(share // 2, share))
            time.sleep(setting.random.uniform(0, 0.02))  # any moment, not only the one at which a line was written
            consumer.kill()
            lives.append(consumer.life)
        answers = producer.finish()
        drain_to_the_end(run.consumer('consumer-last', instance), lives, set(answers.confirmed))
    return judge(setting, answers, lives)


def sigterm(setting, size, options):
    """A consumer under load is told to stop again and again, in every fifth case while it still starts."""
    setting.subscription.update(concurrency=16, max_in_flight=200)
    instance = 'torture-0' if options.membership == 'static' else None
    share = size.messages // (size.faults + 1)
    lives = []
    with Run(setting) as run:
        producer = run.producer(size.messages, 100)
        for number in range(size.faults):
            consumer = run.consumer(f'consumer-{number}', instance, max_handler_us=20_000, drain_seconds=DRAIN_SECONDS)
            if setting.random.random() < 0.2:
                time.sleep(setting.random.uniform(0.02, 0.3))
            else:
                consumer.wait_for_lines(setting.random.randint(1, share))
                time.sleep(setting.random.uniform(0, 0.02))
            consumer.terminate(DRAIN_SECONDS + DRAIN_GRACE_SECONDS)
            lives.append(consumer.life)
        answers = producer.finish()
        drain_to_the_end(run.consumer('consumer-last', instance), lives, set(answers.confirmed))
    return judge(setting, answers, lives)


STORM_MEMBERS = 3
LEASE_SECONDS = 2
QUIET_SECONDS = 5  # longer than a lease: whatever was delayed by another's claim has come back by then


class Storm:
    """Three consumers of one group; a killed one is replaced at once."""

    def __init__(self, run, setting, handler_us):
        self.run, self.setting, self.handler_us, self.lives, self.started = run, setting, handler_us, [], 0
        self.members = [self.start(place) for place in range(STORM_MEMBERS)]

    def start(self, place):
        self.started += 1
        return self.run.consumer(f'consumer-{self.started}', f'torture-{place}', max_handler_us=self.handler_us)

    def count(self):
        return sum(len(life.handled) for life in self.lives) + sum(member.count() for member in self.members)

    def wait_until(self, condition):
        def is_reached():
            for member in self.members:
                member.check_alive()
            return condition()
        processes.wait_for(is_reached, self.count, 'the three consumers')

    def kill(self, place):
        self.members[place].kill()
        self.lives.append(self.members[place].life)
        self.members[place] = self.start(place)

    def wait_until_quiet(self):
        last, since = self.count(), time.monotonic()

        def is_quiet():
            nonlocal last, since
            if self.count() != last:
                last, since = self.count(), time.monotonic()
            return time.monotonic() - since > QUIET_SECONDS
        self.wait_until(is_quiet)

    def end(self):
        for member in self.members:
            member.terminate(DRAIN_SECONDS + DRAIN_GRACE_SECONDS)
            self.lives.append(member.life)


def storm(setting, size, options):
    """Every business key is published several times, and must take effect once. In the middle Redis is killed too."""
    setting.subscription.update(concurrency=8, max_in_flight=200, timeout='1s')  # a lease must outlast it
    share = size.messages // (size.faults + 1)
    store_kills = 0
    with Run(setting) as run:
        redis = run.add(processes.Redis(setting)) if options.store == 'redis' else None
        if options.store != 'none':
            store = redis.url if redis else f'sqlite:{setting.path("idempotency.db")}'
            setting.subscription['idempotency'] = {'store': store, 'keep': '7d', 'lease': f'{LEASE_SECONDS}s'}
        producer = run.producer(size.messages, 1, copies_max=options.copies)
        storming = Storm(run, setting, options.handler_us)
        for number in range(size.faults):
            wanted = storming.count() + setting.random.randint(share // 2, share)
            storming.wait_until(lambda: storming.count() >= wanted)
            time.sleep(setting.random.uniform(0, 0.02))
            if redis and number == size.faults // 2:
                redis.kill()
                store_kills += 1
                time.sleep(setting.random.uniform(0.1, LEASE_SECONDS))
                redis.start()
            storming.kill(setting.random.randrange(STORM_MEMBERS))
        answers = producer.finish()
        storming.wait_until_quiet()
        storming.end()
    history, verdict, limits = history_of(answers, storming.lives), checker.Verdict(), limits_of(setting)
    checker.judge_effects(history, limits, store_kills, STORM_MEMBERS, verdict)
    checker.judge_ends(history, limits, verdict)
    truth.judge_broker(setting, history, verdict)
    return verdict


# Taken out of the dead letters and not settled there yet: the command's max_in_flight, and as much again for a commit
# on its way.
REDRIVE_WINDOW = 2_000


def redrive(setting, size, _options):
    """Every message is given up on; `fairlead dlq redrive` brings all back, killed in the middle and run again."""
    setting.subscription.update(concurrency=16, max_in_flight=200)
    with Run(setting) as run:
        answers = run.producer(size.messages, 100).finish()
        rejecting = run.consumer('rejecting', outcome='reject')
        rejecting.wait_for_lines(size.messages)
        rejecting.terminate(DRAIN_SECONDS + DRAIN_GRACE_SECONDS)

        consumer = run.consumer('consumer')
        command = [setting.program('fairlead'), 'dlq', 'redrive', '--config', setting.config('redrive'),
                   setting.destination, '--group', setting.group]
        killed = run.add(processes.Command(setting, 'redrive-killed', command))
        consumer.wait_for_lines(setting.random.randint(size.messages // 10, size.messages // 2))
        killed.kill()
        run.add(processes.Command(setting, 'redrive-again', command)).finish()
        lives = []
        drain_to_the_end(consumer, lives, set(answers.confirmed))
    history, verdict = history_of(answers, lives), checker.Verdict()
    checker.judge_delivery(history, verdict)
    checker.judge_redrive(history, REDRIVE_WINDOW, verdict)
    checker.judge_ends(history, limits_of(setting), verdict)
    return verdict
