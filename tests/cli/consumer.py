"""Runs `fairlead consume` beside a test."""
import collections
import os
import select
import subprocess
import time

TAKE_SECONDS = 120  # nothing here takes that long unless it hangs
PIPE_BYTES = 64 << 10


class Consumer:
    """A running `fairlead consume` whose lines are taken when they are asked for: as soon as the pipe is full, it is the
    consumer that waits, so that it cannot run ahead of the test by more than that."""

    def __init__(self, arguments):
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE)
        self.lines, self.unfinished = collections.deque(), b''

    def take(self, wanted):
        """Lines until `wanted` says that there are enough; all the rest when the process has ended. A line that it did
        not finish was not printed."""
        taken, end = [], time.monotonic() + TAKE_SECONDS
        while not wanted(taken):
            while not self.lines:
                if not self.read(end):
                    return taken
            taken.append(self.lines.popleft().decode())
        return taken

    def read(self, end):
        """What the pipe has by then; whether anything may follow."""
        if not select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))[0]:
            raise TimeoutError(f'not as many lines within {TAKE_SECONDS} s')
        data = os.read(self.process.stdout.fileno(), PIPE_BYTES)
        *lines, self.unfinished = (self.unfinished + data).split(b'\n')
        self.lines.extend(lines)
        return bool(data)

    def end(self, number):
        """Sends the signal; the lines that were still written, and how the process ended."""
        self.process.send_signal(number)
        rest = self.take(lambda _: False)
        code = self.process.wait(TAKE_SECONDS)
        self.close()
        return rest, code

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
