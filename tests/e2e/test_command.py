#!/usr/bin/env python3
# test_command.py - what a person types: meridian and meridiand, right and wrong, with their exit codes.
# SPDX-License-Identifier: Apache-2.0
import json
import os
import pwd
import subprocess
import unittest

import lab
from lab import fleet, process, servers

WRONG = '''listen: ["127.0.0.1@99999"]
nonsense: 1
zones:
  - {origin: example.com, file: missing.zone}
regions:
  - name: one
    location: {latitude: 95, longitude: 0}
    endpoints:
      - {name: a, addresses: [not-an-address]}
  - name: one
    location: {latitude: 0, longitude: 0}
    endpoints:
      - {name: b, addresses: [192.0.2.1]}
services:
  - {name: api.example.org, regions: [two]}
'''


def run(*arguments, timeout=20):
    return subprocess.run([process.program(arguments[0]), *map(str, arguments[1:])], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=timeout * process.SLOW)


class Check(unittest.TestCase):
    def setUp(self):
        self.folder = process.directory('command-' + self._testMethodName)
        self.path = self.folder / 'meridian.yaml'

    def test_every_error_is_reported_with_its_line(self):
        self.path.write_text(WRONG)
        result = run('meridian', 'check', self.path)
        text = result.stdout + result.stderr
        self.assertEqual(result.returncode, 1, text)
        for line, word in ((1, '99999'), (2, 'nonsense'), (7, '95'), (9, 'not-an-address'), (10, 'one'), (15, 'api.example.org'),
                           (15, 'two')):
            self.assertRegex(text, r'meridian\.yaml:%d: .*%s' % (line, word))
        daemon = run('meridiand', '--config', self.path)
        self.assertEqual(daemon.returncode, 1)
        self.assertIn('meridian.yaml:2: nonsense', daemon.stderr)

    def test_errors_as_json(self):
        self.path.write_text(WRONG)
        result = run('meridian', 'check', '--json', self.path)
        page = json.loads(result.stdout)
        self.assertEqual((result.returncode, page['ok']), (1, False))
        self.assertGreaterEqual(len(page['problems']), 7)

    def test_zone_errors_have_their_line_too(self):
        zone = fleet.write_zone(self.folder, extra='broken A 192.0.2.999\n')
        self.path.write_text('zones:\n  - {origin: example.com, file: %s}\n' % zone.name)
        result = run('meridian', 'check', self.path)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stdout + result.stderr, r'example\.com\.zone:%d: ' % len(zone.read_text().splitlines()))

    def test_missing_and_unreadable_files(self):
        result = run('meridian', 'check', self.folder / 'none.yaml')
        self.assertEqual(result.returncode, 1)
        self.assertIn('none.yaml', result.stdout + result.stderr)
        self.assertEqual(run('meridiand', '--config', self.folder / 'none.yaml').returncode, 1)
        self.assertEqual(run('meridian', 'check', self.folder).returncode, 1)

    def test_examples_are_right(self):
        for path in sorted((process.SOURCE / 'deploy/examples').glob('*.yaml')):
            result = run('meridian', 'check', path)
            self.assertEqual(result.returncode, 0, '%s: %s' % (path, result.stdout + result.stderr))

    def test_usage(self):
        for words in (['meridian', 'nonsense'], ['meridian', 'explain'], ['meridian', 'status', '--nonsense'],
                      ['meridiand', '--nonsense'], ['meridiand', 'file']):
            self.assertEqual(run(*words).returncode, 2, words)
        for words in (['meridian', '--help'], ['meridian', 'version'], ['meridian', 'explain', '--help'], ['meridiand', '--help'],
                      ['meridiand', '--version']):
            self.assertEqual(run(*words).returncode, 0, words)
        self.assertEqual(json.loads(run('meridian', 'version', '--json').stdout)['version'],
                         run('meridiand', '--version').stdout.split()[1])

    def test_nobody_there(self):
        result = run('meridian', 'status', '--admin', '127.0.0.1@%d' % process.port())
        self.assertEqual(result.returncode, 3)
        self.assertTrue(result.stderr)

    def test_port_in_use(self):
        meridian = fleet.plain(self.folder)
        other = process.directory('command-other')
        fleet.write_zone(other)
        import socket
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            sock.bind(('127.0.0.1', 0))
            sock.listen()
            (other / 'meridian.yaml').write_text(
                'listen: ["127.0.0.1@%d"]\nadmin: {listen: none}\nzones:\n  - {origin: example.com, file: example.com.zone}\n'
                % sock.getsockname()[1])
            result = run('meridiand', '--config', other / 'meridian.yaml')
        self.assertEqual(result.returncode, 1)
        self.assertIn('127.0.0.1', result.stderr)
        self.assertEqual(meridian.stop(), 0)


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.meridian = fleet.plain(process.directory('command'))

    def test_pages_and_their_json(self):
        for words in (['status'], ['explain', 'api.example.com', '--client', fleet.GERMANY],
                      ['explain', 'www.example.com', '--client', '2001:db8::1'], ['report', 'us-west-2', '--load', '3'], ['reload']):
            text = self.meridian.command(*words)
            self.assertEqual(text.returncode, 0, text.stderr)
            self.assertTrue(text.stdout.strip() or words[0] in ('report', 'reload'), words)
            page = self.meridian.command(*words, '--json')
            self.assertEqual(page.returncode, 0, page.stderr)
            json.loads(page.stdout)

    def test_explain_shows_every_region_and_the_choice(self):
        page = self.meridian.command('explain', 'api.example.com', '--client', fleet.GERMANY).stdout
        for word in [*fleet.REGIONS, 'DE', 'ms']:
            self.assertIn(word, page)

    def test_what_the_daemon_refuses(self):
        for words in (['report', 'nowhere', '--load', '1'], ['explain', 'www.example.org', '--client', '1.2.3.4']):
            result = self.meridian.command(*words)
            self.assertIn(result.returncode, (0, 4), result.stdout + result.stderr)
        self.assertEqual(self.meridian.command('report', 'nowhere', '--load', '1').returncode, 4)


