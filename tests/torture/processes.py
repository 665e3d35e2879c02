"""The processes of a run: producer and consumers on the real library, and a Redis of its own."""
import json
import os
import signal
import socket
import subprocess
import time
import uuid

import ledger
from history import Life

PATIENCE_SECONDS = 60  # without any progress: something hangs
POLL_SECONDS = 0.002
CRASH_POINT = 'FAIRLEAD_TORTURE_CRASHPOINT'


class Stuck(Exception):
    """The run cannot go on; says who and what."""


def wait_for(condition, progress, what):
    """Waits until the condition holds, as long as the progress value keeps changing."""
    last, since = progress(), time.monotonic()
    while not condition():
        now = progress()
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since > PATIENCE_SECONDS:
            raise Stuck(f'{what}: no progress for {PATIENCE_SECONDS} s (at {last})')
        time.sleep(POLL_SECONDS)


class Setting:
    """Where a run takes place: broker, programs, a folder for what it writes, and a destination of its own."""

    def __init__(self, broker, url, programs, folder, random, subscription, partitions=6):
        self.broker, self.url, self.programs, self.folder, self.random = broker, url, programs, folder, random
        self.direct_url = url  # for those who are not to be disturbed
        self.destination = f'torture-{uuid.uuid4().hex[:12]}'
        self.partitions = partitions
        # Kafka knows groups by their name alone: another run's members must not be waited for.
        self.group = f'{self.destination}-group'
        self.subscription = {'destination': self.destination, 'group': self.group, 'ordering': 'key', **subscription}
        self.groups = [self.group]
        self.settings = {'log': {'level': 'warn'}}  # more of the configuration
        self.kafka_conf = {'session.timeout.ms': '6000'}  # the least that a Kafka broker allows by default

    def program(self, name):
        return os.path.join(self.programs, name)

    def path(self, name):
        return os.path.join(self.folder, name)

    def config(self, name, kafka_conf=None):
        path = self.path(f'{name}.json')
        with open(path, 'w', encoding='utf-8') as file:
            json.dump({'broker': self.url, 'service': 'torture',
                       'destinations': {self.destination: {'partitions': self.partitions, 'groups': self.groups}},
                       'subscriptions': {'torture': self.subscription},
                       'kafka': {'conf': {**self.kafka_conf, **(kafka_conf or {})}},
                       **self.settings}, file)
        return path

    def declare(self, seconds=120):
        """Makes the destination and its groups, past any proxy; asks again while the brokers are busy."""
        name, url, deadline = f'declare-{self.destination}', self.url, time.monotonic() + seconds
        self.url = self.direct_url
        config = self.config(name)
        self.url = url
        while True:
            try:
                words = [self.program('fairlead'), 'declare', '--config', config, self.destination]
                return Command(self, name, words).finish(60)
            except Stuck:
                if time.monotonic() > deadline:
                    raise

    def start(self, name, command, environment=None):
        with open(self.path(f'{name}.log'), 'wb') as log:
            try:
                return subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                        env={**os.environ, **(environment or {})})
            except FileNotFoundError:
                raise Stuck(f'{command[0]} is not there') from None

    def log_of(self, name):
        with open(self.path(f'{name}.log'), encoding='utf-8', errors='replace') as log:
            return ' '.join(log.read().split()[-60:])[-1500:]


class Command:
    """A running program, whose output goes to a log of its name."""

    def __init__(self, setting, name, words, environment=None):
        self.setting, self.name = setting, name
        self.process = setting.start(name, words, environment)

    def finish(self, seconds=300):
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Stuck(f'{self.name} has not ended after {seconds} s') from None
        if code != 0:
            raise Stuck(f'{self.name} ended with {code}: {self.setting.log_of(self.name)}')

    def kill(self):
        if self.process.poll() is not None:
            raise Stuck(f'{self.name} had already ended with {self.process.returncode}: '
                        f'{self.setting.log_of(self.name)}')
        self.close()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Producer(Command):
    def __init__(self, setting, count, keys, copies_max=0, options=()):
        self.ledger = setting.path('producer.ledger')
        super().__init__(setting, 'producer', [
            setting.program('torture_producer'), setting.url, setting.config('producer'), self.ledger, count, keys,
            '--copies-max', copies_max, '--seed', setting.random.getrandbits(31), *options])

    def finish(self):
        """How every publish ended, once the producer has."""
        wait_for(lambda: self.process.poll() is not None, lambda: ledger.count_lines(self.ledger), 'producer')
        super().finish()
        return ledger.read_answers(self.ledger)


