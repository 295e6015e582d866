#!/usr/bin/env python3
# test_signals.py - the daemon's end: SIGTERM answers what was received, closes, exits with 0; nothing is left behind.
# SPDX-License-Identifier: Apache-2.0
import contextlib
import fcntl
import os
import select
import signal
import socket
import struct
import subprocess
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

    def test_workers_end_together(self):
        """A client that does not read takes its worker the whole patience of half a second. One after the other, twelve would take six."""
        workers = 12
        meridian = self.start(workers=workers, rest='tcp: {connections_per_client: 1024}\n')
        query = dns.question('big.example.com', 'TXT')
        with contextlib.ExitStack() as stack:
            def every_worker_has_one():
                sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                sock.connect(meridian.server)
                sock.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    while True:
                        sock.send((struct.pack('!H', len(query)) + query) * 100)
                return all(worker['counters']['tcp_accepted'] for worker in meridian.status()['workers'])
            process.wait_until(every_worker_has_one, 20, 'every worker has a client that does not read')
            started = time.monotonic()
            self.assertEqual(meridian.stop(), 0)
            self.assertLess(time.monotonic() - started, workers * 0.5)

    def test_reload_under_way_is_left(self):
        """The request and the signal wait for the same turn of the loop, which looks at signals last. A small database, so that the reload
        ends before the patience with it does, and the sanitizer sees what is left of it."""
        folder = process.directory('signals-' + self._testMethodName)
        (folder / 'geoip6').write_text('2000::,3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,DE\n')
        (folder / 'geoip').write_text('16777216,3758096383,DE\n')
        meridian = fleet.plain(folder, rest='geo: {database: default, text_ipv4: geoip, text_ipv6: geoip6}\n')
        with socket.create_connection((servers.LOOPBACK, meridian.admin_port), 5 * process.SLOW) as sock:
            self.assertTrue(meridian.healthy())  # so the connection before it was accepted
            meridian.process.send(signal.SIGSTOP)
            sock.sendall(b'POST /reload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n')
            meridian.process.send(signal.SIGTERM)
            meridian.process.send(signal.SIGCONT)
            self.assertEqual(meridian.stop(), 0)

    def test_silent_name_server_does_not_hold_it_up(self):
        """A probe's look-up that getaddrinfo does not come back from: its two tries take ten seconds. In a mount namespace of its own,
        with a resolv.conf that names a socket which nobody reads."""
        folder = process.directory('signals-name-server')
        if os.geteuid() != 0 or subprocess.run(['unshare', '-m', 'true'], stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest('needs root and mount namespaces')
        (folder / 'resolv.conf').write_text('nameserver 127.0.0.9\n')
        meridian = fleet.plain(folder)  # for its files
        self.assertEqual(meridian.stop(), 0)
        probe = '\n        probe: {url: "http://nowhere.example.net/", interval_ms: 200, timeout_ms: 100}'
        meridian.configure(fleet.options().replace('capacity_rps: 80', 'capacity_rps: 80' + probe))
        script = 'mount --bind "$0/resolv.conf" /etc/resolv.conf && exec "$@"'
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(('127.0.0.9', 53))
            child = process.Process('looking', ['unshare', '-m', 'sh', '-c', script, folder, process.program('meridiand'), '--config',
                                                meridian.config_path], folder)
            process.wait_until(lambda: 'resolving the name' in child.log(), 10, 'a probe waits for the name', alive=[child])
            child.send(signal.SIGTERM)
            self.assertEqual(child.wait(5 / process.SLOW), 0)

    def test_full_stderr_does_not_hold_it_up(self):
        folder = process.directory('signals-stderr')
        meridian = fleet.plain(folder)
        self.assertEqual(meridian.stop(), 0)
        reader, writer = os.pipe()
        flags = fcntl.fcntl(writer, fcntl.F_GETFL)
        fcntl.fcntl(writer, fcntl.F_SETFL, flags | os.O_NONBLOCK)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, bytes(4096))
        fcntl.fcntl(writer, fcntl.F_SETFL, flags)
        child = subprocess.Popen([process.program('meridiand'), '--config', meridian.config_path], stderr=writer)
        try:
            process.wait_until(lambda: servers.answers(meridian.server), 10, 'it answers')
            child.send_signal(signal.SIGTERM)
            self.assertEqual(child.wait(10 * process.SLOW), 0)
        finally:
            child.kill()
            child.wait()
            os.close(reader)
            os.close(writer)

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
