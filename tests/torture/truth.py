"""What the broker holds after a run, read by clients that are not ours, so that a fault of our consumer hides nothing."""
import collections
import os
import subprocess
import sys
import time
import urllib.parse

import checker
import processes
from history import CORRUPT

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli'))
import peers  # noqa: E402


LINE_FRONT_BYTES = 120  # key, partition, offset and size fit in
AUDIT_SECONDS = 120  # for one queue
HEADER_BYTES = 38  # run, number, size, check sum; see payload.hpp


def number_of(payload):
    """What a payload says it is, or CORRUPT; the check sum is for the consumers to compare."""
    if len(payload) < HEADER_BYTES or int(payload[22:28]) != len(payload) - HEADER_BYTES:
        return CORRUPT
    return int(payload[9:21])


def read_log(setting, destination):
    """Kafka: (key, number) of all that is in the log, of one key in the log's order; and the number at each (partition,
    offset)."""
    address = urllib.parse.urlsplit(setting.direct_url).netloc
    command = ['kcat', '-q', '-b', address, '-C', '-e', '-t', destination, '-o', 'beginning', '-f', '%k %p %o %S %s\n']
    try:
        output = subprocess.run(command, check=True, capture_output=True, timeout=300).stdout
    except FileNotFoundError:
        raise processes.Stuck('kcat is not installed') from None
    entries, positions, at = [], {}, 0
    while at < len(output):
        key, partition, offset, size, _ = output[at:at + LINE_FRONT_BYTES].split(b' ', 4)
        begin = at + len(key) + len(partition) + len(offset) + len(size) + 4
        at = begin + int(size) + 1
        number = number_of(output[begin:at - 1])
        entries.append((key.decode(), number))
        positions[int(partition), int(offset)] = number
    return entries, positions


def judge_positions(positions, confirmed, verdict):
    """Kafka: where the receipt says that a message is, it is."""
    wrong = [number for number, answer in confirmed.items() if answer.position >= 0
             and positions.get((answer.partition, answer.position)) != number]
    verdict.must_be_empty('confirmed at a position of another message', wrong)
    verdict.must_be_empty('confirmed without a position',
                          [number for number, answer in confirmed.items() if answer.position < 0])


def wait_for_leaders(setting, seconds=60):
    """Kafka: until each partition of a new topic is served; its metadata is there earlier than that."""
    address = urllib.parse.urlsplit(setting.direct_url).netloc
    command = ['kcat', '-q', '-b', address, '-Q']
    for partition in range(setting.partitions):
        command += ['-t', f'{setting.destination}:{partition}:-1']
    deadline = time.monotonic() + seconds
    while subprocess.run(command, capture_output=True, timeout=seconds, check=False).returncode != 0:
        if time.monotonic() > deadline:
            raise processes.Stuck(f'the topic {setting.destination} has no leaders after {seconds} s')


def connect(setting):
    if peers.pika is None:
        raise processes.Stuck('the Python package pika is not installed')
    url = urllib.parse.urlsplit(setting.direct_url)
    first = url._replace(netloc=url.netloc.split(',')[0])  # pika knows no more than one address
    return peers.pika.BlockingConnection(peers.pika.URLParameters(first.geturl()))


def queues(setting, group):
    return [f'{setting.destination}.{group}.{partition}' for partition in range(setting.partitions)]


def has_consumer(connection, queue):
    """Whether there is such a queue, and somebody reads it."""
    try:
        return connection.channel().queue_declare(queue, passive=True).method.consumer_count > 0
    except peers.pika.exceptions.ChannelClosedByBroker:
        return False


def read_audit(setting, group):
    """RabbitMQ: (key, number) of all that was put into the queues of a group that nobody consumes."""
    return read_queues(setting, queues(setting, group))


def read_queues(setting, names):
    """RabbitMQ: takes all that is in these queues."""
    entries = []

    def on_message(_channel, _method, properties, payload):
        key = (properties.headers or {}).get('message-key', b'')
        entries.append((key.decode() if isinstance(key, bytes) else key, number_of(payload)))

    with connect(setting) as connection:
        for queue in names:
            channel = connection.channel()
            left = channel.queue_declare(queue, passive=True).method.message_count
            wanted = len(entries) + left
            channel.basic_consume(queue, on_message, auto_ack=True)
            deadline = time.monotonic() + AUDIT_SECONDS
            while len(entries) < wanted and time.monotonic() < deadline:
                connection.process_data_events(1)
            channel.close()
    return entries


def judge_log(setting, history, verdict):
    """Kafka: the log holds every confirmed message, once."""
    numbers = collections.Counter(number for _, number in read_log(setting, setting.destination)[0])
    verdict.must_be_empty('confirmed, not in the log', history.confirmed - numbers.keys())
    verdict.must_be_empty('twice in the log', [number for number, count in numbers.items() if count > 1])


def judge_queues(setting, verdict):
    """RabbitMQ: everything was acked, so the queues are empty."""
    with connect(setting) as connection:
        channel = connection.channel()
        left = sum(channel.queue_declare(queue, passive=True).method.message_count
                   for queue in queues(setting, setting.group))
    verdict.must_be_zero('left in the queues', left)


def judge_entries(entries, history, verdict):
    """What the broker was given: all that was confirmed, nothing that was reported as not persisted, each key in
    publish order."""
    numbers = {number for _, number in entries}
    verdict.figures['at the broker'] = len(entries)
    verdict.must_be_zero('corrupt at the broker', sum(number == CORRUPT for _, number in entries))
    verdict.must_be_empty('confirmed, not at the broker', history.confirmed - numbers)
    verdict.must_be_empty('at the broker though not persisted', numbers & history.not_persisted)
    broken, _ = checker.inversions(entries, history.confirmed)
    verdict.must_be_empty('key order inversions at the broker', broken)


def judge_broker(setting, history, verdict):
    if setting.broker == 'kafka':
        judge_log(setting, history, verdict)
    else:
        judge_queues(setting, verdict)
