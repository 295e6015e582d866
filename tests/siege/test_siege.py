#!/usr/bin/env python3
# test_siege.py - floods, crowds, and a kernel that says no: what well-behaved clients get meanwhile, and what it costs the daemon.
# SPDX-License-Identifier: Apache-2.0
#
#   test_siege.py          each fault is a test; the table of all is printed at the end
#   test_siege.py NAME...  some of them
#
# Users ask 50 questions a second over UDP and some 15 over TCP, each twice at most, as resolvers do: again after a second, over TCP two. At least
# 90 % of the questions get an answer, the process that was started still answers in the end, and its memory has stayed within the bound of
# dnsd/serve/README.md: what it has at rest, 200 KiB for each connection that it may have open, and a second world while it reloads.
import os
import pathlib
import random
import resource
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lab'))
import dns  # noqa: E402
import fleet  # noqa: E402
import process  # noqa: E402
from process import Process, program, wait_until  # noqa: E402
from servers import Meridian  # noqa: E402

ANSWERED_LEAST = 0.9
SECONDS = 3  # of a siege
TCP_SECONDS = 8  # of one that is about TCP: longer than two tries, or the second one always comes after it; shorter than tcp.idle_ms
FLOOD_RATE = 100000
WORKERS, CONNECTIONS, CONNECTION_KIB = 2, 1024, 200  # tcp.connections' default
CROWD_MIB = WORKERS * CONNECTIONS * CONNECTION_KIB / 1024
FEW_MIB = 8     # of the users' own connections
WORLDS_MIB = 32  # a reload builds its world beside the one in use
rows = []


class Users:
    """Well-behaved clients. Every question: [answered or not]."""

    def __init__(self, port):
        self.target, self.running = ('127.0.0.1', port), True
        self.udp, self.tcp = [], []
        self.threads = [threading.Thread(target=self.ask_udp)] + [threading.Thread(target=self.ask_tcp) for _ in range(3)]
        for thread in self.threads:
            thread.start()

    def ask_udp(self):
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(32)]
        selector = selectors.DefaultSelector()
        for sock in sockets:
            sock.setblocking(False)
            selector.register(sock, selectors.EVENT_READ)
        open_, number, began = {}, 0, time.monotonic()  # identifier: [row, asked last, tries]
        while self.running or open_:
            now = time.monotonic()
            if self.running and now - began > number * 0.02:
                number += 1
                self.udp.append(False)
                open_[number] = [len(self.udp) - 1, 0, 0]
            for identifier, entry in list(open_.items()):
                if entry[2] and now - entry[1] < 1:
                    continue
                if entry[2] == 2:
                    del open_[identifier]
                    continue
                entry[1], entry[2] = now, entry[2] + 1
                try:
                    random.choice(sockets).sendto(dns.question('api.example.com', identifier=identifier), self.target)
                except OSError:
                    pass  # lost
            for key, _ in selector.select(0.01):
                try:
                    message = dns.Message(key.fileobj.recv(4096))
                except OSError:
                    continue
                entry = open_.pop(message.identifier, None)
                if entry is not None:
                    self.udp[entry[0]] = bool(message.answer)
        for sock in sockets:
            sock.close()

    def ask_tcp(self):
        while self.running:
            answered = False
            for _ in range(2):
                began = time.monotonic()
                try:
                    data = dns.tcp_exchange(self.target, dns.question('api.example.com'), timeout=2.0)
                    answered = data is not None and bool(dns.Message(data).answer)
                except OSError:
                    pass
                if answered:
                    break
                time.sleep(max(0, began + 1 - time.monotonic()))
            self.tcp.append(answered)
            time.sleep(0.2)

    def stop(self):
        """Shares of UDP and TCP questions that got an answer."""
        self.running = False
        for thread in self.threads:
            thread.join()
        return tuple(sum(answers) / max(1, len(answers)) for answers in (self.udp, self.tcp))


