#!/usr/bin/env python3
# test_upgrade.py - another process takes over while clients ask: nothing is lost, and one that fails changes nothing.
# SPDX-License-Identifier: Apache-2.0
#
# MERIDIAN_QUERIES: how many over UDP (1,000,000), at MERIDIAN_RATE a second (50,000; less where the sanitizers make it slow).
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lab'))
import dns  # noqa: E402
import fleet  # noqa: E402
import process  # noqa: E402
from process import SLOW, program, wait_until  # noqa: E402
from servers import Meridian  # noqa: E402
from succession import Line, alive  # noqa: E402

SANITIZED = 'release' not in str(process.BUILD)
RATE = int(os.environ.get('MERIDIAN_RATE', 5000 if SANITIZED else 50000))
QUERIES = int(os.environ.get('MERIDIAN_QUERIES', 60000 if SANITIZED else 1000000))
UPGRADES = 5 if SANITIZED else 20


def tcp_frame(name, identifier):
    query = identifier.to_bytes(2, 'big') + dns.question(name, 'A')[2:]
    return struct.pack('!H', len(query)) + query


class TcpClient(threading.Thread):
    """One connection after the other, each with questions one behind the other; every one must be answered. A server may close a connection
    that is idle (RFC 7766, 6.2.3), so each asks all the time."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.ended, self.asked, self.answered, self.lost = server, False, 0, 0, []

    def run(self):
        while not self.ended:
            try:
                self.connection()
            except OSError as error:
                self.lost.append('%s after %d' % (error, self.asked))

    def connection(self):
        with socket.create_connection(self.server, timeout=5 * SLOW) as sock:
            for number in range(200):
                if self.ended:
                    return
                sock.sendall(tcp_frame('www.example.com', number) + tcp_frame('api.example.com', number + 1000))
                self.asked += 2
                for _ in range(2):
                    data = dns.tcp_read(sock)
                    if data is None:
                        self.lost.append('closed with a question open, after %d of this connection' % number)
                        return
                    self.answered += 1
                time.sleep(0.01)


class Upgrade(unittest.TestCase):
    def setUp(self):
        self.folder = process.directory('upgrade-' + self._testMethodName)
        self.zone = fleet.write_zone(self.folder)
        self.daemon = Meridian(self.folder, fleet.options(), zones={'example.com': self.zone}, workers=2)
        self.line = Line(self.daemon)
        self.addCleanup(self.line.stop)

    def upgrade(self, wanted=0):
        done = self.daemon.command('upgrade', timeout=60)
        self.assertEqual(done.returncode, wanted, done.stdout + done.stderr + self.daemon.process.log()[-2000:])
        return done.stdout + done.stderr

    def test_nothing_is_lost(self):
        seconds = QUERIES / RATE
        load = subprocess.Popen([program('bench_blast'), '--server', '127.0.0.1', '--port', str(self.daemon.port), '--rate', str(RATE), '--seconds',
                                 str(seconds), '--warmup', '0', '--sockets', '16', '--single', '--timeout', '3', 'www.example.com'],
                                stdout=subprocess.PIPE, text=True)
        clients = [TcpClient(self.daemon.server) for _ in range(4)]
        for client in clients:
            client.start()
        took = []
        begin = time.monotonic()
        for number in range(UPGRADES):
            time.sleep(max(0.0, begin + (number + 0.5) * seconds / UPGRADES - time.monotonic()))
            before = time.monotonic()
            self.upgrade()
            took.append(time.monotonic() - before)
        text = load.communicate(timeout=seconds * 2 + 60)[0]
        for client in clients:
            client.ended = True
            client.join()
        figures = dict(word.split('=') for word in text.split())
        tcp = sum(client.asked for client in clients), sum(client.answered for client in clients)
        print('%d upgrades (%.0f to %.0f ms): UDP %s sent, %s answered, %s lost; TCP %d asked, %d answered' % (
            UPGRADES, min(took) * 1000, max(took) * 1000, figures['sent'], figures['answered'], figures['lost'], *tcp), flush=True)
        self.assertGreaterEqual(int(figures['sent']), QUERIES * 0.95)
        self.assertEqual(int(figures['lost']), 0)
        self.assertEqual(figures['sent'], figures['answered'])
        self.assertEqual([client.lost for client in clients], [[], [], [], []])
        self.assertEqual(len(self.line.pids()), UPGRADES + 1)
        wait_until(lambda: len(self.line.living()) == 1, 25, 'those before have ended')
        self.assertTrue(alive(self.line.newest()))

    def test_one_that_fails_changes_nothing(self):
        pid = self.daemon.pid
        text = self.daemon.config_path.read_text()
        self.daemon.config_path.write_text(text.replace('latitude: 39.04', 'latitude: 391'))
        words = self.upgrade(wanted=1)
        self.assertIn('it ended with status 1', words)
        self.assertIn('nothing was changed', words)
        self.assertRegex(self.daemon.process.log(), r'meridian.yaml:\d+: regions\[0\]\.location\.latitude: 391')
        self.assertTrue(self.daemon.process.alive())
        self.assertEqual(self.daemon.ask('www.example.com').addresses(), ['192.0.2.80'])
        self.daemon.config_path.write_text(text)
        self.upgrade()
        wait_until(lambda: not alive(pid), 20, 'the first has ended')
        self.assertEqual(self.daemon.ask('www.example.com').addresses(), ['192.0.2.80'])

    def test_one_without_its_admin_port_changes_nothing(self):
        """What is opened last may fail, too: the first one must not have retired by then."""
        taken = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(taken.close)
        text = self.daemon.config_path.read_text()
        self.daemon.config_path.write_text(text.replace('127.0.0.1@%d"}' % self.daemon.admin_port, '127.0.0.1@%d"}' % taken.getsockname()[1]))
        self.assertNotEqual(text, self.daemon.config_path.read_text())
        self.upgrade(wanted=1)
        self.assertIn('admin: cannot listen', self.daemon.process.log())
        self.assertTrue(self.daemon.process.alive())
        self.assertEqual(self.daemon.ask('www.example.com').addresses(), ['192.0.2.80'])

    def test_what_is_told_meanwhile_is_not_lost(self):
        """A load and an order that come while the next process reads a large zone."""
        fleet.write_zone(self.folder, extra=''.join('h%d A 192.0.2.1\n' % number for number in range(300000)))
        done = []
        thread = threading.Thread(target=lambda: done.append(self.daemon.command('upgrade', timeout=60)))
        thread.start()
        wait_until(lambda: len(self.line.pids()) == 2, 10, 'the next process is there')
        time.sleep(0.2)
        self.assertEqual(self.daemon.command('report', 'us-east-1', '--load', '77').returncode, 0)
        self.assertEqual(self.daemon.command('drain', 'us-west-2', '--for', '10m', '--reason', 'x', '--author', 'alice').returncode, 0)
        self.assertNotIn('the next process answers', self.daemon.process.log())  # else this shows nothing
        thread.join()
        self.assertEqual(done[0].returncode, 0, done[0].stderr)

        def known():
            regions = {region['name']: region for region in self.daemon.status()['regions']}
            return regions['us-east-1']['load_rps'] == 77 and regions['us-west-2']['drained']
        wait_until(known, 10, 'the next process knows both')

    def test_a_killed_one_changes_nothing(self):
        """While it waits for a server of Redis that says nothing."""
        silent = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(silent.close)
        done = []
        thread = threading.Thread(target=lambda: done.append(self.daemon.command('upgrade', timeout=60)))
        text = self.daemon.config_path.read_text()
        self.daemon.config_path.write_text(text + 'state: {redis: [{address: 127.0.0.1@%d}]}\n' % silent.getsockname()[1])
        thread.start()
        pid = wait_until(lambda: len(self.line.pids()) == 2 and self.line.newest(), 10, 'the next process is there')
        silent.accept()[0].close()  # it has come as far as that
        os.kill(pid, signal.SIGKILL)
        thread.join()
        self.assertEqual(done[0].returncode, 1, done[0].stdout + done[0].stderr)
        self.assertIn('it was ended by signal 9', done[0].stderr)
        self.assertTrue(self.daemon.process.alive())
        self.assertEqual(self.daemon.ask('www.example.com').addresses(), ['192.0.2.80'])

    def test_more_and_fewer_workers(self):
        """Sockets of workers that are no more are read by those that are left."""
        for workers in (4, 1, 3):
            self.daemon.workers = workers
            self.daemon.configure(fleet.options())
            self.upgrade()
            self.assertEqual(len(self.daemon.status()['workers']), workers)
            for _ in range(64):  # from as many ports: every socket has some
                self.assertEqual(self.daemon.ask('www.example.com').addresses(), ['192.0.2.80'])

    def test_another_address(self):
        self.daemon.listen = ['127.0.0.1', '127.0.0.7', '::1']
        self.daemon.configure(fleet.options())
        self.upgrade()
        for address in self.daemon.listen:
            self.assertEqual(self.daemon.ask('www.example.com', server=(address, self.daemon.port)).addresses(), ['192.0.2.80'])
        self.daemon.listen = ['127.0.0.7']
        self.daemon.configure(fleet.options())
        self.upgrade()
        wait_until(lambda: len(self.line.living()) == 1, 25, 'those before have ended')
        self.assertIsNone(dns.udp_exchange(('127.0.0.1', self.daemon.port), dns.question('www.example.com', 'A'), timeout=0.5))

    def test_connections_go_on(self):
        """A question that has come half is answered when it is whole, by the process that has it."""
        frame = tcp_frame('www.example.com', 7)
        with socket.create_connection(self.daemon.server, timeout=10 * SLOW) as sock:
            sock.sendall(frame[:9])
            time.sleep(0.1)
            self.upgrade()
            time.sleep(0.3)
            sock.sendall(frame[9:])
            self.assertEqual(dns.Message(dns.tcp_read(sock)).addresses(), ['192.0.2.80'])
            self.assertTrue(alive(self.daemon.pid))
        wait_until(lambda: not alive(self.daemon.pid), 10, 'the first ends with its last connection')

    def test_one_that_lingers_can_be_ended(self):
        with socket.create_connection(self.daemon.server, timeout=10 * SLOW):
            self.upgrade()
            time.sleep(1)
            self.assertTrue(alive(self.daemon.pid))
            self.daemon.process.send(signal.SIGTERM)
            wait_until(lambda: not alive(self.daemon.pid), 2, 'it ends at once')
        self.assertEqual(self.daemon.ask('www.example.com').addresses(), ['192.0.2.80'])

    def test_what_was_known_is_known(self):
        """Without Redis: orders and loads go with the sockets."""
        self.assertEqual(self.daemon.command('report', 'us-east-1', '--load', '55').returncode, 0)
        done = self.daemon.command('drain', 'us-west-2', '--for', '10m', '--reason', 'power work', '--author', 'alice')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.upgrade()
        status = self.daemon.status()
        regions = {region['name']: region for region in status['regions']}
        self.assertTrue(regions['us-west-2']['drained'])
        self.assertEqual(regions['us-east-1']['load_rps'], 55)
        self.assertEqual([order['author'] for order in status['orders']], ['alice'])
        self.assertEqual(self.daemon.command('undrain', 'us-west-2', '--author', 'alice').returncode, 0)

    def test_signal(self):
        self.daemon.process.send(signal.SIGUSR2)
        wait_until(lambda: not self.daemon.process.alive(), 20, 'it has handed over and ended')
        self.assertEqual(self.daemon.process.child.returncode, 0)
        self.assertEqual(self.daemon.ask('www.example.com').addresses(), ['192.0.2.80'])
        self.assertTrue(self.line.stop())

    def test_nonsense_in_the_environment(self):
        for value in ('x', '1', '77'):
            done = subprocess.run([program('meridiand'), '--config', self.daemon.config_path], env=dict(os.environ, MERIDIAN_LEGACY=value),
                                  capture_output=True, text=True, timeout=20 * SLOW)
            self.assertEqual(done.returncode, 1)
            self.assertIn('hands over to the next', done.stderr)


if __name__ == '__main__':
    unittest.main(verbosity=2)
