#!/usr/bin/env python3
# test_database.py - the location database: MaxMind's format, replaced by rename while answering, broken ones left aside.
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import shutil
import unittest

import lab
from lab import fleet, process

DATA = process.SOURCE / 'tests/data/maxmind-test'


def maxmind(name):
    found = sorted(DATA.rglob(name))
    if not found:
        process.skip('tests/data/maxmind-test has no ' + name)
    return found[0]


def replace(path, write):
    """Write a new file beside it, rename it over: what a database's updater does."""
    temporary = path.with_name(path.name + '.new')
    write(temporary)
    os.utime(temporary)
    temporary.rename(path)


class TextDatabase(unittest.TestCase):
    """The default kind, with small files of our own: first all clients are German, then Singaporean."""

    def setUp(self):
        self.folder = process.directory('database-' + self._testMethodName)
        self.ipv4, self.ipv6 = self.folder / 'geoip', self.folder / 'geoip6'
        self.write('DE')
        self.meridian = fleet.plain(self.folder, rest='geo: {database: default, text_ipv4: geoip, text_ipv6: geoip6, check_s: 1}\n')

    def tearDown(self):
        self.assertEqual(self.meridian.stop(), 0)

    def write(self, country):
        replace(self.ipv6, lambda path: path.write_text('2000::,3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,%s\n' % country))
        replace(self.ipv4, lambda path: path.write_text('16777216,3758096383,%s\n' % country))

    def region(self):
        return fleet.region_of(self.meridian.ask('api.example.com', ecs='8.8.8.0/24'))

    def test_renamed_file_is_read_by_itself(self):
        self.assertEqual(self.region(), 'eu-west-1')
        self.write('SG')
        process.wait_until(lambda: self.region() == 'ap-southeast-1', 15, 'the new database is in force')
        self.assertEqual(self.meridian.status()['database']['result'], 'ok')

    def test_how_often_to_look_may_be_reloaded(self):
        """A day between two looks becomes a second by a reload."""
        rest = 'geo: {database: default, text_ipv4: geoip, text_ipv6: geoip6, check_s: %d}\n'
        self.meridian.configure(fleet.options(rest=rest % 86400))
        self.assertEqual(self.meridian.command('reload').returncode, 0)
        self.meridian.configure(fleet.options(rest=rest % 1))
        self.assertEqual(self.meridian.command('reload').returncode, 0)
        self.write('SG')
        process.wait_until(lambda: self.region() == 'ap-southeast-1', 15, 'the new database is in force')

    def test_broken_file_leaves_the_old_in_force(self):
        replace(self.ipv4, lambda path: path.write_text('16777216,3758096383\nnot a database\n'))
        process.wait_until(lambda: self.meridian.status()['database']['error'], 15, 'the error is in the status')
        self.assertIn('geoip', self.meridian.status()['database']['error'])
        self.assertEqual(self.region(), 'eu-west-1')
        self.write('SG')
        process.wait_until(lambda: self.region() == 'ap-southeast-1', 15, 'a good one after it is taken')
        self.assertEqual(self.meridian.status()['database']['error'], '')


class Memory(unittest.TestCase):
    """The real default database, replaced three times: what the ones before took is given back."""

    def memory_kb(self):
        text = pathlib.Path('/proc/%d/status' % self.meridian.pid).read_text()
        return int(text.split('RssAnon:')[1].split()[0])

    def test_replaced_databases_leave_nothing(self):
        folder = process.directory('database-memory')
        source = pathlib.Path('/usr/share/tor')
        for name in ('geoip', 'geoip6'):
            shutil.copyfile(source / name, folder / name)
        self.meridian = fleet.plain(folder, rest='geo: {database: default, text_ipv4: geoip, text_ipv6: geoip6, check_s: 1}\n')
        if 'san.so' in pathlib.Path('/proc/%d/maps' % self.meridian.pid).read_text():
            self.skipTest('a sanitizer keeps what is freed')
        before = self.memory_kb()
        for number in range(1, 4):
            replace(folder / 'geoip', lambda path: shutil.copyfile(source / 'geoip', path))
            process.wait_until(lambda: self.meridian.process.log().count('location database read again') == number, 30,
                               'database %d is in force' % number)
        process.wait_until(lambda: self.memory_kb() < before * 1.15, 5, 'the memory of the others is given back')
        self.assertEqual(self.meridian.stop(), 0)


class MaxmindDatabase(unittest.TestCase):
    def setUp(self):
        self.folder = process.directory('database-' + self._testMethodName)
        self.path = self.folder / 'city.mmdb'
        shutil.copyfile(maxmind('GeoIP2-City-Test.mmdb'), self.path)
        self.meridian = fleet.plain(self.folder, rest='geo: {database: city.mmdb, check_s: 1}\n')

    def tearDown(self):
        self.assertEqual(self.meridian.stop(), 0)

    def region(self, subnet):
        return fleet.region_of(self.meridian.ask('api.example.com', ecs=subnet))

    def test_cities_are_told_apart(self):
        """What no country database can: Washington State and London, by coordinates (MaxMind's own test data)."""
        self.assertEqual(self.region('216.160.83.56/32'), 'us-west-2')
        self.assertEqual(self.region('81.2.69.160/32'), 'eu-west-1')

    def test_broken_database_leaves_the_old_in_force(self):
        replace(self.path, lambda path: path.write_bytes(maxmind('GeoIP2-City-Test.mmdb').read_bytes()[:3000]))
        process.wait_until(lambda: self.meridian.status()['database']['error'], 15, 'the error is in the status')
        self.assertIn('city.mmdb', self.meridian.status()['database']['error'])
        self.assertIn('city.mmdb', self.meridian.process.log())
        self.assertEqual(self.region('216.160.83.56/32'), 'us-west-2')

    def test_database_of_another_kind_is_refused(self):
        replace(self.path, lambda path: shutil.copyfile(maxmind('GeoLite2-ASN-Test.mmdb'), path))
        process.wait_until(lambda: self.meridian.status()['database']['error'], 15, 'the error is in the status')
        self.assertEqual(self.region('81.2.69.160/32'), 'eu-west-1')


lab.main()
