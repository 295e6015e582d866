#!/usr/bin/env python3
# test_quickstart.py - the first command of the README does what it says, and leaves nothing behind.
# SPDX-License-Identifier: Apache-2.0
import os
import signal
import subprocess
import time
import unittest

import lab
from lab import process

SCRIPT = process.SOURCE / 'deploy/quickstart.sh'


def start(*arguments):
    """In a group of its own, like a terminal's job; on ports away from the defaults."""
    environment = {**os.environ, 'DNS_PORT': str(process.port()), 'ADMIN_PORT': str(process.port()),
                   'REGION_PORT': str(process.port()), 'REDIS_PORT': str(process.port())}
    return subprocess.Popen([SCRIPT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                            text=True, env=environment, start_new_session=True)


def members(group):
    """Processes of a process group that still run."""
    found = []
    for name in os.listdir('/proc'):
        if name.isdigit():
            try:
                with open('/proc/%s/stat' % name) as file:
                    fields = file.read().rpartition(') ')[2].split()
                if int(fields[2]) == group and fields[0] != 'Z':
                    found.append(int(name))
            except (FileNotFoundError, ProcessLookupError):
                pass
    return found


class Quickstart(unittest.TestCase):
    def setUp(self):
        if process.BUILD != process.SOURCE / 'build/release':
            process.skip('the quickstart runs build/release, this is ' + str(process.BUILD))

    def run_once(self, steps, *options):
        started = time.monotonic()
        script = start('--once', *options)
        output, _ = script.communicate(timeout=240 * process.SLOW)
        print(output)
        self.assertEqual(script.returncode, 0, output)
        self.assertNotIn('FAILED', output)
        self.assertGreaterEqual(output.count('ok      '), steps)
        self.assertEqual(members(script.pid), [])
        print('%.1f s' % (time.monotonic() - started))

    def interrupt(self, count, *options):
        script = start(*options)
        for line in script.stdout:
            if 'ready after' in line:
                break
        self.assertGreaterEqual(len(members(script.pid)), count)
        os.killpg(script.pid, signal.SIGINT)  # what a terminal does on Ctrl-C
        script.stdout.close()
        self.assertEqual(script.wait(20 * process.SLOW), 130)
        process.wait_until(lambda: not members(script.pid), 10, 'nothing is left running')

    def test_once(self):
        self.run_once(16)

    def test_fleet_once(self):
        self.run_once(18, '--fleet')

    def test_interrupt_cleans_up(self):
        self.interrupt(6)  # the script, four regions, meridiand

    def test_fleet_interrupt_cleans_up(self):
        self.interrupt(10, '--fleet')  # the script, four regions, two Redis servers, three meridiand

    def test_usage(self):
        for words, code in (('--help',), 0), (('--nonsense',), 2):
            script = start(*words)
            output, _ = script.communicate(timeout=20)
            self.assertEqual(script.returncode, code)
            self.assertIn('usage:', output)


lab.main()
