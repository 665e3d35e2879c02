#!/usr/bin/env python3
"""The command against a real broker, and side by side with clients that are not ours: kcat and pika.

Usage: broker_test.py FAIRLEAD kafka|amqp [UNITTEST-ARGUMENT...]

The broker is the one of FAIRLEAD_KAFKA_URL or FAIRLEAD_AMQP_URL. Without it the test is skipped (exit code 77), and with
FAIRLEAD_REQUIRE_BROKERS=1 it fails.
"""
import base64
import json
import os
import signal
import sys
import unittest
import uuid

import peers
from command import Command, lines_of
from consumer import TAKE_SECONDS, Consumer

EVERY_BYTE = bytes(range(256))
BINARY_KEY = b'key \xff\xfe'


def in_base64(data):
    return base64.b64encode(data).decode()


class Broker(Command):
    url = ''
    peer = None

    def setUp(self):
        self.destination = f'cli-{uuid.uuid4().hex[:12]}'
        self.group = f'billing-of-{self.destination}'  # a Kafka group is one for the whole cluster

    def target(self, partitions=1, destination=None):
        return ('--url', self.url, '--partitions', str(partitions), destination or self.destination)

    def declare(self, partitions=1):
        self.expect(0, 'declare', *self.target(partitions), '--group', self.group)

    def publish(self, lines, *arguments, partitions=1):
        result = self.expect(0, 'publish', *self.target(partitions), '--group', self.group, *arguments, stdin=lines)
        return self.counts(result)

    def consume(self, *arguments, partitions=1, destination=None):
        """The lines of a consumer that ends by itself."""
        result = self.expect(0, 'consume', *self.target(partitions, destination), '--group', self.group, *arguments,
                             timeout=TAKE_SECONDS)
        self.assertEqual(result.stderr, b'')
        return result.stdout.decode().splitlines()

    def start_consumer(self, *arguments, partitions=1):
        consumer = Consumer([self.binary, 'consume', *self.target(partitions), '--group', self.group, *arguments])
        self.addCleanup(consumer.close)
        return consumer


class Interoperability(Broker):
    def test_another_client_reads_what_we_publish_byte_for_byte(self):
        self.declare()
        message = {'payload': in_base64(EVERY_BYTE), 'encoding': 'base64', 'key': {'base64': in_base64(BINARY_KEY)},
                   'id': 'order-1', 'headers': {'text': 'grüße', 'binary': {'base64': in_base64(b'\xff\xfe')}}}
        self.assertEqual(self.publish(lines_of([message]), '--json'), (1, 1, 0))
        read = self.peer.read_one(self.destination, self.group)
        self.assertEqual(read.payload, EVERY_BYTE)
        self.assertEqual(read.key, BINARY_KEY)
        self.assertEqual(read.id, b'order-1')
        self.assertEqual(read.headers['text'], 'grüße'.encode())
        self.assertEqual(read.headers['binary'], b'\xff\xfe')

    def test_we_read_what_another_client_publishes_byte_for_byte(self):
        self.declare()
        self.peer.publish(self.destination, peers.Message(EVERY_BYTE, BINARY_KEY, b'order-1',
                                                          {'text': 'grüße'.encode(), 'binary': b'\xff\xfe'}))
        (line,) = self.consume('--json', '--count', '1')
        read = json.loads(line)
        self.assertEqual(base64.b64decode(read['payload']), EVERY_BYTE)
        self.assertEqual(read['encoding'], 'base64')
        self.assertEqual(read['key'], {'base64': in_base64(BINARY_KEY)})
        self.assertEqual(read['id'], 'order-1')
        self.assertEqual(read['headers'], {'text': 'grüße', 'binary': {'base64': in_base64(b'\xff\xfe')}})
        self.assertEqual(read['attempt'], 1)

    def test_what_is_consumed_as_json_can_be_published_again(self):
        sent = [{'payload': 'text\nwith a line end', 'key': 'k', 'id': 'a', 'headers': {'n': 'v'}},
                {'payload': in_base64(EVERY_BYTE), 'encoding': 'base64', 'key': 'k', 'id': 'b',
                 'headers': {'binary': {'base64': in_base64(EVERY_BYTE)}}}]
        self.publish(lines_of(sent), '--json')
        first = self.consume('--json', '--count', '2')
        self.publish('\n'.join(first), '--json')
        second = self.consume('--json', '--count', '2')
        for line, original in zip(second, sent):
            read = json.loads(line)
            self.assertEqual({name: read[name] for name in original}, original)

    def test_dead_letters_are_read_by_their_name(self):
        self.declare()
        name = f'{self.destination}.{self.group}.dlq'
        self.peer.publish_dead_letter(name, b'given up on')
        self.assertEqual(self.consume('--count', '1', destination=name), ['given up on'])


