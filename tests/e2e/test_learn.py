#!/usr/bin/env python3
# test_learn.py - latency that was measured: users' by meridian learn and latency.learned, the PoP's own by its probes.
# SPDX-License-Identifier: Apache-2.0
import json
import socket
import subprocess
import unittest

import lab
from lab import fleet, process, servers

# Germany's users are faster to us-east-1 than to eu-west-1, whatever the map says.
USERS = '''prefix,region,ms,count
80.128.0.0/12,us-east-1,85,5000
80.128.0.0/12,eu-west-1,140,5000
80.128.0.0/12,us-west-2,170,5000
80.128.0.0/12,ap-southeast-1,180,5000
'''


def layers(meridian, region, client=fleet.GERMANY):
    page = json.loads(meridian.command('explain', 'api.example.com', '--client', client, '--json').stdout)
    row = next(row for row in page['regions'] if row['region'] == region)
    return row['network_layers'], row['network_source'], row['network_ms']


class Learned(unittest.TestCase):
    def setUp(self):
        self.folder = process.directory('learn-' + self._testMethodName)
        self.meridian = fleet.plain(self.folder)

    def tearDown(self):
        self.assertEqual(self.meridian.stop(), 0)

    def learn(self, text):
        (self.folder / 'users.csv').write_text(text)
        return subprocess.run([process.program('meridian'), 'learn', self.folder / 'users.csv', '--config',
                               self.meridian.config_path, '-o', self.folder / 'learned.csv'], capture_output=True, text=True,
                              timeout=60, stdin=subprocess.DEVNULL)

    def region(self, client=fleet.GERMANY):
        return fleet.region_of(self.meridian.ask('api.example.com', ecs=client))

    def reload(self, rest):
        self.meridian.configure(fleet.options(rest=rest))
        result = self.meridian.command('reload')
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def test_users_are_believed_after_a_reload(self):
        self.assertEqual(self.region(), 'eu-west-1')
        result = self.learn(USERS)
        self.assertEqual((result.returncode, result.stderr), (0, 'meridian: 4 measurements of 1 place, 4 rows\n'))
        self.reload('latency: {learned: learned.csv}\n')
        self.assertEqual(self.region(), 'us-east-1')
        shares, source, ms = layers(self.meridian, 'us-east-1')
        self.assertGreater(shares['users'], 0.8)
        self.assertEqual(source, 'measured by users')
        self.assertTrue(80 < ms < 92, ms)
        self.assertRegex(self.meridian.command('explain', 'api.example.com', '--client', fleet.GERMANY).stdout, r'users \d+%')
        far, _, _ = layers(self.meridian, 'us-east-1', fleet.SINGAPORE)
        self.assertLess(far['users'], shares['users'], 'the farther, the less sure')
        self.assertEqual(self.region(fleet.SINGAPORE), 'ap-southeast-1')

    def test_the_operators_row_beats_users(self):
        self.learn(USERS)
        (self.folder / 'table.csv').write_text('DE,eu-west-1,12\n')
        self.reload('latency: {learned: learned.csv, table: table.csv}\n')
        self.assertEqual(self.region(), 'eu-west-1')
        shares, source, ms = layers(self.meridian, 'eu-west-1')
        self.assertEqual((shares, source, ms), (None, 'table by country', 12.0))

    def test_a_damaged_file_changes_nothing(self):
        self.learn(USERS)
        self.reload('latency: {learned: learned.csv}\n')
        (self.folder / 'learned.csv').write_text('1,2,DE,us-east-1,fast,0,1\n')
        result = self.meridian.command('reload')
        self.assertEqual(result.returncode, 1)
        self.assertIn('learned.csv:1: ms: fast: a number from 0 to 10000', result.stdout + result.stderr)
        self.assertEqual(self.region(), 'us-east-1')

    def test_bad_lines_are_told(self):
        result = self.learn(USERS + 'here,us-east-1,1,1\n')
        self.assertEqual(result.returncode, 1)
        self.assertIn('users.csv:6: prefix: here: an IPv4 or IPv6 prefix or address', result.stderr)
        self.assertTrue((self.folder / 'learned.csv').exists())


class Sounded(unittest.TestCase):
    """A PoP in Dublin whose probes reach all regions over loopback: eu-west-1 is that near, the others cannot be."""

    IRELAND = '86.40.0.0/13'

    def start(self, name, rest=''):
        folder = process.directory('learn-' + name)
        listener = socket.create_server(('127.0.0.1', 0), backlog=64)
        self.addCleanup(listener.close)
        probe = '\n        probe: {kind: tcp, address: "127.0.0.1@%d", interval_ms: 200, timeout_ms: 150}\n' \
            % listener.getsockname()[1]
        options = ''.join(line + (probe if 'capacity_rps' in line else '\n')
                          for line in fleet.options(rest='geo: {check_s: 2}\n' + rest).splitlines())
        return servers.Meridian(folder, options, {'example.com': fleet.write_zone(folder)},
                                pop='name: pop-test, location: {latitude: 53.33, longitude: -6.25}')

    def pops_share(self, meridian, above):
        """How loud the PoP's measurements are for Irish clients of eu-west-1, once that is more than `above`."""
        process.wait_until(lambda: (layers(meridian, 'eu-west-1', self.IRELAND)[0] or {'pops': 0})['pops'] > above, 20,
                           'the measurements have their say', alive=[meridian.process])
        return layers(meridian, 'eu-west-1', self.IRELAND)[0]['pops']

    def test_the_pops_handshakes_have_their_say(self):
        meridian = self.start('sounded')
        self.pops_share(meridian, 0.5)
        _, source, ms = layers(meridian, 'eu-west-1', self.IRELAND)
        self.assertEqual(source, 'measured by PoPs')
        self.assertLess(ms, 9, 'less than the line of distance begins with')
        self.assertEqual(layers(meridian, 'us-east-1', self.IRELAND)[0]['pops'], 0, 'faster than light: left out')
        self.assertEqual(meridian.command('reload').returncode, 0)
        self.assertGreater(layers(meridian, 'eu-west-1', self.IRELAND)[0]['pops'], 0.5, 'a reload carries it')
        self.assertEqual(meridian.stop(), 0)

    def test_clients_that_connect_are_measured_too(self):
        """Clients of this machine are in Ireland, says a pin. Those that ask over TCP make Irish clients' latency surer than the PoP alone."""
        without = self.start('unasked')
        alone = self.pops_share(without, 0.1)
        self.assertEqual(without.stop(), 0)
        meridian = self.start('connected', 'pins:\n  - {prefix: 127.0.0.0/8, place: {country: IE, latitude: 53.3, longitude: -6.3}}\n')
        for _ in range(40):  # five blocks, before the files are first looked at
            fleet.region_of(meridian.ask('api.example.com', transport='tcp'))
        together = self.pops_share(meridian, alone + (1 - alone) / 10)
        self.assertGreater(together, alone)
        self.assertEqual(layers(meridian, 'eu-west-1', self.IRELAND)[1], 'measured by PoPs')
        self.assertEqual(meridian.stop(), 0)


if __name__ == '__main__':
    lab.main()
