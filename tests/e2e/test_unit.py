#!/usr/bin/env python3
# test_unit.py - the daemon as deploy/systemd/meridiand.service runs it: what it tells systemd, and no call that the unit's filter refuses.
# SPDX-License-Identifier: Apache-2.0
#
# systemd itself cannot be had where it is not the first process: its socket is this test's, and its filter is read from the unit and from
# `systemd-analyze syscall-filter`.
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lab'))
import dns  # noqa: E402
import fleet  # noqa: E402
import process  # noqa: E402
import thread_stop  # noqa: E402
from process import SLOW, program, wait_until  # noqa: E402
from servers import Meridian  # noqa: E402
from succession import Line  # noqa: E402

UNIT = process.SOURCE / 'deploy/systemd/meridiand.service'
STALL_S = 5  # SUPERVISOR_STALL_MS


class Systemd:
    """The socket of sd_notify."""

    def __init__(self, folder):
        self.path = str(folder / 'notify')
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.words = []  # (when, word)

    def hear(self):
        while True:
            try:
                data = self.socket.recv(4096)
            except BlockingIOError:
                return [word for _, word in self.words]
            self.words += [(time.monotonic(), word) for word in data.decode().split('\n') if word]


def expand(group, seen=None):
    """Names of system calls in a group of systemd's."""
    seen = seen if seen is not None else set()
    out = set()
    if group in seen:
        return out
    seen.add(group)
    for line in subprocess.run(['systemd-analyze', 'syscall-filter', group], capture_output=True, text=True, check=True).stdout.splitlines():
        word = line.strip()
        if word.startswith('@') and word != group:
            out |= expand(word, seen)
        elif re.fullmatch(r'[a-z_0-9]+', word):
            out.add(word)
    return out


def allowed():
    """By the unit's SystemCallFilter lines, in their order."""
    calls = set()
    for words in re.findall(r'^SystemCallFilter=(.*)$', UNIT.read_text(), re.M):
        taken = words.startswith('~')
        for word in words.lstrip('~').split():
            names = expand(word) if word.startswith('@') else {word}
            calls = calls - names if taken else calls | names
    return calls


class Unit(unittest.TestCase):
    def setUp(self):
        self.folder = process.directory('unit-' + self._testMethodName)
        self.systemd = Systemd(self.folder)
        self.addCleanup(self.systemd.socket.close)

    def start(self, prefix=()):
        daemon = Meridian(self.folder, fleet.options(), zones={'example.com': fleet.write_zone(self.folder)}, workers=2, prefix=prefix,
                          env={'NOTIFY_SOCKET': self.systemd.path, 'WATCHDOG_USEC': '15000000', 'WATCHDOG_PID': '1'})
        self.line = Line(daemon)
        self.addCleanup(self.line.stop)
        return daemon

    def test_what_systemd_hears(self):
        daemon = self.start()
        wait_until(lambda: 'READY=1' in self.systemd.hear(), 10, 'it says that it is ready')
        self.assertIn('MAINPID=%d' % daemon.pid, self.systemd.hear())
        wait_until(lambda: 'WATCHDOG=1' in self.systemd.hear(), 10, 'it says that it is alive')
        self.assertEqual(daemon.command('upgrade', timeout=60).returncode, 0)
        wait_until(lambda: 'MAINPID=%d' % self.line.newest() in self.systemd.hear(), 10, 'the next one is the daemon')
        before = len(self.systemd.hear())
        wait_until(lambda: 'WATCHDOG=1' in self.systemd.hear()[before:], 10, 'and is alive')
        os.kill(self.line.newest(), signal.SIGTERM)
        wait_until(lambda: 'STOPPING=1' in self.systemd.hear(), 10, 'it says that it stops')

    def test_a_hung_worker_is_not_alive(self):
        """So systemd's watchdog ends the daemon, and starts it again."""
        daemon = self.start()
        wait_until(lambda: 'WATCHDOG=1' in self.systemd.hear(), 10, 'it says that it is alive')
        with thread_stop.Stopped(thread_stop.threads(daemon.pid)['worker-1']):
            time.sleep(STALL_S + 2)
            self.systemd.hear()
            before = len(self.systemd.words)
            time.sleep(3)
            self.assertNotIn('WATCHDOG=1', self.systemd.hear()[before:])
        wait_until(lambda: 'WATCHDOG=1' in self.systemd.hear()[before:], 10, 'it is alive again')

    def test_no_call_that_the_filter_refuses(self):
        if subprocess.run(['strace', '-o', '/dev/null', 'true'], capture_output=True).returncode != 0:
            process.skip('strace cannot trace here')
        if 'release' not in str(process.BUILD):
            self.skipTest('the sanitizers make calls of their own')
        trace = self.folder / 'calls'
        daemon = self.start(prefix=[program('strace'), '-f', '-qq', '-o', trace])
        daemon.ask('www.example.com')
        daemon.ask('api.example.com', ecs='128.59.0.0/16')
        daemon.ask('big.example.com', 'TXT', transport='tcp')
        for path in ('/status', '/metrics', '/healthz'):
            daemon.http(path)
        self.assertEqual(daemon.command('reload', timeout=60).returncode, 0)
        self.assertEqual(daemon.command('upgrade', timeout=60).returncode, 0)
        daemon.ask('www.example.com')
        os.kill(self.line.newest(), signal.SIGTERM)
        wait_until(lambda: daemon.process.child.poll() is not None, 30, 'all that strace follows has ended')
        made = set(re.findall(r'^\d+ +([a-z_0-9]+)\(', trace.read_text(errors='replace'), re.M))
        calls = allowed()
        self.assertGreater(len(calls), 100)
        self.assertIn('recvmmsg', made)
        # The start of a process that systemd does itself, and limits that the unit has set already.
        refused = made - calls - {'prlimit64'}
        print('%d calls made, %d allowed' % (len(made), len(calls)), flush=True)
        self.assertEqual(refused, set())


if __name__ == '__main__':
    unittest.main(verbosity=2)
