#!/usr/bin/env python3
"""Each fault of the proxy does what its name says, and nothing else: proxy_test.py PROGRAM"""
import contextlib
import random
import socket
import sys
import threading
import time
import unittest

from proxy import Proxy

PROGRAM = sys.argv.pop(1) if len(sys.argv) > 1 else ''
PATIENCE = 10
QUIET = 0.2  # how long nothing has to come for nothing to be on its way


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Broker:
    """Answers every byte with itself, and remembers what came."""

    def __init__(self):
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.got, self.ends, self.arrived = b'', [], threading.Condition()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.serve, args=[self.listener.accept()[0]], daemon=True).start()

    def serve(self, connection):
        end = 'fin'
        with connection:
            try:
                while data := connection.recv(65536):
                    with self.arrived:
                        self.got += data
                        self.arrived.notify_all()
                    connection.sendall(data)
            except ConnectionError:
                end = 'reset'
        with self.arrived:
            self.ends.append(end)
            self.arrived.notify_all()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # or accept would go on
        self.listener.close()

    def wait_until(self, condition):
        with self.arrived:
            return self.arrived.wait_for(condition, PATIENCE)


class Faults(unittest.TestCase):
    def setUp(self):
        self.broker = Broker()
        self.port = free_port()
        self.proxy = Proxy(PROGRAM, [(self.port, self.broker.port)])
        self.addCleanup(self.broker.close)
        self.addCleanup(self.proxy.close)
        self.client = self.connect()

    def connect(self):
        client = socket.create_connection(('127.0.0.1', self.port), PATIENCE)
        self.addCleanup(client.close)
        client.sendall(b'hello')
        self.assertEqual(self.receive(client, 5), b'hello')
        self.broker.got = b''
        return client

    def receive(self, client, count):
        client.settimeout(PATIENCE)
        data = b''
        while len(data) < count:
            more = client.recv(count - len(data))
            if not more:
                break
            data += more
        return data

    def assert_silent(self, client):
        client.settimeout(QUIET)
        with self.assertRaises(TimeoutError):
            client.recv(1)

    def assert_reset(self, client):
        client.settimeout(PATIENCE)
        with self.assertRaises(ConnectionResetError):
            while client.recv(65536):
                pass

    def test_passes_everything_both_ways(self):
        data = random.Random(1).randbytes(5_000_000)
        threading.Thread(target=self.client.sendall, args=[data], daemon=True).start()
        self.assertEqual(self.receive(self.client, len(data)), data)

    def test_passes_an_end(self):
        self.client.shutdown(socket.SHUT_WR)
        self.assertTrue(self.broker.wait_until(lambda: self.broker.ends == ['fin']))

    def test_resets_both_peers(self):
        self.assertEqual(self.proxy.tell('reset', 'all').touched, 1)
        self.assert_reset(self.client)
        self.assertTrue(self.broker.wait_until(lambda: self.broker.ends == ['reset']))
        self.assertEqual(self.proxy.tell('count').cut, 1)
        self.connect()

    def test_resets_one_of_several(self):
        others = [self.connect(), self.connect()]
        self.assertEqual(self.proxy.tell('reset', 0).touched, 1)
        self.assert_reset(self.client)
        for other in others:
            other.sendall(b'x')
            self.assertEqual(self.receive(other, 1), b'x')

    def test_a_black_hole_passes_on_later(self):
        self.proxy.tell('hold', 'both')
        self.client.sendall(b'abc')
        self.assert_silent(self.client)
        self.assertEqual(self.broker.got, b'')
        self.proxy.tell('pass')
        self.assertEqual(self.receive(self.client, 3), b'abc')

    def test_half_open_towards_the_broker(self):
        self.proxy.tell('hold', 'up')
        self.client.sendall(b'abc')
        self.assert_silent(self.client)
        self.assertEqual(self.broker.got, b'')

    def test_half_open_towards_the_client(self):
        self.proxy.tell('hold', 'down')
        for more in b'abc', b'd', b'e':
            before = self.broker.got
            self.client.sendall(more)
            self.assertTrue(self.broker.wait_until(lambda: self.broker.got == before + more))
        self.assert_silent(self.client)

    def test_an_end_is_held_as_well(self):
        self.proxy.tell('hold', 'both')
        self.client.shutdown(socket.SHUT_WR)
        time.sleep(QUIET)
        self.assertEqual(self.broker.ends, [])
        self.proxy.tell('pass')
        self.assertTrue(self.broker.wait_until(lambda: self.broker.ends == ['fin']))

    def test_loses_what_the_broker_answers(self):
        self.proxy.tell('lose', 'down')
        self.client.sendall(b'abc')
        self.assertTrue(self.broker.wait_until(lambda: self.broker.got == b'abc'))
        self.assert_silent(self.client)
        self.proxy.tell('reset', 'all')
        self.assert_reset(self.client)

    def test_comes_late_and_in_order(self):
        self.proxy.tell('delay', 100, 50)
        data = random.Random(2).randbytes(100_000)
        begin = time.monotonic()
        threading.Thread(target=self.client.sendall, args=[data], daemon=True).start()
        self.assertEqual(self.receive(self.client, len(data)), data)
        self.assertGreaterEqual(time.monotonic() - begin, 0.2)  # both ways

    def test_comes_in_slices(self):
        self.proxy.tell('slice')
        data = random.Random(3).randbytes(20_000)
        threading.Thread(target=self.client.sendall, args=[data], daemon=True).start()
        self.assertEqual(self.receive(self.client, len(data)), data)

    def test_cuts_after_so_many_bytes_of_the_client(self):
        self.proxy.tell('cut', 'up', 7)
        self.client.sendall(b'0123456789')
        self.assert_reset(self.client)
        self.assertTrue(self.broker.wait_until(lambda: self.broker.ends))
        self.assertEqual(self.broker.got, b'0123456')

    def test_cuts_after_so_many_bytes_of_the_broker(self):
        self.proxy.tell('cut', 'down', 4)
        self.client.sendall(b'0123456789')
        self.assertTrue(self.broker.wait_until(lambda: self.broker.ends == ['reset']))
        self.assertEqual(self.broker.got, b'0123456789')
        self.assert_reset(self.client)

    def test_takes_back_one_thing_only(self):
        for words in (['hold', 'both'], ['cut', 'up', 3], ['undo', 'cut']):
            self.proxy.tell(*words)
        self.client.sendall(b'abcde')
        self.assert_silent(self.client)
        self.proxy.tell('undo', 'hold')
        self.assertEqual(self.receive(self.client, 5), b'abcde')

    def test_leaves_the_client_alone(self):
        self.assertEqual(self.proxy.tell('orphan', 'client').touched, 1)
        self.assertTrue(self.broker.wait_until(lambda: self.broker.ends == ['reset']))
        self.client.sendall(b'abc')
        self.assert_silent(self.client)
        self.client.close()
        self.connect()
        self.assertEqual(self.proxy.tell('count').open, 1)

    def test_leaves_the_broker_alone(self):
        self.assertEqual(self.proxy.tell('orphan', 'broker').touched, 1)
        self.assert_reset(self.client)
        time.sleep(QUIET)
        self.assertEqual(self.broker.ends, [])

    def test_refuses_what_it_does_not_know(self):
        with self.assertRaises(ValueError):
            self.proxy.tell('break', 'everything')


if __name__ == '__main__':
    unittest.main()
