"""Brokers of a run's own, as local processes that can be killed, stopped and started again with the same data, behind
a fault proxy. Whatever becomes of this process, the keeper (tests/brokers/keeper.sh) ends them."""
import os
import re
import signal
import socket
import subprocess
import time

from processes import Stuck
from proxy import Proxy

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'brokers')
FIRST_PROXY_PORT, PROXY_PORTS = 32000, 700  # above what the scripts choose from, below the ephemeral range
START_SECONDS, CONTROL_SECONDS, CONTROL_TRIES = 300, 60, 3


def free_ports(number, random):
    """Ports on which nobody listens. Not of the kernel's choice: those may be given to an outgoing connection before the
    proxy listens on them."""
    found = []
    for port in random.sample(range(FIRST_PROXY_PORT, FIRST_PROXY_PORT + PROXY_PORTS), PROXY_PORTS):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(('127.0.0.1', port))
                probe.listen()
            except OSError:
                continue
        found.append(port)
        if len(found) == number:
            return found
    raise Stuck(f'no {number} free ports from {FIRST_PROXY_PORT} on')


class Brokers:
    """NODES of one kind. `url` leads through the proxy, `direct_url` past it."""
    script = name = ''

    def __init__(self, folder, programs, nodes, random):
        self.nodes, self.home, self.folder = nodes, os.path.join(folder, 'brokers'), folder
        self.directory = os.path.join(self.home, self.name)
        self.paused = set()
        os.makedirs(self.home)
        self.keeper = subprocess.Popen([os.path.join(SCRIPTS, 'keeper.sh'), self.home], stdin=subprocess.PIPE,
                                       start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ports = free_ports(nodes, random)
        began = time.monotonic()
        try:
            self.run('start', environment=self.environment(ports), seconds=START_SECONDS)
            self.proxy = Proxy(os.path.join(programs, 'torture_proxy'), list(zip(ports, self.targets())))
        except BaseException:
            self.end_keeper()
            raise
        self.start_seconds = round(time.monotonic() - began, 1)
        self.url = self.url_of([f'127.0.0.1:{port}' for port in ports])
        self.direct_url = self.url_of(self.addresses())

    def environment(self, ports):
        return {'NODES': str(self.nodes)}

    def run(self, command, *arguments, environment=None, seconds=START_SECONDS):
        """Runs the broker's script; what it says is in the error when it fails."""
        log = os.path.join(self.folder, f'{self.name}-{command}.log')
        with open(log, 'wb') as output:
            try:
                code = subprocess.run([os.path.join(SCRIPTS, self.script), command, self.directory,
                                       *map(str, arguments)], env={**os.environ, **(environment or {})}, stdout=output,
                                      stderr=output, stdin=subprocess.DEVNULL, timeout=seconds, check=False).returncode
            except subprocess.TimeoutExpired:
                code = f'no end after {seconds} s'
        with open(log, encoding='utf-8', errors='replace') as output:
            said = output.read()
        if code != 0:
            raise Stuck(f'{self.script} {command}: {code}: {said[-2000:]}')
        return said

    def value(self, key):
        with open(os.path.join(self.directory, 'env'), encoding='utf-8') as env:
            return re.search(f'^{key}=(.*)$', env.read(), re.MULTILINE)[1]

    def pid(self, node):
        with open(os.path.join(self.directory, str(node), 'pid'), encoding='utf-8') as file:
            return int(file.read())

    def kill(self, node):
        pid = self.pid(node)
        self.run('kill', node)
        while is_alive(pid):
            time.sleep(0.005)

    def restart(self, node):
        self.run('restart', node)

    def pause(self, node):
        pid = self.pid(node)
        os.kill(pid, signal.SIGSTOP)
        self.paused.add(pid)

    def resume(self):
        for pid in self.paused:
            os.kill(pid, signal.SIGCONT)
        self.paused.clear()

    def close(self):
        self.resume()
        self.proxy.close()
        self.end_keeper()

    def end_keeper(self):
        self.keeper.stdin.close()
        self.keeper.wait(120)


def is_alive(pid):
    try:
        with open(f'/proc/{pid}/stat', encoding='utf-8') as file:
            return file.read().rpartition(')')[2].split()[0] != 'Z'
    except FileNotFoundError:
        return False


class Kafka(Brokers):
    script, name = 'start-kafka.sh', 'kafka'

    def environment(self, ports):
        # A killed node is let in again when its old session is over.
        return {**super().environment(ports), 'KAFKA_PROXY_PORTS': ' '.join(map(str, ports)),
                'KAFKA_EXTRA': 'broker.session.timeout.ms=3000'}

    def targets(self):
        return self.value('KAFKA_PROXY_TARGETS').split(',')

    def addresses(self):
        return self.value('KAFKA_BOOTSTRAP').split(',')

    def url_of(self, addresses):
        return f'kafka://{",".join(addresses)}'

    def version(self):
        return 'Apache Kafka ' + os.environ.get('KAFKA_VERSION', '4.1.0')


class Amqp(Brokers):
    script, name = 'start-rabbitmq.sh', 'amqp'
    MEMORY = '4GiB'  # room for every message of a run: an alarm comes when the nemesis wants it, and not by itself

    def environment(self, ports):
        return {**super().environment(ports), 'RMQ_CONF': f'vm_memory_high_watermark.absolute = {self.MEMORY}'}

    def targets(self):
        return [address.rpartition(':')[2] for address in self.addresses()]

    def addresses(self):
        return self.value('AMQP_ADDRESSES').split(',')

    def url_of(self, addresses):
        return f'amqp://guest:guest@{",".join(addresses)}/'

    def control(self, node, *words):
        return self.run('ctl', node, *words, seconds=CONTROL_SECONDS)

    def alarm(self, kind, is_on):
        """Publishers are to wait, or may go on. A busy node may be slow to listen: it is told again."""
        if kind == 'memory':
            words = ['set_vm_memory_high_watermark', *(['0'] if is_on else ['absolute', self.MEMORY])]
        else:
            words = ['set_disk_free_limit', '100000GB' if is_on else '50MB']
        for more in reversed(range(CONTROL_TRIES)):
            try:
                return self.control(1, *words)
            except Stuck:
                if more == 0:
                    raise

    def version(self):
        return 'RabbitMQ ' + self.control(1, 'version').strip()


KINDS = {'kafka': Kafka, 'amqp': Amqp}