class Consumer(Command):
    """One consumer process; `instance` makes it take the place of its predecessor of that name at once, instead of
    after Kafka's session timeout (static membership; other brokers notice a closed connection by themselves)."""

    def __init__(self, setting, name, instance=None, max_handler_us=2_000, drain_seconds=10, outcome='ack', run=0,
                 crash_point=None):
        self.ledger, self.crash_point = setting.path(f'{name}.ledger'), crash_point
        self.life = Life(name, [], began_at=time.monotonic_ns())
        config = setting.config(name, {'group.instance.id': instance} if instance else {})
        super().__init__(setting, name, [
            setting.program('torture_consumer'), setting.url, config, self.ledger, '--max-handler-us', max_handler_us,
            '--seed', setting.random.getrandbits(31), '--drain-ms', int(drain_seconds * 1000), '--outcome', outcome,
            '--run', run], {CRASH_POINT: crash_point} if crash_point else None)

    def count(self):
        return ledger.count_lines(self.ledger)

    def check_alive(self):
        if self.process.poll() is not None:
            raise Stuck(f'{self.name} ended by itself with {self.process.returncode}: {self.setting.log_of(self.name)}')

    def wait_for_lines(self, wanted):
        self.wait_until(lambda: self.count() >= wanted)

    def wait_until(self, condition):
        def is_reached():
            self.check_alive()
            return condition()
        wait_for(is_reached, self.count, self.name)

    def kill(self):
        self.life.end = 'killed'
        self.life.ended_at = time.monotonic_ns()
        super().kill()
        self.life.handled = ledger.read_handlings(self.ledger)

    def crash(self, seconds):
        """Lets it die at its crash point; where no message comes by in that time, or none has come yet, where it is."""
        if self.count() == 0:
            return self.kill()
        self.process.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < deadline:
            self.life.ended_at = time.monotonic_ns()  # the last time it was seen alive
            time.sleep(POLL_SECONDS)
        if self.process.poll() is None:
            return self.kill()
        if self.process.returncode != -signal.SIGKILL:
            self.check_alive()
        self.life.end = 'killed'
        self.life.handled = ledger.read_handlings(self.ledger)

    def tell_to_stop(self):
        self.check_alive()
        self.life.ended_at = time.monotonic_ns()
        self.process.send_signal(signal.SIGTERM)

    def terminate(self, limit):
        """SIGTERM, and how it left; after ten times the limit it is killed, which is a failed drain."""
        self.tell_to_stop()
        self.wait_for_end(limit)

    def wait_for_end(self, limit):
        try:
            self.process.wait(10 * limit)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.life.drain_seconds = (time.monotonic_ns() - self.life.ended_at) / 1e9
        self.life.exit_code = self.process.returncode
        self.life.handled = ledger.read_handlings(self.ledger)


class Redis(Command):
    """A Redis server that keeps what it has answered for, also when it is killed."""

    def __init__(self, setting):
        self.setting, self.starts = setting, 0
        with socket.socket() as probe:
            probe.bind(('127.0.0.1', 0))
            self.port = probe.getsockname()[1]
        self.url = f'redis://127.0.0.1:{self.port}/0'
        self.start()

    def start(self):
        self.starts += 1
        super().__init__(self.setting, f'redis-{self.starts}', [
            'redis-server', '--bind', '127.0.0.1', '--port', self.port, '--dir', self.setting.folder,
            '--appendonly', 'yes', '--appendfsync', 'always', '--save', '', '--daemonize', 'no'])
        begin = time.monotonic()
        wait_for(self.answers, lambda: int(time.monotonic() - begin) // PATIENCE_SECONDS, 'redis-server')

    def answers(self):
        if self.process.poll() is not None:
            raise Stuck(f'{self.name} ended: {self.setting.log_of(self.name)}')
        try:
            with socket.create_connection(('127.0.0.1', self.port), 1) as connection:
                connection.sendall(b'PING\r\n')
                return connection.recv(16).startswith(b'+PONG')
        except OSError:
            return False