def spent_s(pid):
    """Processor time so far."""
    words = pathlib.Path('/proc/%d/stat' % pid).read_text().rpartition(')')[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf('SC_CLK_TCK')


class Watch:
    """The memory that a process has at rest, and the most it has had since."""

    def __init__(self, pid):
        self.pid, self.running = pid, True
        self.rest = self.most = self.now()
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def now(self):
        words = pathlib.Path('/proc/%d/statm' % self.pid).read_text().split()
        return int(words[1]) * resource.getpagesize() / 2**20

    def look(self):
        while self.running:
            self.most = max(self.most, self.now())
            time.sleep(0.05)

    def stop(self):
        self.running = False
        self.thread.join()
        return self.rest, self.most


class Crowd:
    """TCP connections from many addresses of 127.0.0.0/8, so that no client's own limit stops them."""

    def __init__(self, port, count, each=25):
        self.sockets = []
        for i in range(count):
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            sock.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
            number = i // each
            sock.bind(('127.7.%d.%d' % (number // 250, number % 250 + 1), 0))
            sock.setblocking(False)
            sock.connect_ex(('127.0.0.1', port))
            self.sockets.append(sock)
            if i % 50 == 49:
                time.sleep(0.005)  # the kernel's queue of a listener is finite

    def trickle(self, seconds):
        """Each sends the beginning of a long frame, byte by byte."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for sock in self.sockets:
                try:
                    sock.send(b'\xff')
                except OSError:
                    pass
            time.sleep(0.1)

    def open(self):
        count = 0
        for sock in self.sockets:
            try:
                count += sock.recv(1, socket.MSG_PEEK) != b''
            except BlockingIOError:
                count += 1
            except OSError:
                pass
        return count

    def end(self):
        for sock in self.sockets:
            sock.close()


class Siege(unittest.TestCase):
    def setUp(self):
        self.folder = process.directory('siege-' + self._testMethodName)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20000), hard))

    def start(self, prefix=()):
        self.daemon = Meridian(self.folder, fleet.options(), {'example.com': fleet.write_zone(self.folder)}, workers=WORKERS, prefix=prefix)
        # strace is its daemon's parent; shells and prlimit become it
        children = pathlib.Path('/proc/%d/task/%d/children' % (self.daemon.pid, self.daemon.pid)).read_text().split()
        self.pid = int(children[0]) if children else self.daemon.pid
        self.addCleanup(self.end)

    def end(self):
        """By its own id: strace keeps signals to itself."""
        if self.pid != self.daemon.pid and self.daemon.process.alive():
            os.kill(self.pid, signal.SIGTERM)
            self.assertEqual(self.daemon.process.wait(15), 0)
        else:
            self.assertEqual(self.daemon.stop(), 0)

    def besiege(self, what, expected, attack, more_mib=FEW_MIB):
        """`attack` returns what was done, for the table, and runs until the siege is over. more_mib: than at rest, at most."""
        watch, users = Watch(self.pid), Users(self.daemon.port)
        time.sleep(0.5)
        try:
            done = attack()
        finally:
            udp, tcp = users.stop()
            rest, most = watch.stop()
        rows.append((what, done, expected, udp, tcp, rest, most))
        print('\n%s: %s; UDP %.1f %%, TCP %.1f %% answered; %.0f MiB, at most %.0f' % (what, done, 100 * udp, 100 * tcp, rest, most), flush=True)
        self.assertTrue(self.daemon.process.alive(), self.daemon.process.log()[-3000:])
        self.assertGreater(len(users.udp), SECONDS * 25)
        self.assertGreaterEqual(udp, ANSWERED_LEAST, what)
        self.assertGreaterEqual(tcp, ANSWERED_LEAST, what)
        self.assertLess(most, rest + more_mib, what)
        wait_until(self.daemon.healthy, 10, 'every worker answers afterwards')
        self.assertTrue(pathlib.Path('/proc/%d' % self.pid).exists())

    def flood(self, kind, zone):
        child = Process('flood', [program('flood'), kind, '127.0.0.1', self.daemon.port, zone, SECONDS, FLOOD_RATE], self.folder)
        self.assertEqual(child.wait(SECONDS + 10), 0, child.log())
        sent = int(child.log())
        self.assertGreater(sent, 1000)
        return '%d packets in %d s' % (sent, SECONDS)

    def test_01_random_names(self):
        self.start()
        self.besiege('flood of random names', 'answered, no state kept', lambda: self.flood('names', 'example.com'))

    def test_02_malformed(self):
        self.start()
        self.besiege('malformed packets', 'FORMERR or silence', lambda: self.flood('malformed', 'api.example.com'))

    def test_03_spoofed(self):
        self.start()
        self.besiege('spoofed sources', 'answered by the source, no state kept', lambda: self.flood('spoofed', 'api.example.com'))

    def test_04_slowloris(self):
        self.start()

        def attack():
            crowd = Crowd(self.daemon.port, 4000)
            try:
                crowd.trickle(TCP_SECONDS)
                return '4000 connections, a byte each 0.1 s; %d left' % crowd.open()
            finally:
                crowd.end()
        self.besiege('TCP slowloris', 'the longest without an answer makes room', attack, CROWD_MIB)

    def test_05_idle(self):
        if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 11000:
            self.skipTest('this shell may not have 11,000 descriptors')
        self.start()

        def attack():
            crowd = Crowd(self.daemon.port, 10000)
            try:
                time.sleep(TCP_SECONDS)
                left = crowd.open()
                self.assertLessEqual(left, WORKERS * CONNECTIONS)
                return '10000 connections; %d left' % left
            finally:
                crowd.end()
        self.besiege('10,000 idle TCP connections', 'tcp.connections a worker, the longest idle makes room', attack, CROWD_MIB)

    def test_06_descriptors(self):
        self.start(prefix=['prlimit', '--nofile=64:64'])

        def attack():
            before_s = spent_s(self.pid)
            crowd = Crowd(self.daemon.port, 300)
            try:
                wait_until(lambda: len(os.listdir('/proc/%d/fd' % self.pid)) > 61, 1, 'hardly a descriptor is left')
                crowd.trickle(TCP_SECONDS)
                spent = spent_s(self.pid) - before_s
                self.assertLess(spent, TCP_SECONDS * 0.8, 'it spins')
                return '300 connections, limit 64; %.1f s of CPU' % spent
            finally:
                crowd.end()
        self.besiege('no descriptor left', 'the longest idle makes room; nothing spins', attack)

    def test_07_memory(self):
        self.start()
        zone = fleet.write_zone(self.folder)

        def attack():
            size = int(pathlib.Path('/proc/%d/statm' % self.pid).read_text().split()[0]) * resource.getpagesize()
            subprocess.run(['prlimit', '--pid', str(self.pid), '--as=%d:unlimited' % (size + (4 << 20))], check=True)
            zone.write_text(zone.read_text() + ''.join('h%d A 192.0.2.%d\n' % (i, i % 250 + 1) for i in range(60000)))
            reloaded = self.daemon.command('reload', timeout=60)
            self.assertEqual(reloaded.returncode, 1, reloaded.stdout + reloaded.stderr + self.daemon.process.log())
            self.assertIn('memory', (reloaded.stdout + reloaded.stderr).lower())
            subprocess.run(['prlimit', '--pid', str(self.pid), '--as=unlimited:unlimited'], check=True)
            fleet.write_zone(self.folder, serial=2)
            self.assertEqual(self.daemon.command('reload', timeout=60).returncode, 0)
            return '4 MiB more allowed, a zone of 60,000 names'
        self.besiege('memory limit', 'the reload fails with words, the zone before stays', attack, WORLDS_MIB)

    def test_08_full_disk(self):
        self.start(prefix=['sh', '-c', 'exec "$@" 2>/dev/full', 'sh'])

        def attack():
            for _ in range(SECONDS):
                self.assertEqual(self.daemon.command('reload').returncode, 0)
                time.sleep(1)
            return 'its log goes to /dev/full; %d reloads' % SECONDS
        self.besiege('full disk', 'lines are lost, nothing waits for them', attack, WORLDS_MIB)

    def injected(self, call, error):
        """The kernel's word to every eighth of these calls."""
        if subprocess.run(['strace', '-o', '/dev/null', 'true'], capture_output=True).returncode != 0:
            self.skipTest('strace cannot trace here')
        trace = self.folder / 'calls'
        self.start(prefix=[program('strace'), '-f', '-qq', '-o', trace, '-e', 'trace=' + call, '-e', 'inject=%s:error=%s:when=8+8' % (call, error)])

        def attack():
            time.sleep(SECONDS)
            count = trace.read_text(errors='replace').count('(INJECTED)')
            self.assertGreater(count, 3)
            return 'every eighth %s, %d of them' % (call, count)
        self.besiege('%s from %s' % (error, call), 'asked again, or lost alone', attack)

    def test_09_no_buffers(self):
        self.injected('sendmmsg', 'ENOBUFS')

    def test_10_not_permitted(self):
        self.injected('sendmmsg', 'EPERM')

    def test_11_interrupted_receive(self):
        self.injected('recvmmsg', 'EINTR')

    def test_12_interrupted_wait(self):
        self.injected('epoll_wait', 'EINTR')

    def test_13_interrupted_accept(self):
        self.injected('accept4', 'EINTR')

    def test_14_no_buffers_to_accept(self):
        self.injected('accept4', 'ENOBUFS')


def table():
    print('\n| fault | what was done | expected | UDP answered | TCP answered | MiB at rest | most |\n|---|---|---|---:|---:|---:|---:|')
    for what, done, expected, udp, tcp, rest, most in rows:
        print('| %s | %s | %s | %.1f %% | %.1f %% | %.0f | %.0f |' % (what, done, expected, 100 * udp, 100 * tcp, rest, most))


if __name__ == '__main__':
    outcome = unittest.main(verbosity=2, exit=False, warnings='ignore', argv=[sys.argv[0]] + ['Siege.' + name for name in sys.argv[1:]])
    table()
    sys.exit(0 if outcome.result.wasSuccessful() else 1)