class Privileges(unittest.TestCase):
    def test_user_is_left_behind(self):
        """Started as root with `user:`, every thread runs as that user with no capability, and a reload still works."""
        if os.geteuid() != 0:
            self.skipTest('only root can become somebody else')
        folder = process.directory('privileges')
        account = pwd.getpwnam('nobody')
        for path in (process.BUILD, *process.BUILD.parents):
            if not path.stat().st_mode & 0o001:
                self.skipTest('%s is closed to user nobody, who must read the zone file' % path)
        meridian = fleet.plain(folder, rest='user: nobody\n', workers=2)
        threads = os.listdir('/proc/%d/task' % meridian.pid)
        self.assertGreaterEqual(len(threads), 3)
        for thread in threads:
            with open('/proc/%d/task/%s/status' % (meridian.pid, thread)) as file:
                status = dict(line.rstrip('\n').split(':\t', 1) for line in file if ':\t' in line)
            self.assertEqual(set(status['Uid'].split()), {str(account.pw_uid)})
            self.assertEqual(set(status['Gid'].split()), {str(account.pw_gid)})
            self.assertEqual(status['Groups'].split() in ([], [str(account.pw_gid)]), True)
            self.assertEqual(int(status['CapEff'], 16), 0)
        self.assertEqual(self.ask(meridian), ['192.0.2.80'])
        self.assertEqual(meridian.command('reload').returncode, 0)
        self.assertEqual(meridian.stop(), 0)

    def ask(self, meridian):
        return meridian.ask('www.example.com').addresses()

    def test_unknown_user_is_refused(self):
        folder = process.directory('privileges-unknown')
        meridian = fleet.plain(folder, rest='user: nobody-by-that-name\n', wait=False)
        self.assertEqual(meridian.process.wait(), 1)
        self.assertIn('nobody-by-that-name', meridian.process.log())


lab.main()
