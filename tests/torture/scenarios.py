"""What happens in each run, and what is asked of its history."""
import contextlib
import dataclasses
import subprocess
import time

import checker
import ledger
import processes
from history import History

# One commit on its way to Kafka: they are 5 ms apart and take some 6 ms, on a busy machine more. RabbitMQ never hands
# out more than the prefetch, whatever was acked.
COMMIT_WINDOW_NS = {'kafka': 250_000_000, 'amqp': 0}
DRAIN_SECONDS = 10
DRAIN_GRACE_SECONDS = 1  # to leave the group and end the process


@dataclasses.dataclass(frozen=True)
class Size:
    messages: int
    faults: int


SIZES = {
    'consumer-kills': {'ci': Size(30_000, 8), 'full': Size(300_000, 40)},
    'sigterm': {'ci': Size(20_000, 20), 'full': Size(100_000, 100)},
    'storm': {'ci': Size(5_000, 5), 'full': Size(50_000, 30)},
    'redrive': {'ci': Size(1_000, 1), 'full': Size(10_000, 1)},
}


def limits_of(setting):
    subscription = setting.subscription
    return checker.Limits(subscription['max_in_flight'], subscription['concurrency'], COMMIT_WINDOW_NS[setting.broker],
                          DRAIN_SECONDS + DRAIN_GRACE_SECONDS)


def history_of(answers, lives):
    published = {number: key for ended in answers.values() for number, key in ended.items()}
    return History(published, set(answers['confirmed']), set(answers['not_persisted']) | set(answers['unroutable']), lives)


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
        drain_to_the_end(run.consumer('consumer-last', instance), lives, set(answers['confirmed']))
    history, verdict, limits = history_of(answers, lives), checker.Verdict(), limits_of(setting)
    checker.judge_delivery(history, verdict)
    checker.judge_order(history, verdict)
    checker.judge_redelivery(history, limits, verdict)
    checker.judge_ends(history, limits, verdict)
    return verdict


def sigterm(setting, size, options):
    """A consumer under load is told to stop again and again, at times while it still starts."""
    setting.subscription.update(concurrency=16, max_in_flight=200)
    instance = 'torture-0' if options.membership == 'static' else None
    share = size.messages // (size.faults + 1)
    lives = []
    with Run(setting) as run:
        producer = run.producer(size.messages, 100)
        for number in range(size.faults):
            consumer = run.consumer(f'consumer-{number}', instance, drain_seconds=DRAIN_SECONDS)
            if setting.random.random() < 0.8:
                consumer.wait_for_lines(setting.random.randint(1, share))
            time.sleep(setting.random.uniform(0.02, 0.3) if consumer.count() == 0 else setting.random.uniform(0, 0.02))
            consumer.terminate(DRAIN_SECONDS + DRAIN_GRACE_SECONDS)
            lives.append(consumer.life)
        answers = producer.finish()
        drain_to_the_end(run.consumer('consumer-last', instance), lives, set(answers['confirmed']))
    history, verdict, limits = history_of(answers, lives), checker.Verdict(), limits_of(setting)
    checker.judge_delivery(history, verdict)
    checker.judge_order(history, verdict)
    checker.judge_redelivery(history, limits, verdict)
    checker.judge_ends(history, limits, verdict)
    return verdict