class Settlement(Broker):
    def publish_numbered(self, total=20_000):
        """Lines so long that a pipe holds few of them: who prints them is still at it when the first ones are read."""
        sent = [f'{number:0100}' for number in range(total)]
        self.assertEqual(self.publish('\n'.join(sent) + '\n', partitions=3), (total, total, 0))
        return sent

    def test_count_prints_and_settles_exactly_that_many(self):
        sent = [{'payload': str(i), 'key': f'k{i % 97}'} for i in range(5_000)]
        self.publish(lines_of(sent), '--json', partitions=3)
        printed = []
        for count in (1, 1_999, 2_500, 500):
            lines = self.consume('--count', str(count), '--concurrency', '4', partitions=3)
            self.assertEqual(len(lines), count)
            printed += lines
        self.assertEqual(sorted(printed, key=int), [str(i) for i in range(5_000)])

    def test_a_signal_drains_and_nothing_printed_comes_again(self):
        sent = self.publish_numbered()
        consumer = self.start_consumer('--concurrency', '4', partitions=3)
        printed = consumer.take(lambda lines: len(lines) >= len(sent) // 4)
        rest, code = consumer.end(signal.SIGTERM)
        self.assertEqual(code, 0)
        printed += rest
        self.assertLess(len(printed), len(sent), 'the consumer was not stopped in the middle')
        printed += self.consume('--count', str(len(sent) - len(printed)), partitions=3)
        self.assertEqual(sorted(printed), sent)

    def test_a_killed_consumer_leaves_nothing_unhandled(self):
        sent = self.publish_numbered()
        killed = self.start_consumer('--concurrency', '4', partitions=3)
        printed = killed.take(lambda lines: len(lines) >= len(sent) // 4)
        rest, code = killed.end(signal.SIGKILL)
        self.assertEqual(code, -signal.SIGKILL)
        printed += rest
        missing = set(sent) - set(printed)
        self.assertTrue(missing, 'the consumer was not killed in the middle')

        successor = self.start_consumer('--concurrency', '4', partitions=3)

        def is_complete(lines):
            if lines:
                missing.discard(lines[-1])
            return not missing

        again = successor.take(is_complete)
        rest, code = successor.end(signal.SIGTERM)
        self.assertEqual((missing, code), (set(), 0))
        repeated = len(printed) + len(again) + len(rest) - len(sent)
        print(f'{repeated} of {len(sent)} messages came twice')

        self.publish('the next one\n', partitions=3)
        self.assertEqual(self.consume('--count', '1', partitions=3), ['the next one'])


class Failure(Broker):
    def test_a_broker_that_is_not_there_is_a_failure(self):
        scheme = self.url.split(':')[0]
        for command in (['declare'], ['publish'], ['consume', '--group', 'g', '--idle-exit', '1s']):
            result = self.expect(1, *command, '--url', f'{scheme}://me:canary@127.0.0.1:1/', 'orders', timeout=60)
            self.assertEqual(result.stdout, b'')
            self.assertIn(b'127.0.0.1:1', result.stderr)
            self.assertNotIn(b'canary', result.stderr)

    def test_what_no_group_would_see_is_not_confirmed(self):
        if not self.peer.finds_unroutable:
            self.skipTest('this broker keeps messages that no group asked for')
        result = self.expect(1, 'publish', '--url', self.url, self.destination, stdin='lost\n')
        self.assertEqual(self.counts(result), (1, 0, 1))
        self.assertIn(b'line 1: ', result.stderr)


def main():
    Command.binary, broker = sys.argv.pop(1), sys.argv.pop(1)
    variable = f'FAIRLEAD_{broker.upper()}_URL'
    Broker.url = os.environ.get(variable, '')
    reason = '' if Broker.url else f'{variable} is not set'
    if not reason:
        Broker.peer, reason = peers.make(broker, Broker.url)
    if reason:
        print(f'skipped: {reason}')
        sys.exit(1 if os.environ.get('FAIRLEAD_REQUIRE_BROKERS') == '1' else 77)
    unittest.main()


if __name__ == '__main__':
    main()
