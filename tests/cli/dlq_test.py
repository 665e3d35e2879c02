#!/usr/bin/env python3
"""`fairlead dlq` against a real broker.

Usage: dlq_test.py FAIRLEAD REJECT-ALL kafka|amqp [UNITTEST-ARGUMENT...]

The broker is the one of FAIRLEAD_KAFKA_URL or FAIRLEAD_AMQP_URL. Without it the test is skipped (exit code 77), and with
FAIRLEAD_REQUIRE_BROKERS=1 it fails.
"""
import collections
import json
import os
import re
import signal
import subprocess
import sys
import unittest
import uuid

from command import Command, lines_of
from consumer import TAKE_SECONDS, Consumer

# What a redrive that is killed may have published without having settled it: what it holds at once, and what it had
# finished since the last settlement that the broker has seen.
WINDOW = 2_000


class Dlq(Command):
    url = ''
    reject_all = ''
    partitions = 3

    def setUp(self):
        self.destination = f'dlq-{uuid.uuid4().hex[:12]}'
        self.group = f'billing-of-{self.destination}'  # a Kafka group is one for the whole cluster

    def target(self):
        return ('--url', self.url, '--partitions', str(self.partitions), self.destination, '--group', self.group)

    def make_dead_letters(self, count):
        """Messages `m-0` and so on, every second one with the header tenant=blue, given up by their group."""
        sent = [{'payload': f'payload {i}', 'id': f'm-{i}', 'key': f'k{i % 97}',
                 'headers': {'tenant': 'blue' if i % 2 else 'green'}} for i in range(count)]
        self.expect(0, 'publish', *self.target(), '--json', stdin=lines_of(sent), timeout=TAKE_SECONDS)
        self.reject(count)
        return sent

    def reject(self, count):
        subprocess.run([self.reject_all, self.url, self.destination, self.group, str(self.partitions), str(count)],
                       check=True, timeout=TAKE_SECONDS, stdout=subprocess.DEVNULL)

    def dlq(self, action, *arguments, code=0):
        return self.expect(code, 'dlq', action, *self.target(), *arguments, timeout=TAKE_SECONDS)

    def listed(self, *arguments):
        return [json.loads(line) for line in self.dlq('list', '--json', *arguments).stdout.decode().splitlines()]

    def last_line(self, result):
        return result.stderr.decode().splitlines()[-1]

    def consume(self, count):
        """That many messages, after which no more come."""
        lines = self.consumed('--count', str(count)) if count else []
        self.assertEqual(self.consumed('--idle-exit', '5s'), [])
        return [json.loads(line) for line in lines]

    def consumed(self, *arguments):
        return self.expect(0, 'consume', *self.target(), '--json', *arguments,
                           timeout=TAKE_SECONDS).stdout.decode().splitlines()


class Look(Dlq):
    def test_a_listing_shows_all_and_settles_nothing(self):
        total = 10_000
        self.make_dead_letters(total)
        for _ in range(2):
            seen = self.listed()
            self.assertEqual(len(seen), total)
            self.assertEqual({message['id'] for message in seen}, {f'm-{i}' for i in range(total)})
        headers = seen[0]['headers']
        self.assertEqual(headers['fairlead-original-destination'], self.destination)
        self.assertEqual(headers['fairlead-group'], self.group)
        self.assertIn('card declined', headers['fairlead-error'])

    def test_people_get_a_table_and_all_of_one(self):
        self.make_dead_letters(3)
        table = self.dlq('list').stdout.decode().splitlines()
        self.assertEqual(len(table), 4)
        self.assertTrue(table[0].startswith('FAILED AT'))
        self.assertIn('card declined', table[1])
        shown = self.dlq('show', 'm-1').stdout.decode()
        self.assertIn('id: m-1\n', shown)
        self.assertIn('header tenant: blue\n', shown)
        self.assertTrue(shown.endswith('payload 1\n'))
        missing = self.dlq('show', 'm-7', code=1)
        self.assertEqual(missing.stdout, b'')
        self.assertIn(b'm-7', missing.stderr)

    def test_filters_pick(self):
        self.make_dead_letters(100)
        self.assertEqual(len(self.listed('--header', 'tenant=blue')), 50)
        self.assertEqual([message['id'] for message in self.listed('--id', 'm-42')], ['m-42'])
        self.assertEqual({message['id'] for message in self.listed('--key', 'k1')}, {'m-1', 'm-98'})
        self.assertEqual(len(self.listed('--newer-than', '1h')), 100)
        self.assertEqual(len(self.listed('--older-than', '1h')), 0)
        self.assertEqual(len(self.listed('--max', '7')), 7)
        dry = self.dlq('redrive', '--dry-run', '--header', 'tenant=blue')
        self.assertEqual(self.last_line(dry), 'would redrive 50')
        self.assertEqual(len(self.listed()), 100)

    def test_a_group_that_never_gave_up_has_none_and_nothing_is_created(self):
        result = self.run_command('dlq', 'list', '--url', self.url, self.destination, '--group', 'typo', timeout=60)
        self.assertIn(result.returncode, (1, 2), result.stderr)
        self.assertIn(f'{self.destination}.typo.dlq'.encode(), result.stderr)


