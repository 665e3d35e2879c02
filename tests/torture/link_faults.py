"""Runs on RabbitMQ with one kind of fault each, behind a proxy of their own: the least that it takes to see whether one
certain promise is kept. What happens when everything comes together is for torture.py."""
import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.parse

import checker
import processes
import scenarios
import truth
from proxy import Proxy

HEARTBEAT_SECONDS = 2
# Connecting again and what a busy machine takes; the checks that would find out without heartbeats come later.
NOTICE_GRACE_SECONDS = 4
CANCEL_NOTICE_SECONDS = 4  # of a deleted queue; the check that would find out without being told takes 5 s and more


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
        producer = run.producer(size.messages, 20, options=['--rate', 1000, '--may-fail', 1])
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


def alarm(is_on):
    """RabbitMQ's memory alarm: it takes no publishes, but acks; of the broker that provision.sh has started."""
    directory = os.environ.get('FAIRLEAD_BROKER_DIR')
    if not directory:
        raise processes.Stuck('FAIRLEAD_BROKER_DIR is not set: an alarm needs a RabbitMQ that is a local process')
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'brokers', 'start-rabbitmq.sh')
    subprocess.run([script, 'ctl', os.path.join(directory, 'amqp'), '1', 'set_vm_memory_high_watermark',
                    *(['0'] if is_on else ['absolute', '1GiB'])], check=True, timeout=60)


def dead_letters_blocked(setting, size, _options):
    """The broker does not take dead letters while their consumer is killed: they have to come again."""
    setting.subscription.update(concurrency=4, max_in_flight=60)
    lives = []
    with scenarios.Run(setting) as run:
        answers = run.producer(size.messages, 100).finish()
        for number in range(size.faults):
            consumer = run.consumer(f'rejecting-{number}', max_handler_us=40_000, outcome='reject')
            consumer.wait_for_lines(50)
            try:
                alarm(True)
                time.sleep(0.5)
                consumer.kill()
            finally:
                alarm(False)
            lives.append(consumer.life)
        scenarios.drain_to_the_end(run.consumer('rejecting-last', outcome='reject'), lives, set(answers.confirmed))
        entries = truth.read_queues(setting, [f'{setting.destination}.{setting.group}.dlq'])
    verdict = checker.Verdict()
    verdict.figures.update({'confirmed': len(answers.confirmed), 'dead letters': len(entries)})
    verdict.must_be_empty('no dead letter', answers.confirmed.keys() - {number for _, number in entries})
    truth.judge_queues(setting, verdict)
    return verdict
