#!/usr/bin/env python3
# test_failover.py - regions die, return, fill up and empty again, as a client sees it.
# SPDX-License-Identifier: Apache-2.0
import time
import unittest

import lab
from lab import fleet, process


class Failover(unittest.TestCase):
    def setUp(self):
        self.fleet = fleet.Fleet(process.directory('failover-' + self._testMethodName))
        self.meridian = self.fleet.meridian
        process.wait_until(lambda: all(endpoint['reason'] == 'probe' and endpoint['up'] for endpoint in
                                       self.meridian.status()['endpoints']), 10, 'every region has been probed')

    def tearDown(self):
        self.assertEqual(self.meridian.stop(), 0)
        process.end_all()

    def test_dead_region_leaves_every_answer_and_returns(self):
        self.assertEqual(self.fleet.region(fleet.SINGAPORE), 'ap-southeast-1')
        started = time.monotonic()
        self.fleet.region_kill('ap-southeast-1')
        self.fleet.wait_region(fleet.SINGAPORE, lambda region: region != 'ap-southeast-1', 5, 'the dead region is gone')
        print('gone after %.2f s' % (time.monotonic() - started))
        for subnet in (fleet.SINGAPORE, fleet.GERMANY, fleet.BRAZIL, fleet.SINGAPORE6, '1.1.1.0/24', '0.0.0.0/0'):
            self.assertNotEqual(self.fleet.region(subnet), 'ap-southeast-1', subnet)
        self.assertEqual(self.fleet.region(fleet.GERMANY), 'eu-west-1', 'others keep theirs')
        result = self.meridian.command('status')
        self.assertIn('ap-southeast-1', result.stdout)
        self.assertEqual(result.returncode, 1, 'status says by its exit code that a region is down')
        self.fleet.region_start('ap-southeast-1')
        self.fleet.wait_region(fleet.SINGAPORE, lambda region: region == 'ap-southeast-1', 10, 'the region is back')

    def test_all_dead_still_answers(self):
        for name in fleet.REGIONS:
            self.fleet.region_kill(name)
        process.wait_until(lambda: not any(region['up'] for region in self.meridian.status()['regions']), 10, 'all are down')
        self.assertEqual(self.fleet.region(fleet.GERMANY), 'eu-west-1', 'never an empty answer')
        explained = self.meridian.command('explain', 'api.example.com', '--client', fleet.GERMANY)
        self.assertEqual(explained.returncode, 0, explained.stderr)

    def test_full_region_spills_and_takes_back(self):
        result = self.meridian.command('report', 'eu-west-1', '--load', '8000')  # of 80: next to nobody may stay
        self.assertEqual(result.returncode, 0, result.stderr)
        self.fleet.wait_region(fleet.GERMANY, lambda region: region == 'us-east-1', 5, 'Germany spills to us-east-1')
        self.assertEqual(self.fleet.region(fleet.SINGAPORE), 'ap-southeast-1', 'others keep theirs')
        result = self.meridian.command('report', 'eu-west-1', '--load', '4')
        self.assertEqual(result.returncode, 0, result.stderr)
        self.fleet.wait_region(fleet.GERMANY, lambda region: region == 'eu-west-1', 5, 'Germany is back')

    def test_reported_latency_counts(self):
        """Ten seconds of processing are worse than any distance."""
        result = self.meridian.command('report', 'ap-southeast-1', '--load', '1', '--latency-ms', '10000')
        self.assertEqual(result.returncode, 0, result.stderr)
        self.fleet.wait_region(fleet.SINGAPORE, lambda region: region != 'ap-southeast-1', 5, 'a slow region is avoided')


lab.main()
