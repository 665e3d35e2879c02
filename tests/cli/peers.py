"""Clients that are not ours: kcat for Kafka, pika for RabbitMQ."""
import dataclasses
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

try:
    import pika
except ImportError:
    sys.path.append('/usr/lib/python3/dist-packages')  # Debian's package, under an interpreter that is not Debian's
    try:
        import pika
    except ImportError:
        pika = None


@dataclasses.dataclass
class Message:
    payload: bytes
    key: bytes
    id: bytes
    headers: dict


def make(broker, url):
    """The peer, and why there is none."""
    if broker == 'kafka':
        return (Kcat(url), '') if shutil.which('kcat') else (None, 'kcat is not installed')
    return (Pika(url), '') if pika else (None, 'the Python package pika is not installed')


class Kcat:
    finds_unroutable = False

    def __init__(self, url):
        self.command = ['kcat', '-q', '-b', urllib.parse.urlsplit(url).netloc]

    def publish(self, destination, message):
        headers = {'message-id': message.id, **message.headers}
        options = [option for name, value in headers.items() for option in ('-H', name.encode() + b'=' + value)]
        with tempfile.NamedTemporaryFile() as payload:  # a whole file is one message
            payload.write(message.payload)
            payload.flush()
            subprocess.run([*self.command, '-P', '-t', destination, '-k', message.key, *options, payload.name],
                           check=True, timeout=60)

    def publish_dead_letter(self, name, payload):
        subprocess.run([*self.command, '-P', '-t', name], input=payload, check=True, timeout=60)

    def read_one(self, destination, _group):
        # Lengths first, as keys and payloads may hold any byte; of a header, kcat prints nothing behind a zero byte.
        output = subprocess.run([*self.command, '-C', '-t', destination, '-o', 'beginning', '-c', '1',
                                 '-f', '%K %S\n%k%s%h'], check=True, capture_output=True, timeout=60).stdout
        lengths, _, rest = output.partition(b'\n')
        key, payload = map(int, lengths.split())
        headers = dict(header.split(b'=', 1) for header in rest[key + payload:].split(b','))
        headers = {name.decode(): value for name, value in headers.items()}
        return Message(rest[key:key + payload], rest[:key], headers.pop('message-id'), headers)


class Pika:
    finds_unroutable = True

    def __init__(self, url):
        self.parameters = pika.URLParameters(url)

    def publish(self, destination, message):
        headers = {'message-key': message.key, **message.headers}
        self.send(destination, 'any.key', message.payload, message_id=message.id.decode(), headers=headers)

    def publish_dead_letter(self, name, payload):
        self.send('', name, payload)

    def send(self, exchange, routing_key, payload, **properties):
        with pika.BlockingConnection(self.parameters) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.basic_publish(exchange, routing_key, payload, pika.BasicProperties(delivery_mode=2, **properties),
                                  mandatory=True)

    def read_one(self, destination, group):
        with pika.BlockingConnection(self.parameters) as connection:
            channel = connection.channel()
            _, properties, payload = next(channel.consume(f'{destination}.{group}', inactivity_timeout=30))
            headers = {name: value if isinstance(value, bytes) else str(value).encode()
                       for name, value in properties.headers.items()}
            return Message(payload, headers.pop('message-key'), properties.message_id.encode(), headers)
