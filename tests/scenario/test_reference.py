#!/usr/bin/env python3
# test_reference.py - the reference set-up: what plain policies do to it, that balanced does not, and that a run can be repeated.
# SPDX-License-Identifier: Apache-2.0
#
# A prototype of 40 cities and 8 regions gave, at 70 % load: lowest score 9.2 % of requests over capacity and 170 % of traffic moved
# a minute, nearest 24.8 % over, damped prices 0.00 % and 3.6 %, within 3 % of the optimum; at 85 % lowest score 15.2 % over. The bounds
# are that order of magnitude, and the ranking.
import sys
import unittest

import scene


def steady(load, policy, seed=None):
    report = scene.simulate(scene.HERE / ('base%d.yaml' % load), policy, seed)
    return next(phase for phase in report['phases'] if phase['name'] == 'steady')


class Reference(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.found = {(load, policy): steady(load, policy) for load in (70, 85) for policy in scene.POLICIES}

    def test_lowest_score_oscillates(self):
        low, high = self.found[70, 'score'], self.found[85, 'score']
        self.assertTrue(100 < low['moved_percent_per_minute'] < 200, low['moved_percent_per_minute'])  # twice a TTL of 30 s at most
        self.assertTrue(2 < low['over_percent'] < 20, low['over_percent'])
        self.assertTrue(low['over_percent'] < high['over_percent'] < 30, high['over_percent'])

    def test_nearest_overloads(self):
        for load in (70, 85):
            self.assertGreater(self.found[load, 'nearest']['over_percent'], 5)

    def test_weighted_fits_but_is_far_from_the_optimum(self):
        for load in (70, 85):
            self.assertEqual(self.found[load, 'weighted']['over_percent'], 0)
            self.assertGreater(self.found[load, 'weighted']['cost_ratio'], 1.05)

    def test_optimum_is_a_bound(self):
        for (load, policy), phase in self.found.items():
            self.assertEqual(phase['optimum_gap'], 0, (load, policy))
            if phase['over_percent'] == 0:
                self.assertGreaterEqual(phase['cost_ratio'], 0.9999, (load, policy))

    def test_balanced_fits_and_is_calm(self):
        """The optimum fills regions to the last request and knows of no waiting: by its measure, base_ms, within 2 and 3 %."""
        for load, most in ((70, 1.02), (85, 1.03)):
            phase = self.found[load, 'balanced']
            self.assertEqual(phase['over_percent'], 0)
            self.assertLess(phase['moved_percent_per_minute'], 2)
            self.assertLess(phase['base_ms'] / phase['optimum_ms'], most)
            self.assertLess(phase['cost_ratio'], most + 0.005)  # the waiting counted

    def test_same_seed_same_run(self):
        self.assertEqual(steady(70, 'score', 7), steady(70, 'score', 7))
        self.assertNotEqual(steady(70, 'score', 7), steady(70, 'score', 8))


if __name__ == '__main__':
    program = unittest.main(verbosity=2, exit=False)
    for case, reason in program.result.skipped:
        print('SKIP: %s: %s' % (case.id().replace('__main__.', ''), reason))
    sys.exit(0 if program.result.wasSuccessful() else 1)