class Redrive(Dlq):
    def test_all_come_back_once_and_as_they_were(self):
        total = 10_000
        sent = self.make_dead_letters(total)
        self.assertEqual(self.last_line(self.dlq('redrive')), f'redriven {total} put back 0 failed 0')
        seen = self.consume(total)
        by_id = {message['id']: message for message in seen}
        for message in sent:
            back = by_id[message['id']]
            self.assertEqual({name: back[name] for name in message}, message)
            self.assertEqual(back['attempt'], 1)
        self.assertEqual(self.listed(), [])

    def test_a_redrive_that_is_killed_and_run_again_loses_nothing(self):
        total = 10_000
        self.make_dead_letters(total)
        consumer = Consumer([self.binary, 'consume', *self.target(), '--json', '--concurrency', '4'])
        self.addCleanup(consumer.close)
        redrive = subprocess.Popen([self.binary, 'dlq', 'redrive', *self.target()], stderr=subprocess.PIPE)
        lines = consumer.take(lambda taken: len(taken) >= total // 10)
        redrive.send_signal(signal.SIGKILL)
        redrive.communicate()
        again = self.last_line(self.dlq('redrive'))
        print(f'killed after {len(lines)}, then {again}')
        counts = collections.Counter(json.loads(line)['id'] for line in lines)

        def is_complete(taken):
            if taken:
                counts[json.loads(taken[-1])['id']] += 1
            return len(counts) == total

        consumer.take(is_complete)
        rest, code = consumer.end(signal.SIGTERM)
        counts.update(json.loads(line)['id'] for line in rest)
        self.assertEqual((len(counts), code), (total, 0))
        repeated = sum(counts.values()) - total
        print(f'{repeated} of {total} dead letters came twice')
        self.assertLessEqual(repeated, WINDOW)
        self.assertLessEqual(max(counts.values()), 2)
        self.assertEqual(self.listed(), [])

    def test_what_is_not_meant_stays_a_dead_letter(self):
        self.make_dead_letters(1_000)
        before = {message['id']: message for message in self.listed('--header', 'tenant=green')}
        result = self.dlq('redrive', '--header', 'tenant=blue')
        self.assertEqual(self.last_line(result), 'redriven 500 put back 500 failed 0')
        self.assertEqual({message['id'] for message in self.consume(500)}, {f'm-{i}' for i in range(1, 1_000, 2)})
        left = self.listed()
        self.assertEqual(len(left), 500)
        for message in left:
            message['headers'].pop('fairlead-put-back-by')
            for name in ('id', 'key', 'payload', 'headers'):
                self.assertEqual(message[name], before[message['id']][name])
        self.assertEqual(self.last_line(self.dlq('redrive')), 'redriven 500 put back 0 failed 0')

    def test_a_maximum_takes_so_many_and_leaves_the_others(self):
        self.make_dead_letters(100)
        self.assertRegex(self.last_line(self.dlq('redrive', '--max', '30')), r'^redriven 30 put back \d+ failed 0$')
        self.assertEqual(len(self.listed()), 70)
        self.assertEqual(len(self.consume(30)), 30)

    def test_what_cannot_be_redriven_stays_a_dead_letter(self):
        total = 200
        self.make_dead_letters(total)
        # A broker that routes to partitions by name has no place for most of these.
        mistaken = self.run_command('dlq', 'redrive', '--url', self.url, self.destination, '--group', self.group,
                                    '--partitions', '50', timeout=TAKE_SECONDS)
        redriven, failed = map(int, re.fullmatch(r'redriven (\d+) put back \d+ failed (\d+)',
                                                 self.last_line(mistaken)).groups())
        self.assertEqual(mistaken.returncode, 1 if failed else 0, mistaken.stderr)
        left = self.listed()
        self.assertEqual(len(left), total - redriven, mistaken.stderr.decode())
        came_back = self.consume(redriven)
        self.assertEqual({message['id'] for message in left + came_back}, {f'm-{i}' for i in range(total)})

    def test_it_ends_although_all_fail_again_at_once(self):
        total = 500
        self.make_dead_letters(total)
        rejecting = subprocess.Popen([self.reject_all, self.url, self.destination, self.group, str(self.partitions),
                                      str(total)], stdout=subprocess.DEVNULL)
        self.addCleanup(rejecting.wait)
        redriven = self.last_line(self.dlq('redrive')).split()
        self.assertEqual((redriven[0], redriven[-1]), ('redriven', '0'))
        self.assertEqual(int(redriven[1]), total)
        self.assertEqual(rejecting.wait(TAKE_SECONDS), 0)
        self.assertEqual(len({message['id'] for message in self.listed()}), total)


class Purge(Dlq):
    def test_only_what_is_meant_is_deleted_and_only_on_demand(self):
        self.make_dead_letters(100)
        refused = self.dlq('purge', code=2)
        self.assertIn(b'--yes', refused.stderr)
        self.assertEqual(self.last_line(self.dlq('purge', '--dry-run')), 'would purge 100')
        self.assertEqual(self.last_line(self.dlq('purge', '--key', 'k1', '--yes')), 'purged 2 put back 98 failed 0')
        self.assertEqual(len(self.listed()), 98)
        self.assertEqual(self.last_line(self.dlq('purge', '--yes')), 'purged 98 put back 0 failed 0')
        self.assertEqual(self.listed(), [])
        self.assertEqual(self.consume(0), [])


def main():
    Command.binary, Dlq.reject_all, broker = sys.argv.pop(1), sys.argv.pop(1), sys.argv.pop(1)
    variable = f'FAIRLEAD_{broker.upper()}_URL'
    Dlq.url = os.environ.get(variable, '')
    if not Dlq.url:
        print(f'skipped: {variable} is not set')
        sys.exit(1 if os.environ.get('FAIRLEAD_REQUIRE_BROKERS') == '1' else 77)
    unittest.main()


if __name__ == '__main__':
    main()
