#!/usr/bin/env python3
# test_runbook.py - every command of deploy/runbook.md, in its order, on a fleet of two PoPs with Redis and BGP neighbours.
# SPDX-License-Identifier: Apache-2.0
#
# systemctl is a script here that does what the unit says, for systemd is not the first process everywhere; the configuration's path is the test's.
import os
import pathlib
import re
import stat
import subprocess
import sys
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / name) for name in ('lab', 'anycast')]
import fleet  # noqa: E402
import process  # noqa: E402
from process import SLOW, program, wait_until  # noqa: E402
from redis_server import RedisServer  # noqa: E402
from routers import Bird  # noqa: E402
from servers import Meridian  # noqa: E402
from succession import Line  # noqa: E402

RUNBOOK = process.SOURCE / 'deploy/runbook.md'
UNIT = process.SOURCE / 'deploy/systemd/meridiand.service'
PATH = '/etc/meridian/meridian.yaml'


def fences():
    """(heading, commands) of each block to be run."""
    heading, block, out = '', None, []
    for line in RUNBOOK.read_text().splitlines():
        if line.startswith('#') and block is None:
            heading = line.lstrip('# ')
        elif line == '```sh':
            block = []
        elif line == '```' and block is not None:
            out.append((heading, '\n'.join(block)))
            block = None
        elif block is not None:
            block.append(line)
    return out


class Runbook(unittest.TestCase):
    def pop(self, name, redis, port):
        folder = self.folder / name
        folder.mkdir()
        options = fleet.options(rest='''state: {redis: [{address: 127.0.0.1@%d}]}
anycast:
  local_as: 64496
  router_id: 10.0.0.1
  neighbors: [{address: 127.0.0.1, as: 64500, port: %d, hold_time_s: 3}]
  prefixes: [{prefix: 192.0.2.53/32}]
  drain_s: 1
''' % (redis.port, port))
        daemon = Meridian(folder, options, zones={'example.com': fleet.write_zone(folder)}, pop='name: ' + name)
        line = Line(daemon)
        self.addCleanup(line.stop)
        return daemon

    def setUp(self):
        for name in ('jq', 'redis-cli'):
            program(name)
        self.folder = process.directory('runbook')
        self.addCleanup(process.end_all)
        redis = RedisServer(self.folder, 'redis')
        ports = [process.port(), process.port()]
        self.birds = [Bird(self.folder, port, 64496, name='bird-%d' % i) for i, port in enumerate(ports)]
        self.daemon, self.other = [self.pop(name, redis, port) for name, port in zip(('pop-eu', 'pop-us'), ports)]
        self.bin = self.folder / 'bin'
        self.bin.mkdir()
        reload = re.search(r'^ExecReload=\S*/(meridian .*)$', UNIT.read_text(), re.M).group(1).replace(PATH, str(self.daemon.config_path))
        self.script('systemctl', 'case "$*" in\n"reload meridiand") exec %s ;;\n"start meridiand") kill -0 %d ;;\n*) exit 9 ;;\nesac' % (
            reload, self.daemon.pid))
        for name in ('meridian', 'meridiand'):
            self.script(name, 'exec %s "$@"' % program(name))
        self.environment = dict(os.environ, PATH='%s:%s' % (self.bin, os.environ['PATH']), MERIDIAN_ADMIN='127.0.0.1@%d' % self.daemon.admin_port,
                                MERIDIAN_AUTHOR='alice', REDIS_URL='redis://127.0.0.1:%d' % redis.port)

    def script(self, name, text):
        path = self.bin / name
        path.write_text('#!/bin/sh\n' + text + '\n')
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def well(self):
        return self.daemon.command('status').returncode == 0 and 'pop-us' in self.daemon.command('status').stdout

    def test_every_command(self):
        blocks = fences()
        self.assertGreater(len(blocks), 10)
        commands = 0
        for heading, block in blocks:
            wait_until(self.well, 20, 'all is well before: ' + heading)
            text = block.replace(PATH, str(self.daemon.config_path))
            done = subprocess.run(['bash', '-e', '-c', text], env=self.environment, capture_output=True, text=True, timeout=120 * SLOW,
                                  stdin=subprocess.DEVNULL)
            with self.subTest(heading):
                self.assertEqual(done.returncode, 0, '%s\n%s%s' % (text, done.stdout, done.stderr))
            commands += sum(bool(line.split('#')[0].strip()) for line in block.splitlines())
        print('%d commands in %d blocks' % (commands, len(blocks)), flush=True)
        self.assertEqual(len(Line(self.daemon).pids()), 3)  # upgrade and rollback


if __name__ == '__main__':
    unittest.main(verbosity=2)
