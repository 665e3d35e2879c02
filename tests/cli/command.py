"""Runs the fairlead command for the tests of this folder."""
import json
import subprocess
import unittest


class Command(unittest.TestCase):
    binary = ''

    def run_command(self, *arguments, stdin=b'', timeout=60):
        if isinstance(stdin, str):
            stdin = stdin.encode()
        return subprocess.run([self.binary, *arguments], input=stdin, capture_output=True, timeout=timeout)

    def expect(self, code, *arguments, stdin=b'', timeout=60):
        """The finished process, which must have ended with that code."""
        result = self.run_command(*arguments, stdin=stdin, timeout=timeout)
        self.assertEqual(result.returncode, code, f'{arguments}\n{result.stdout!r}\n{result.stderr.decode()}')
        return result

    def counts(self, result):
        """The numbers of `published N confirmed N failed N`, the last line on standard error."""
        words = result.stderr.decode().splitlines()[-1].split()
        self.assertEqual(words[::2], ['published', 'confirmed', 'failed'])
        return tuple(map(int, words[1::2]))


def lines_of(messages):
    return ''.join(json.dumps(message) + '\n' for message in messages)
