#!/usr/bin/env python3
# test_grid.py - corners of the grid: what `balanced` holds where time, load, sizes and truth are at their worst.
# SPDX-License-Identifier: Apache-2.0
#
# The whole grid is grid.py's, drawn by chance. Here are cells of it that once failed, or that stand at an end of an axis.
import os
import unittest

import grid

ORDINARY = dict(ttl_s=30, lag_s=3, load=0.85, regions=16, pops=3, unequal=1, resolver=0, ignoring=0, wrong=1, happens='nothing')

# What is other than ordinary: bars for % over capacity and % moved a minute in the last quarter.
CORNERS = (
    (dict(), 0.001, 2),
    (dict(load=0.95), 0.1, 2),
    (dict(load=0.30, unequal=50), 0.001, 2),
    (dict(ttl_s=5, lag_s=30), 0.1, 2),
    (dict(ttl_s=5, lag_s=10, load=0.95), 0.1, 2),
    (dict(ttl_s=120, lag_s=1), 0.001, 2),
    (dict(ttl_s=120, lag_s=30, ignoring=0.3), 0.1, 2),
    (dict(regions=2, pops=20), 0.001, 2),
    (dict(regions=50, unequal=50), 0.1, 2),
    (dict(unequal=50, ignoring=0.3), 0.1, 2),
    (dict(wrong=1.3), 0.1, 2),
    (dict(wrong=0.7), 0.1, 2),
    (dict(wrong=1.3, unequal=50, ignoring=0.3, ttl_s=10), 0.5, 4),
    (dict(wrong=0.7, load=0.95), 1.5, 5),       # more than the regions say there is
    (dict(resolver=0.3), 8, 15),                # beyond what the one resolver's clients must be
    (dict(resolver=0.3, regions=2, load=0.7), 0.1, 2),
)
STEPS = (
    dict(happens='step'), dict(happens='step', lag_s=30), dict(happens='step', ttl_s=5), dict(happens='step', unequal=50, ignoring=0.3),
    dict(happens='step', ttl_s=60, pops=20), dict(happens='loss', load=0.7), dict(happens='loss', load=0.7, ttl_s=5, lag_s=10),
    dict(happens='loss', load=0.7, regions=50, unequal=10), dict(happens='loss', load=0.5, wrong=1.3),
)


def words(changes):
    return ' '.join('%s=%s' % item for item in changes.items()) or 'ordinary'


class Grid(unittest.TestCase):
    seed = int(os.environ.get('MERIDIAN_SEED', 1))

    def test_corners_fit_and_rest(self):
        for number, (changes, over, moved) in enumerate(CORNERS):
            figures = self.figures(2000 + number, changes)
            with self.subTest(words(changes), **figures):
                self.assertLessEqual(figures['over'], over)
                self.assertLessEqual(figures['moved'], moved)

    def test_movement_dies_out_within_five_ttls_of_a_step(self):
        for number, changes in enumerate(STEPS):
            figures = self.figures(2100 + number, changes)
            with self.subTest(words(changes), **figures):
                self.assertLessEqual(figures['rest_over'], 0.5)
                self.assertLessEqual(figures['rest_moved'], 4)

    def test_the_lowest_score_swings(self):
        """What the bars are worth: the plain policy misses both in the ordinary cell."""
        *_, figures = grid.run((2000, ORDINARY, 'score', self.seed))
        self.assertGreater(figures['over'], 5)
        self.assertGreater(figures['moved'], 20)

    def figures(self, number, changes):
        *_, figures = grid.run((number, dict(ORDINARY, **changes), 'balanced', self.seed))
        print('  %-50s %s' % (words(changes), '  '.join('%s %.2f' % item for item in figures.items())), flush=True)
        return figures


if __name__ == '__main__':
    print('MERIDIAN_SEED=%d' % Grid.seed)
    unittest.main(verbosity=2)
