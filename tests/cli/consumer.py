"""Runs `fairlead consume` beside a test."""
import queue
import subprocess
import threading
import time

TAKE_SECONDS = 120  # nothing here takes that long unless it hangs


class Consumer:
    """A running `fairlead consume` whose lines are taken as they come."""

    def __init__(self, arguments):
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip(b'\n').decode())
        self.lines.put(None)

    def take(self, wanted):
        """Lines until `wanted` says that there are enough; all the rest when the process has ended."""
        taken = []
        end = time.monotonic() + TAKE_SECONDS
        while not wanted(taken):
            line = self.lines.get(timeout=max(0.0, end - time.monotonic()))
            if line is None:
                break
            taken.append(line)
        return taken

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
        self.reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
