#!/usr/bin/env python3
# test_connections.py - DNS over TCP: pipelining, questions in pieces, limits, time-outs (RFC 7766, 9210).
# SPDX-License-Identifier: Apache-2.0
import socket
import struct
import time
import unittest

import lab
from lab import dns, fleet, process

LIMITS = 'tcp: {connections: 16, connections_per_client: 4, idle_ms: 500, total_ms: 2000, pipelined: 8}\n'


def framed(query):
    return struct.pack('!H', len(query)) + query


class Connections(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.meridian = fleet.plain(process.directory('connections'), rest=LIMITS, listen=['127.0.0.1', '::1'])

    def connect(self, source=None):
        sock = socket.create_connection(self.meridian.server, 5 * process.SLOW, (source, 0) if source else None)
        self.addCleanup(sock.close)
        return sock

    def query(self, number=0x1234, name='www.example.com'):
        return struct.pack('!H', number) + dns.question(name)[2:]

    def wait_closed(self, sock, timeout, what):
        sock.settimeout(timeout * process.SLOW)
        started = time.monotonic()
        try:
            data = sock.recv(1)
        except ConnectionResetError:
            data = b''
        self.assertEqual(data, b'', what)
        return time.monotonic() - started

    def test_pipelined_questions_all_come_back(self):
        sock = self.connect('127.0.3.1')
        sock.sendall(b''.join(framed(self.query(number)) for number in range(100)))
        self.assertEqual({struct.unpack_from('!H', dns.tcp_read(sock))[0] for _ in range(100)}, set(range(100)))

    def test_question_in_single_bytes(self):
        sock = self.connect('127.0.3.2')
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in framed(self.query()):
            sock.send(bytes([byte]))
        self.assertEqual(dns.Message(dns.tcp_read(sock)).addresses(), ['192.0.2.80'])

    def test_two_questions_and_a_half_in_one_segment(self):
        sock, one = self.connect('127.0.3.3'), framed(self.query(1))
        sock.sendall(one + framed(self.query(2)) + one[:9])
        self.assertEqual({struct.unpack_from('!H', dns.tcp_read(sock))[0] for _ in range(2)}, {1, 2})
        sock.sendall(one[9:])
        self.assertEqual(struct.unpack_from('!H', dns.tcp_read(sock))[0], 1)

    def test_reader_that_never_reads_is_let_go(self):
        """Answers wait for a slow reader up to a bound; the connection ends, the others do not notice."""
        sock = self.connect('127.0.3.4')
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(0.2)
        request = framed(dns.question('big.example.com', 'TXT')) * 100
        deadline, ended = time.monotonic() + 15 * process.SLOW, False
        while not ended and time.monotonic() < deadline:
            try:
                sock.send(request)
            except TimeoutError:
                continue
            except OSError:
                ended = True
        self.assertTrue(ended, 'the connection was ended by total_ms')
        self.assertEqual(self.meridian.ask('www.example.com', transport='tcp').addresses(), ['192.0.2.80'])

    def test_idle_connection_is_closed(self):
        took = self.wait_closed(self.connect('127.0.3.5'), 5, 'closed when idle')
        self.assertGreater(took, 0.3)

    def test_half_a_question_does_not_hold_a_connection(self):
        sock = self.connect('127.0.3.6')
        sock.sendall(framed(self.query())[:5])
        self.wait_closed(sock, 5, 'closed with half a question')

    def test_total_age_ends_a_busy_connection(self):
        sock, ended = self.connect('127.0.3.7'), False
        deadline = time.monotonic() + 10 * process.SLOW
        while not ended and time.monotonic() < deadline:
            try:
                sock.sendall(framed(self.query()))
                ended = dns.tcp_read(sock) is None
            except ConnectionError:
                ended = True
            time.sleep(0.05)  # a question now and then, never idle for idle_ms
        self.assertTrue(ended)

    def test_one_client_cannot_take_all_connections(self):
        mine = [self.connect('127.0.3.8') for _ in range(8)]
        refused = 0
        for sock in mine:
            try:
                sock.settimeout(0.3 * process.SLOW)
                sock.sendall(framed(self.query()))
                refused += dns.tcp_read(sock) is None
            except ConnectionError:
                refused += 1
        self.assertEqual(refused, 4, 'more than connections_per_client')
        other = self.connect('127.0.3.9')
        other.sendall(framed(self.query()))
        self.assertEqual(dns.Message(dns.tcp_read(other)).addresses(), ['192.0.2.80'])
        self.assertGreaterEqual(sum(worker['counters']['tcp_refused'] for worker in self.meridian.status()['workers']), 4)

    def test_garbage_ends_only_its_own_connection(self):
        sock = self.connect('127.0.3.10')
        sock.sendall(b'\x00\x05GET /' + bytes(200))
        self.wait_closed_or_answered(sock)
        self.assertEqual(self.meridian.ask('www.example.com', transport='tcp').addresses(), ['192.0.2.80'])

    def wait_closed_or_answered(self, sock):
        sock.settimeout(5 * process.SLOW)
        try:
            while sock.recv(4096):
                pass
        except ConnectionResetError:
            pass

    def test_ipv6(self):
        message = self.meridian.ask('www.example.com', server=('::1', self.meridian.port), transport='tcp')
        self.assertEqual(message.addresses(), ['192.0.2.80'])


lab.main()
