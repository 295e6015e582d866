#!/usr/bin/env python3
# test_strategies.py - endpoint strategies in a region whose instances have speeds 1.0, 0.5 and 0.8, by `meridian simulate`.
# SPDX-License-Identifier: Apache-2.0
#
#   test_strategies.py [--table]     the table alone
#
# Nobody but `weighted`'s operator knows the speeds. The region serves 85 % of what the three can do together, and clients go to the
# endpoint that their answer names, for a TTL: a third each is more than the slow one serves.
import json
import os
import sys
import unittest

import scene

SPEEDS = (1.0, 0.5, 0.8)
NAMES = ('fast', 'slow', 'mid')
STRATEGIES = ('round_robin', 'weighted', 'least_connections', 'least_response_time', 'consistent_hash')
LOADS = (0.55, 0.70, 0.85)
SHARE = {name: speed / sum(SPEEDS) for name, speed in zip(NAMES, SPEEDS)}


def world(strategy):
    def endpoint(number, name):
        weight = round(10 * SPEEDS[number]) if strategy == 'weighted' else 1
        address = '192.0.2.%d' % (number + 1)
        return dict(name=name, addresses=[address], weight=weight, capacity_rps=100,
                    probe=dict(kind='tcp', address=address + '@443', interval_ms=1000, timeout_ms=500))
    region = dict(name='one', location=dict(latitude=39.0, longitude=-77.5), endpoints=[endpoint(*item) for item in enumerate(NAMES)])
    if strategy != 'all':
        region['strategy'] = strategy
    return dict(zones=[dict(origin='example.com', file='example.com.zone')], regions=[region],
                services=[dict(name='api.example.com', ttl_s=30, ttl_min_s=5, regions=['one'])])


def scenario(strategy, load, seed, events=()):
    name = 'strategy-%s' % strategy
    scene.write(name + '-world.yaml', world(strategy))
    return scene.write(name + '.yaml', dict(
        world=name + '-world.yaml', title=name, seed=seed, duration_s=1800, tick_ms=500,
        clients=dict(places=str(scene.DATA / 'client_points_500.csv'), limit=100), demand=dict(load=load),
        tokens=dict(trace=str(scene.DATA / 'azure_llm_2023_conv_tokens.csv'), context_us=100, generated_us=3000),
        servers=[dict(region='one', instances=dict(count=3, slots=16, timeout_s=60, speeds=list(SPEEDS)))],
        reports=dict(lag_s=3), pops=[dict(name='us', location=dict(latitude=39.0, longitude=-77.5)),
                                     dict(name='eu', location=dict(latitude=50.1, longitude=8.7))],
        events=list(events), phases=[dict(name='settling', from_s=0), dict(name='settled', from_s=600)]))


def run(strategy, load, seed=1, events=()):
    """P95 in ms, % failed and each endpoint's share of the requests, once settled."""
    phase = scene.simulate(scenario(strategy, load, seed, events))['phases'][1]
    shares = {endpoint['name']: endpoint['share'] for endpoint in phase['regions'][0]['endpoints']}
    return dict(p95=phase['p95_ms'], failed=phase['failed_percent'], **shares)


def table(seed):
    out = {}
    for load in LOADS:
        print('%.0f %% of what the three can serve\n  %-20s %9s %9s   shares of %s (by speed %s)' % (
            load * 100, 'strategy', 'P95 ms', 'failed %', ', '.join(NAMES), ', '.join('%.3f' % SHARE[name] for name in NAMES)))
        for strategy in STRATEGIES:
            figures = out[strategy, load] = run(strategy, load, seed)
            print('  %-20s %9.0f %9.2f   %s' % (strategy, figures['p95'], figures['failed'],
                                                '  '.join('%.3f' % figures[name] for name in NAMES)), flush=True)
    return out


class Strategies(unittest.TestCase):
    seed = int(os.environ.get('MERIDIAN_SEED', 1))

    @classmethod
    def setUpClass(cls):
        cls.table = table(cls.seed)

    def test_blind_strategies_keep_their_shares(self):
        for load in LOADS:
            for name in NAMES:
                with self.subTest(load=load, name=name):
                    self.assertAlmostEqual(self.table['round_robin', load][name], 1 / 3, delta=0.02)
                    self.assertAlmostEqual(self.table['weighted', load][name], SHARE[name], delta=0.02)

    def test_who_looks_spares_the_slow_one(self):
        for load in LOADS[1:]:
            for strategy in ('least_connections', 'least_response_time', 'consistent_hash'):
                with self.subTest(load=load, strategy=strategy):
                    self.assertLess(self.table[strategy, load]['slow'], 0.30)
                    self.assertGreater(self.table[strategy, load]['slow'], 0.10)  # it gets what it can do

    def test_round_robin_drowns_it_and_who_looks_does_not(self):
        for load in LOADS[1:]:
            plain = self.table['round_robin', load]
            self.assertGreater(plain['failed'] + plain['p95'] / 1000, 10)
            for strategy in ('weighted', 'least_connections', 'least_response_time', 'consistent_hash'):
                with self.subTest(load=load, strategy=strategy):
                    self.assertLess(self.table[strategy, load]['p95'], plain['p95'] / 2)
                    self.assertLess(self.table[strategy, load]['failed'], 0.1)

    def test_who_looks_is_nearly_as_good_as_who_knows(self):
        for strategy in ('least_connections', 'least_response_time'):
            with self.subTest(strategy):
                self.assertLess(self.table[strategy, 0.85]['p95'], 2 * self.table['weighted', 0.85]['p95'])

    def test_a_lost_endpoint_gets_nobody_new(self):
        """`lose_instances` takes the first, which is the fast one; in the second phase its clients have long asked again."""
        lost = run('round_robin', 0.4, self.seed, [dict(at_s=300, kind='lose_instances', share=0.3)])
        self.assertEqual(lost['fast'], 0)
        self.assertAlmostEqual(lost['slow'], 0.5, delta=0.02)


class Refusals(unittest.TestCase):
    def test_speeds_must_fit_the_world(self):
        for change, words in ((dict(count=3, speeds=[1, 1]), 'one for each of the region'), (dict(count=2, speeds=[1, 1, 1]), 'as many as `speeds`'),
                              (dict(count=3, speeds=[1, 1, 0]), 'speeds')):
            path = scenario('round_robin', 0.5, 1)
            content = json.loads(path.read_text())
            content['servers'][0]['instances'] = change
            path = scene.write('strategy-bad.yaml', content)
            with self.subTest(change=change), self.assertRaisesRegex(RuntimeError, words):
                scene.simulate(path)


if __name__ == '__main__':
    if '--table' in sys.argv:
        table(int(os.environ.get('MERIDIAN_SEED', 1)))
        sys.exit()
    print('MERIDIAN_SEED=%d' % Strategies.seed)
    unittest.main(verbosity=2)
