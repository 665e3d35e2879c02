"""Runs on RabbitMQ with one kind of fault each, behind a proxy of their own: the least that it takes to see whether one
certain promise is kept. What happens when everything comes together is for torture.py."""
import contextlib
import signal
import socket
import time
import urllib.parse

import checker
import ledger
import processes
import scenarios
import truth
from proxy import Proxy

HEARTBEAT_SECONDS = 2
# Connecting again and what a busy machine takes; the checks that would find out without heartbeats come later.
NOTICE_GRACE_SECONDS = 3
CANCEL_NOTICE_SECONDS = 2  # of a deleted queue; 1 s is promised, the rest is for a busy machine


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def put_proxy_before(setting, run):
    port, target = free_port(), urllib.parse.urlsplit(setting.url).port
    proxy = run.add(Proxy(setting.program('torture_proxy'), [(port, target)]))
    setting.url = setting.url.replace(f':{target}', f':{port}')
    setting.settings['connection'] = {'backoff_initial': '50ms', 'backoff_max': '500ms'}
    return proxy


def judge(setting, answers, lives):
    history, verdict = scenarios.history_of(answers, lives), checker.Verdict()
    checker.judge_delivery(history, verdict)
    checker.judge_order(history, verdict)
    checker.judge_ends(history, scenarios.limits_of(setting), verdict)
    truth.judge_queues(setting, verdict)
    return verdict


def bytes_lost(setting, size, options):
    """Publishes, or their confirms, vanish on the way before the connection breaks."""
    setting.subscription.update(concurrency=16, max_in_flight=200)
    setting.settings['publish'] = {'deadline': '12s', 'unconfirmed': options.unconfirmed}
    lives = []
    with scenarios.Run(setting) as run:
        proxy = put_proxy_before(setting, run)
        may_fail = int(options.unconfirmed == 'report')
        producer = run.producer(size.messages, 100, options=['--rate', 1000, '--may-fail', may_fail])
        consumer = run.consumer('consumer')
        for number in range(size.faults):
            consumer.wait_for_lines(consumer.count() + setting.random.randint(100, 300))
            proxy.tell('lose', ('up', 'down')[number % 2])
            time.sleep(setting.random.uniform(0.05, 0.2))
            proxy.tell('reset', 'all')
            proxy.tell('undo', 'lose')
        answers = producer.finish()
        scenarios.drain_to_the_end(consumer, lives, set(answers.confirmed))
    verdict = judge(setting, answers, lives)
    verdict.figures['unknown'] = len(answers.unknown)
    if options.unconfirmed == 'resend':
        verdict.must_be_empty('not confirmed though there was time', answers.unknown.keys() | answers.not_persisted.keys())
    return verdict


def late_acks(setting, size, _options):
    """Handlers end after their connection has, and their process is killed soon after that."""
    setting.subscription.update(concurrency=16, max_in_flight=200)
    lives = []
    with scenarios.Run(setting) as run:
        answers = run.producer(size.messages, 100).finish()
        proxy = put_proxy_before(setting, run)
        for number in range(size.faults):
            consumer = run.consumer(f'consumer-{number}', max_handler_us=300_000)
            consumer.wait_for_lines(setting.random.randint(60, 100))
            proxy.tell('reset', 'all')
            time.sleep(setting.random.uniform(0.2, 0.4))
            consumer.kill()
            lives.append(consumer.life)
        scenarios.drain_to_the_end(run.consumer('consumer-last'), lives, set(answers.confirmed))
    return judge(setting, answers, lives)


def dead_peer(setting, size, _options):
    """The broker's end of each connection is gone, and nobody says so."""
    setting.subscription.update(concurrency=16, max_in_flight=200)
    setting.settings['amqp'] = {'heartbeat': f'{HEARTBEAT_SECONDS}s'}
    lives, took = [], []
    with scenarios.Run(setting) as run:
        proxy = put_proxy_before(setting, run)
        producer = run.producer(0, 100, options=['--rate', 200, '--may-fail', 1])
        consumer = run.consumer('consumer')
        for _ in range(size.faults):
            consumer.wait_for_lines(consumer.count() + 100)
            proxy.tell('orphan', 'client')
            began = time.monotonic()
            time.sleep(0.5)  # what had already come in is handled by then
            with contextlib.suppress(processes.Stuck):
                consumer.wait_for_lines(consumer.count() + 50)
            took.append(time.monotonic() - began)
        producer.process.send_signal(signal.SIGTERM)
        answers = producer.finish()
        scenarios.drain_to_the_end(consumer, lives, set(answers.confirmed))
    verdict = judge(setting, answers, lives)
    verdict.figures['working again after, s'] = [round(seconds, 2) for seconds in took]
    late = [seconds for seconds in took if seconds > 2 * HEARTBEAT_SECONDS + NOTICE_GRACE_SECONDS]
    verdict.must_be_zero('dead peers noticed too late', len(late), f'{max(late):.1f} s' if late else '')
    return verdict


def queue_deleted(setting, size, _options):
    """A queue is deleted under its consumer, which has to declare it again."""
    setting.subscription.update(concurrency=1, max_in_flight=200)
    lives, took = [], []
    with scenarios.Run(setting) as run:
        consumer = run.consumer('consumer')
        answers = run.producer(size.messages, 100).finish()
        consumer.wait_for_lines(size.messages)
        with truth.connect(setting) as connection:
            queue = truth.queues(setting, setting.group)[0]
            for _ in range(size.faults):
                began = time.monotonic()
                connection.channel().queue_delete(queue)
                with contextlib.suppress(processes.Stuck):
                    processes.wait_for(lambda: truth.has_consumer(connection, queue), lambda: 0, 'the deleted queue')
                took.append(time.monotonic() - began)
        scenarios.drain_to_the_end(consumer, lives, set(answers.confirmed))
    verdict = judge(setting, answers, lives)
    verdict.figures['consuming again after, s'] = [round(seconds, 2) for seconds in took]
    late = [seconds for seconds in took if seconds > CANCEL_NOTICE_SECONDS]
    verdict.must_be_zero('deleted queues noticed too late', len(late), f'{max(late):.1f} s' if late else '')
    return verdict
