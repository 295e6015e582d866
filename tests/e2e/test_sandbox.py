#!/usr/bin/env python3
# test_sandbox.py - the daemon in its sandbox does all that it does outside, over upgrades too, and holds no file that it could write to.
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import re
import signal
import stat
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lab'))
import fleet  # noqa: E402
import process  # noqa: E402
from process import program, wait_until  # noqa: E402
from servers import Meridian  # noqa: E402
from succession import Line  # noqa: E402


def filters(pid):
    """Of every thread, by its name: how many filters of system calls hold."""
    found = {}
    for task in pathlib.Path('/proc/%d/task' % pid).iterdir():
        status = (task / 'status').read_text()
        found[(task / 'comm').read_text().strip()] = int(re.search(r'^Seccomp_filters:\s+(\d+)', status, re.M).group(1))
    return found


def writable_files(pid):
    """Regular files among its descriptors that it could write to; standard error is its log, wherever whoever started it sends it."""
    found = []
    for entry in pathlib.Path('/proc/%d/fd' % pid).iterdir():
        try:
            mode, flags = os.stat(entry).st_mode, int(re.search(r'^flags:\s+(\d+)', pathlib.Path(
                '/proc/%d/fdinfo/%s' % (pid, entry.name)).read_text(), re.M).group(1), 8)
        except FileNotFoundError:
            continue  # closed meanwhile
        if int(entry.name) > 2 and stat.S_ISREG(mode) and flags & os.O_ACCMODE != os.O_RDONLY and 'memfd:' not in os.readlink(entry):
            found.append(os.readlink(entry))
    return found


class Sandbox(unittest.TestCase):
    def start(self, more='', prefix=()):
        folder = process.directory('sandbox-' + self._testMethodName)
        daemon = Meridian(folder, more + fleet.options(), zones={'example.com': fleet.write_zone(folder)}, workers=2, prefix=prefix)
        self.line = Line(daemon)
        self.addCleanup(self.line.stop)
        return daemon

    def use(self, daemon):
        for answer in (daemon.ask('www.example.com'), daemon.ask('api.example.com', ecs='128.59.0.0/16'),
                       daemon.ask('big.example.com', 'TXT', transport='tcp')):
            self.assertEqual(answer.rcode, 0)
            self.assertTrue(answer.answer)
        for path in ('/status', '/metrics', '/healthz'):
            daemon.http(path)
        self.assertEqual(daemon.command('reload', timeout=60).returncode, 0)

    def test_it_holds_over_upgrades(self):
        daemon = self.start()
        before = None
        for _ in range(4):
            pid = self.line.newest()
            self.use(daemon)
            held = filters(pid)
            control = held['meridiand']
            self.assertGreaterEqual(control, 1, held)
            self.assertEqual({held['worker-0'], held['worker-1']}, {control + 1})
            self.assertEqual(writable_files(pid), [])
            self.assertEqual(control, before or control, 'upgrades pile filters up')
            before = control
            self.assertEqual(daemon.command('upgrade', timeout=60).returncode, 0)
        self.assertNotIn('gap', daemon.process.log())

    def test_it_can_be_left_out(self):
        daemon = self.start(more='sandbox: false\n')
        self.use(daemon)
        self.assertEqual(set(filters(daemon.pid).values()), {int(re.search(r'^Seccomp_filters:\s+(\d+)', pathlib.Path(
            '/proc/self/status').read_text(), re.M).group(1))})

    def test_nothing_that_it_does_is_refused(self):
        if subprocess.run(['strace', '-o', '/dev/null', 'true'], capture_output=True).returncode != 0:
            process.skip('strace cannot trace here')
        if 'release' not in str(process.BUILD):
            self.skipTest('the sanitizers look into /proc and into each other')
        trace = process.directory('sandbox-trace') / 'calls'
        daemon = self.start(prefix=[program('strace'), '-f', '-qq', '-o', trace])
        self.use(daemon)
        self.assertEqual(daemon.command('upgrade', timeout=60).returncode, 0)
        self.use(daemon)
        os.kill(self.line.newest(), signal.SIGTERM)
        wait_until(lambda: daemon.process.child.poll() is not None, 30, 'all that strace follows has ended')
        text = trace.read_text(errors='replace')
        self.assertIn('recvmmsg(', text)
        self.assertIn('landlock_restrict_self(', text)
        refused = [line for line in text.splitlines() if re.search(r'= -1 (EPERM|EACCES)', line)]
        self.assertEqual(refused, [])


if __name__ == '__main__':
    unittest.main(verbosity=2)
