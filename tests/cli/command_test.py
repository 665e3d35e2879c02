#!/usr/bin/env python3
"""What scripts rely on that needs no broker: exit codes, what is printed where, no secrets.

Usage: command_test.py FAIRLEAD [UNITTEST-ARGUMENT...]
"""
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

from command import Command, lines_of

URL = ('--url', 'memory://test')


class Usage(Command):
    def test_help_has_an_example_of_each_command(self):
        for command in (['declare'], ['publish'], ['consume'], ['dlq'], ['dlq', 'list'], ['dlq', 'show'],
                        ['dlq', 'redrive'], ['dlq', 'purge'], ['config', 'check']):
            text = self.expect(0, *command, '--help').stdout.decode()
            self.assertIn('fairlead ' + ' '.join(command), text)
            self.assertIn('Example', text)
        self.assertIn('Examples', self.expect(0, '--help').stdout.decode())

    def test_version_names_the_client_libraries(self):
        text = self.expect(0, '--version').stdout.decode()
        self.assertRegex(text, r'(?m)^fairlead \d+\.\d+\.\d+$')
        self.assertRegex(text, r'(?m)^librdkafka (\d+\.|not built in)')
        self.assertRegex(text, r'(?m)^rabbitmq-c (\d+\.|not built in)')

    def test_wrong_usage_exits_with_2_and_prints_on_standard_error_only(self):
        for arguments in ([], ['unknown'], ['publish'], ['publish', *URL], ['publish', 'orders'],
                          ['publish', *URL, '--config', 'x', 'orders'], ['consume', *URL, 'orders'],
                          ['consume', *URL, 'orders', '--group', 'g', '--from', 'middle'],
                          ['consume', *URL, 'orders', '--group', 'g', '--count', '0'],
                          ['consume', *URL, 'orders', '--group', 'g', '--idle-exit', '5'],
                          ['publish', *URL, 'orders', '--header', 'no-equals-sign'],
                          ['declare', *URL, 'orders', '--partitions', '0'],
                          ['dlq'], ['dlq', 'list', *URL, 'orders'], ['dlq', 'show', *URL, 'orders', '--group', 'g'],
                          ['dlq', 'list', *URL, 'orders', '--group', 'g', '--older-than', '5'],
                          ['dlq', 'list', *URL, 'orders', '--group', 'g', '--header', 'no-equals-sign'],
                          ['dlq', 'redrive', *URL, 'orders', '--group', 'g', '--rate', 'fast'],
                          ['dlq', 'redrive', *URL, 'orders', '--group', 'g', '--max', '0'],
                          ['dlq', 'purge', *URL, 'orders', '--group', 'g'],
                          ['declare', '--url', 'gopher://host', 'orders'],
                          ['declare', *URL, 'bad name'],
                          ['config', 'check'], ['config', 'check', '/does/not/exist.yaml']):
            result = self.expect(2, *arguments)
            self.assertEqual(result.stdout, b'', arguments)
            self.assertNotEqual(result.stderr, b'', arguments)

    def test_no_secret_is_ever_repeated(self):
        url = 'amqp://me:canary@127.0.0.1:1/'
        for arguments in (['publish', 'orders', url], ['publish', '--url', 'gopher://me:canary@host/', 'orders'],
                          ['publish', '--url', url + '?sasl.password=canary', 'orders'],
                          ['declare', *URL, url], ['declare', '--url', 'kafka://me:canary@h:99999999/', 'orders']):
            result = self.run_command(*arguments)
            self.assertNotEqual(result.returncode, 0)
            self.assertNotIn(b'canary', result.stderr + result.stdout, arguments)


