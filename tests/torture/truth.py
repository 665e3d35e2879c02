"""What the broker holds after a run, read by clients that are not ours, so that a fault of our consumer hides nothing."""
import collections
import os
import subprocess
import sys
import urllib.parse

import processes

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
import peers  # noqa: E402


def judge_log(setting, history, verdict):
    """Kafka: the log holds every confirmed message, once."""
    address = urllib.parse.urlsplit(setting.url).netloc
    command = ['kcat', '-q', '-b', address, '-C', '-e', '-t', setting.destination, '-o', 'beginning', '-f', '%s\n']
    try:
        output = subprocess.run(command, check=True, capture_output=True, timeout=300).stdout
    except FileNotFoundError:
        raise processes.Stuck('kcat is not installed') from None
    numbers = collections.Counter(map(int, output.split()))
    verdict.must_be_empty('confirmed, not in the log', history.confirmed - numbers.keys())
    verdict.must_be_empty('twice in the log', [number for number, count in numbers.items() if count > 1])


def judge_queues(setting, verdict):
    """RabbitMQ: everything was acked, so the queues are empty."""
    if peers.pika is None:
        raise processes.Stuck('the Python package pika is not installed')
    with peers.pika.BlockingConnection(peers.pika.URLParameters(setting.url)) as connection:
        channel = connection.channel()
        left = sum(channel.queue_declare(f'{setting.destination}.{setting.group}.{partition}', passive=True)
                   .method.message_count for partition in range(setting.partitions))
    verdict.must_be_zero('left in the queues', left)


def judge_broker(setting, history, verdict):
    if setting.broker == 'kafka':
        judge_log(setting, history, verdict)
    else:
        judge_queues(setting, verdict)
