#!/usr/bin/env python3
# test_signals.py - the daemon's end: SIGTERM answers what was received, closes, exits with 0; nothing is left behind.
# SPDX-License-Identifier: Apache-2.0
import contextlib
import select
import signal
import socket
import struct
import time
import unittest

import lab
from lab import dns, fleet, process, servers

BATCH = 200  # datagrams that surely fit a socket's default receive buffer (212,992 bytes, about 768 each with overhead)


class Signals(unittest.TestCase):
    def start(self, **keywords):
        return fleet.plain(process.directory('signals-' + self._testMethodName), **keywords)

    def test_received_datagrams_are_answered(self):
        """SIGSTOP holds the daemon while questions wait in its sockets; SIGTERM then finds them there: received, not answered.
        Ten sockets, so that the end comes while some of them have not been looked at."""
        listen = ['127.0.0.%d' % number for number in range(1, 11)]
        meridian = self.start(listen=listen)
        query, seen = dns.question('www.example.com'), set()
        with contextlib.ExitStack() as stack:
            sockets = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in listen]
            for sock, address in zip(sockets, listen):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
                sock.connect((address, meridian.port))
            meridian.process.send(signal.SIGSTOP)
            for number in range(BATCH):
                for sock in sockets:
                    sock.send(struct.pack('!H', number) + query[2:])
            meridian.process.send(signal.SIGTERM)
            meridian.process.send(signal.SIGCONT)
            while len(seen) < BATCH * len(sockets):
                ready = select.select(sockets, [], [], 3 * process.SLOW)[0]
                if not ready:
                    break
                for sock in ready:
                    seen.add((sock, struct.unpack_from('!H', sock.recv(4096))[0]))
            self.assertEqual(len(seen), BATCH * len(sockets), 'answered of those received')
        self.assertEqual(meridian.process.wait(), 0)

    def test_load_is_answered_until_the_end(self):
        """One question after the other. Only the last can be lost: it came after the last look into a socket about to be closed."""
        meridian = self.start(workers=2)
        answered, ended = 0, False
        query = dns.question('www.example.com')
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(meridian.server)
            sock.settimeout(3 * process.SLOW)
            deadline = time.monotonic() + 10 * process.SLOW
            while not ended and time.monotonic() < deadline:
                if answered == 500:
                    meridian.process.send(signal.SIGTERM)
                try:
                    sock.send(struct.pack('!H', answered & 0xffff) + query[2:])
                    self.assertEqual(struct.unpack_from('!H', sock.recv(4096))[0], answered & 0xffff)
                    answered += 1
                except (ConnectionRefusedError, TimeoutError):
                    ended = True
        self.assertTrue(ended, 'the socket was closed at the end')
        self.assertFalse(servers.answers(meridian.server), 'silence before the end')
        self.assertGreaterEqual(answered, 500)
        self.assertEqual(meridian.process.wait(), 0)

    def test_pipelined_tcp_questions_are_answered(self):
        meridian = self.start()
        query = dns.question('www.example.com')
        with socket.create_connection(meridian.server, 5 * process.SLOW) as sock:
            meridian.process.send(signal.SIGSTOP)
            sock.sendall(b''.join(struct.pack('!HH', len(query), number) + query[2:] for number in range(50)))
            meridian.process.send(signal.SIGTERM)
            meridian.process.send(signal.SIGCONT)
            seen = set()
            while len(seen) < 50:
                data = dns.tcp_read(sock)
                self.assertIsNotNone(data, 'closed after %d answers' % len(seen))
                seen.add(struct.unpack_from('!H', data)[0])
        self.assertEqual(meridian.process.wait(), 0)

    def test_idle_connections_do_not_hold_it_up(self):
        meridian = self.start()
        sockets = [socket.create_connection(meridian.server, 5) for _ in range(10)]
        started = time.monotonic()
        self.assertEqual(meridian.stop(), 0)
        self.assertLess(time.monotonic() - started, 5 * process.SLOW)
        for sock in sockets:
            sock.close()

    def test_interrupt_is_the_same(self):
        meridian = self.start()
        self.assertEqual(meridian.process.stop(signal.SIGINT), 0)

    def test_terminated_right_after_its_start(self):
        """At whatever moment of the start the signal comes: it ends, by itself or by the signal, and soon."""
        for delay_ms in (0, 5, 20, 60, 150):
            meridian = self.start(wait=False)
            time.sleep(delay_ms / 1000)  # the moment is what is varied here; nothing is awaited
            self.assertIn(meridian.process.stop(), (0, -signal.SIGTERM))


lab.main()