class Publish(Command):
    def publish(self, *arguments, stdin, code=0):
        return self.expect(code, 'publish', *URL, 'orders', '--group', 'g', *arguments, stdin=stdin)

    def test_each_line_is_a_message(self):
        result = self.publish('--key', 'k', '--header', 'a=b=c', stdin='one\n\ntwo')
        self.assertEqual(self.counts(result), (3, 3, 0))
        self.assertEqual(result.stdout, b'')
        self.assertEqual(len(result.stderr.splitlines()), 1)

    def test_no_line_is_no_failure(self):
        self.assertEqual(self.counts(self.publish(stdin='')), (0, 0, 0))

    def test_options_may_stand_before_the_destination(self):
        result = self.expect(0, 'publish', *URL, '--header', 'a=1', '--header', 'b=2', '--group', 'g', 'orders',
                             stdin='x\n')
        self.assertEqual(self.counts(result), (1, 1, 0))

    def test_a_line_that_is_not_json_is_named_and_the_others_are_published(self):
        result = self.publish('--json', code=1, stdin='{"payload":"1"}\n{"payload"\n{"payload":"3"}\n{"x":1}\n')
        self.assertEqual(self.counts(result), (4, 2, 2))
        self.assertIn(b'line 2: not a JSON object', result.stderr)
        self.assertIn(b'line 4: unknown member x', result.stderr)

    def test_a_message_that_is_refused_is_named(self):
        lines = lines_of([{'payload': 'ok'}, {'payload': 'x', 'headers': {'traceparent': 'reserved'}}])
        result = self.publish('--json', code=1, stdin=lines)
        self.assertEqual(self.counts(result), (2, 1, 1))
        self.assertIn(b'line 2: ', result.stderr)

    def test_ten_thousand_lines_are_pipelined(self):
        result = self.publish(stdin='x\n' * 10_000)
        self.assertEqual(self.counts(result), (10_000, 10_000, 0))


class Consume(Command):
    arguments = ('consume', *URL, 'orders', '--group', 'g')

    def test_ends_after_being_idle(self):
        result = self.expect(0, *self.arguments, '--idle-exit', '100ms')
        self.assertEqual((result.stdout, result.stderr), (b'', b''))

    def test_ends_at_a_signal_by_draining(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with subprocess.Popen([self.binary, *self.arguments], stderr=subprocess.PIPE) as process:
                self.assertTrue(self.handles_signals(process))
                process.send_signal(number)
                self.assertEqual(process.wait(30), 0, process.stderr.read())

    @staticmethod
    def handles_signals(process):
        """Waits until the command has taken its signals over: before, they would just end it."""
        mask = 1 << (signal.SIGPIPE - 1)  # ignored right after that
        while process.poll() is None:
            status = pathlib.Path(f'/proc/{process.pid}/status').read_text()
            if int(status.split('SigIgn:')[1].split()[0], 16) & mask:
                return True
        return False


class Config(Command):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = pathlib.Path(folder.name) / 'orders.yaml'

    def write(self, text):
        self.file.write_text(text)

    def test_check_prints_what_becomes_of_a_destination_and_hides_the_password(self):
        self.write('broker: amqp://me:canary@host/v\ndestinations: {orders: {partitions: 2, groups: [billing]}}\n')
        result = self.expect(0, 'config', 'check', str(self.file))
        self.assertIn(b'orders.billing.1', result.stdout)
        self.assertNotIn(b'canary', result.stdout + result.stderr)
        self.assertEqual(result.stderr, b'')

    def test_check_reports_every_problem(self):
        self.write('broker: memory://x\ndestinations: {orders: {partitons: 2}}\npublish: {deadline: 5}\n')
        result = self.expect(2, 'config', 'check', str(self.file))
        self.assertEqual(result.stdout, b'')
        self.assertIn(b'partitions', result.stderr)
        self.assertIn(b'deadline', result.stderr)

    def test_commands_take_their_broker_from_the_file(self):
        self.write('broker: memory://x\ndestinations: {orders: {groups: [billing]}}\n')
        config = ('--config', str(self.file))
        self.expect(0, 'declare', *config, 'orders')
        self.assertEqual(self.counts(self.expect(0, 'publish', *config, 'orders', stdin='1\n2\n')), (2, 2, 0))
        self.expect(0, 'consume', *config, 'orders', '--group', 'billing', '--idle-exit', '10ms')

    def test_a_destination_that_is_not_configured_is_a_mistake_with_a_suggestion(self):
        self.write('broker: memory://x\ndestinations: {orders: {}}\n')
        for command in (['declare'], ['publish'], ['consume', '--group', 'g']):
            result = self.expect(2, *command, '--config', str(self.file), 'ordrs')
            self.assertIn(b"did you mean 'orders'", result.stderr)


if __name__ == '__main__':
    Command.binary = sys.argv.pop(1)
    unittest.main()
