#!/usr/bin/env python3
# test_reload.py - SIGHUP and meridian reload: a good configuration takes over whole, a bad one changes nothing.
# SPDX-License-Identifier: Apache-2.0
import os
import signal
import socket
import unittest

import lab
from lab import fleet, process


class Reload(unittest.TestCase):
    def setUp(self):
        self.folder = process.directory('reload-' + self._testMethodName)
        self.meridian = fleet.plain(self.folder)

    def tearDown(self):
        self.assertEqual(self.meridian.stop(), 0)

    def attempt(self):
        return self.meridian.status()['reload']

    def wait_attempt(self, result):
        process.wait_until(lambda: self.attempt()['result'] == result, 10, 'the reload ends with ' + result,
                           alive=[self.meridian.process])

    def test_new_zone_data_is_answered(self):
        fleet.write_zone(self.folder, serial=2, extra='new A 192.0.2.99\n')
        self.meridian.reload()
        process.wait_until(lambda: self.meridian.ask('new.example.com').addresses() == ['192.0.2.99'], 10, 'the new record')
        serial = self.meridian.ask('example.com', 'SOA').texts()[0].split()[5]
        self.assertEqual(serial, '2')
        self.assertEqual(self.attempt()['error'], '')

    def test_new_services_are_answered(self):
        self.assertEqual(self.meridian.ask('second.example.com').rcode_name(), 'NXDOMAIN')
        self.meridian.configure(fleet.options(services='services:\n  - {name: api.example.com}\n  - {name: second.example.com}'))
        result = self.meridian.command('reload')
        self.assertEqual(result.returncode, 0, result.stderr + result.stdout)
        self.assertEqual(fleet.region_of(self.meridian.ask('second.example.com', ecs=fleet.GERMANY)), 'eu-west-1')

    def test_bad_configuration_keeps_the_old_world(self):
        self.meridian.configure(fleet.options() + 'nonsense: 1\n')
        self.meridian.reload()
        process.wait_until(lambda: self.attempt()['error'], 10, 'the error is in the status')
        self.assertIn('nonsense', self.attempt()['error'])
        self.assertIn('meridian.yaml:', self.attempt()['error'])
        self.assertEqual(fleet.region_of(self.meridian.ask('api.example.com', ecs=fleet.GERMANY)), 'eu-west-1')
        self.assertIn('nonsense', self.meridian.process.log(), 'and in the log')
        self.assertIn('nonsense', self.meridian.command('status').stdout, 'and on the status page')
        result = self.meridian.command('reload')
        self.assertEqual(result.returncode, 1)
        self.assertIn('nonsense', result.stdout + result.stderr)
        self.meridian.configure(fleet.options())
        self.assertEqual(self.meridian.command('reload').returncode, 0, 'a mended file is taken')
        self.assertEqual(self.attempt()['error'], '')

    def test_bad_zone_keeps_the_old_one(self):
        fleet.write_zone(self.folder, serial=3, extra='broken A 192.0.2.999\n')
        result = self.meridian.command('reload')
        self.assertEqual(result.returncode, 1)
        self.assertIn('example.com.zone:', self.attempt()['error'])
        self.assertEqual(self.meridian.ask('example.com', 'SOA').texts()[0].split()[5], '1')

    def test_every_problem_is_told(self):
        """By the command, by the status page and by the log: those of the configuration, then those of what it names."""
        self.meridian.configure(fleet.options() + 'nonsense: 1\nudp_payload: 1\n')
        result = self.meridian.command('reload')
        for page in (result.stderr, self.meridian.command('status').stdout, self.meridian.process.log()):
            self.assertIn('nonsense: no such key', page)
            self.assertIn('udp_payload: 1: an integer', page)
        self.meridian.configure(fleet.options() + 'geo: {database: none.mmdb, asn_database: asn.mmdb}\n')
        fleet.write_zone(self.folder, serial=3, extra='one A 192.0.2.999\ntwo A 192.0.2.999\n')
        result = self.meridian.command('reload')
        self.assertEqual(result.returncode, 1)
        for word in ('geo.database: ', 'geo.asn_database: ', 'one.example.com A: ', 'two.example.com A: '):
            self.assertIn(word, result.stderr)
        self.assertEqual(len(self.attempt()['problems']), 4)

    def test_what_only_a_restart_changes_is_told(self):
        """All such keys at once, for as long as they differ from those in use, whatever else is reloaded meanwhile."""
        before = self.meridian.config_path.read_text()
        changed = before.replace('workers: 1', 'workers: 2') + 'user: nobody\ntcp: {connections: 77}\nfleet: other\n' \
            + 'state: {redis: [{address: 127.0.0.1@1}]}\n'
        for _ in range(2):
            self.meridian.config_path.write_text(changed)
            result = self.meridian.command('reload')
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn('restart: fleet, workers, user, tcp, state\n', result.stdout)
            self.assertEqual(self.meridian.status()['restart'], ['fleet', 'workers', 'user', 'tcp', 'state'])
        self.assertIn('key=workers', self.meridian.process.log())
        self.assertIn('key=tcp', self.meridian.process.log())
        self.meridian.config_path.write_text(before)
        self.assertEqual(self.meridian.command('reload').stdout, 'reloaded\n')
        self.assertEqual(self.meridian.status()['restart'], [])

    def test_regions_and_zones_in_use_may_go(self):
        """A region that everybody gets and a zone with a service leave; the answers are those of the new configuration."""
        self.assertEqual(fleet.region_of(self.meridian.ask('api.example.com', ecs=fleet.GERMANY)), 'eu-west-1')
        options = fleet.options()
        start, end = options.index('  - name: eu-west-1'), options.index('  - name: ap-southeast-1')
        self.meridian.configure(options[:start] + options[end:])
        self.assertEqual(self.meridian.command('reload').returncode, 0)
        self.assertEqual(fleet.region_of(self.meridian.ask('api.example.com', ecs=fleet.GERMANY)), 'us-east-1')
        text = self.meridian.config_path.read_text()
        (self.folder / 'other.zone').write_text('@ 60 SOA ns host 1 2 3 4 5\n@ 60 NS ns\nwww 60 A 192.0.2.7\n')
        self.meridian.config_path.write_text(text.replace('zones:\n', 'zones:\n  - {origin: other.test, file: other.zone}\n'))
        self.assertEqual(self.meridian.command('reload').returncode, 0)
        self.assertEqual(self.meridian.ask('www.other.test').addresses(), ['192.0.2.7'])
        self.meridian.config_path.write_text(text)
        self.assertEqual(self.meridian.command('reload').returncode, 0)
        self.assertEqual(self.meridian.ask('www.other.test').rcode_name(), 'REFUSED')

    def test_missing_file_keeps_the_old_world(self):
        self.meridian.config_path.unlink()
        self.assertEqual(self.meridian.command('reload').returncode, 1)
        self.assertEqual(self.meridian.ask('www.example.com').addresses(), ['192.0.2.80'])

    def test_many_reloads_lose_no_answer(self):
        """A reload in every tenth question, a signal in between: each question is answered, from the old world or the new."""
        for number in range(300):
            if number % 10 == 0:
                fleet.write_zone(self.folder, serial=number + 10)
                self.meridian.process.send(signal.SIGHUP)
            self.assertEqual(self.meridian.ask('www.example.com').addresses(), ['192.0.2.80'])
        self.assertTrue(self.meridian.process.alive())

    def small_database(self, check_s=3600):
        """Its key, for reloads that take no time to speak of."""
        (self.folder / 'geoip6').write_text('2000::,3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,DE\n')
        (self.folder / 'geoip').write_text('16777216,3758096383,DE\n')
        return 'geo: {database: default, text_ipv4: geoip, text_ipv6: geoip6, check_s: %d}\n' % check_s

    def test_many_reloads_leave_no_descriptor(self):
        def descriptors():
            return len(os.listdir('/proc/%d/fd' % self.meridian.pid))
        self.meridian.configure(fleet.options(rest=self.small_database()))
        self.assertEqual(self.meridian.command('reload').returncode, 0)
        before = descriptors()
        for _ in range(100):
            self.assertEqual(self.meridian.command('reload').returncode, 0)
        self.assertLessEqual(descriptors(), before + 2)  # the admin connection that is being closed

    def test_many_reloads_keep_the_turns_of_probes(self):
        """Each endpoint of an interval of 2 s, while the configuration is read again all the time."""
        with socket.create_server(('127.0.0.1', 0), backlog=1024) as peer:
            probe = '\n        probe: {kind: tcp, address: "127.0.0.1@%d", interval_ms: 2000}' % peer.getsockname()[1]
            text = fleet.options(rest=self.small_database())
            for capacity in (100, 80, 60):
                text = text.replace('capacity_rps: %d\n' % capacity, 'capacity_rps: %d%s\n' % (capacity, probe))
            self.meridian.configure(text)

            def all_probed():
                self.assertEqual(self.meridian.command('reload').returncode, 0)
                return all(endpoint['reason'] == 'probe' for endpoint in self.meridian.status()['endpoints'])
            process.wait_until(all_probed, 4, 'each has had its turn')

    def test_another_interval_of_looking_at_the_database(self):
        for check_s in (3600, 1):
            self.meridian.configure(fleet.options(rest=self.small_database(check_s)))
            self.assertEqual(self.meridian.command('reload').returncode, 0)
        (self.folder / 'geoip').write_text('16777216,3758096383,SG\n')
        process.wait_until(lambda: fleet.region_of(self.meridian.ask('api.example.com', ecs='8.8.8.0/24')) == 'ap-southeast-1', 15,
                           'the new database is in force')

    def test_every_key_that_waits_for_a_restart_is_named(self):
        self.meridian.configure(fleet.options(rest='tcp: {connections: 99}\nuser: nobody\n'))
        self.assertEqual(self.meridian.command('reload').returncode, 0)
        for key in ('tcp', 'user'):
            self.assertRegex(self.meridian.process.log(), r'takes effect at the next start only" key=%s\n' % key)


lab.main()
