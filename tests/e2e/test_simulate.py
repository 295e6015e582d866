#!/usr/bin/env python3
# test_simulate.py - the same world and the same events: the simulator decides what the daemon decides.
# SPDX-License-Identifier: Apache-2.0
#
# One configuration file is meridiand's and the simulated world. Random loads are reported to both, a region dies in both; then
# every place's decision for every policy, and the TTL, must be the same in `explain` and in the simulator's look.
import csv
import json
import os
import pathlib
import random
import signal
import subprocess
import unittest

import lab
from lab import fleet, process, servers

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PLACES = SOURCE / 'tests/data/scenario/client_points_500.csv'
PLACE_COUNT, ROUNDS, DEAD = 40, 6, 'eu-west-1'
POLICIES = '''policies:
  - {name: score, steering: score}
  - {name: packed, steering: score, require_capacity: false, utilisation_ms_per_percent: 5}
  - {name: nearest, steering: nearest}
  - {name: weighted, steering: weighted, weights: {us-east-1: 5, us-west-2: 3, eu-west-1: 2, ap-southeast-1: 1}}
  - {name: failover, steering: failover}
  - name: rules
    steering: score
    places:
      - {match: {country: [IN, CN]}, only: [ap-southeast-1, us-west-2]}
      - {match: {country: US}, prefer: [us-west-2]}
'''
NAMES = ('score', 'packed', 'nearest', 'weighted', 'failover', 'rules')


def places():
    """The heaviest places, each with a /16 of its own."""
    with PLACES.open() as file:
        rows = sorted(csv.DictReader(file), key=lambda row: -float(row['weight']))[:PLACE_COUNT]
    return [(row, '10.%d.0.0/16' % i) for i, row in enumerate(rows)]


def shares(said):
    return {region['region']: region['share_permille'] for region in said['regions'] if region['share_permille']}


class Simulate(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        seed = int(os.environ.get('MERIDIAN_SEED', random.randrange(1 << 31)))
        print('MERIDIAN_SEED=%d' % seed)
        cls.dice = random.Random(seed)
        cls.folder, cls.port = process.directory('simulate'), process.port()
        services = 'services:\n' + ''.join('  - {name: %s.example.com, policy: %s, ttl_s: 30, ttl_min_s: 0, regions: [%s]}\n' %
                                           (name, name, ', '.join(fleet.REGIONS)) for name in NAMES)
        pins = 'pins:\n' + ''.join('  - {prefix: %s, place: {latitude: %s, longitude: %s, country: %s}}\n' %
                                   (prefix, row['lat'], row['lon'], row['country']) for row, prefix in places())
        cls.regions = {name: process.Process(name, [process.program('demo_region'), name, fleet.region_addresses(name)[0], cls.port],
                                             cls.folder) for name in fleet.REGIONS}
        options = fleet.options(cls.port, services=services, rest=POLICIES + pins)
        options = options.replace('interval_ms: 200, timeout_ms: 100', 'interval_ms: 1000, timeout_ms: 900')  # a busy machine is well
        cls.meridian = servers.Meridian(cls.folder, options, {'example.com': fleet.write_zone(cls.folder)})

    def simulate(self, events):
        scenario = dict(world='meridian.yaml', duration_s=60 * ROUNDS, tick_ms=100,
                        clients=dict(places=str(PLACES), limit=PLACE_COUNT, cache_phases=1),
                        demand=dict(rps=1, services=[dict(service=name + '.example.com', share=1) for name in NAMES]),
                        reports=dict(silent=True, lag_s=0), events=events)
        (self.folder / 'scenario.yaml').write_text(json.dumps(scenario))
        done = subprocess.run([process.program('meridian'), 'simulate', str(self.folder / 'scenario.yaml'), '--json'],
                              capture_output=True, text=True, timeout=100)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)['looks']

    def draw(self):
        """A load for each region: some full, some nearly empty, one perhaps of unknown capacity."""
        return {name: dict(load_rps=round(self.dice.uniform(0, 130), 1), capacity_rps=self.dice.choice([60, 80, 100, 120]),
                           processing_ms=round(self.dice.uniform(100, 900), 1)) for name in fleet.REGIONS}

    def tell(self, name, said):
        done = self.meridian.command('report', name, '--load', str(said['load_rps']), '--capacity', str(said['capacity_rps']),
                                     '--latency-ms', str(said['processing_ms']))
        self.assertEqual(done.returncode, 0, done.stderr)

    def explain(self, client, name):
        status, body = self.meridian.http('/explain?name=%s.example.com&client=%s&type=A' % (name, client.replace('/', '%2F')))
        self.assertEqual(status, 200, body)
        return json.loads(body)

    def in_force(self, said, loads, dead):
        """Does an explanation know all that was told, and no more?"""
        for region in said['regions']:
            facts, load = region['facts'], loads[region['region']]
            if facts['load_rps'] is None or abs(facts['load_rps'] - load['load_rps']) > 1e-6 or region['processing_ms'] is None:
                return False
            if facts['up'] == (region['region'] == dead):
                return False
        return True

    def settled(self, client, name, loads, dead):
        """An explanation once all that was told is in it."""
        said = []

        def ask():
            said.append(self.explain(client, name))
            return self.in_force(said[-1], loads, dead)
        process.wait_until(ask, 10, 'the reports are in force')
        return said[-1]

    def decisions(self, loads, dead):
        return {name: [shares(self.settled(prefix, name, loads, dead)) for _, prefix in places()] for name in NAMES}

    def test_simulator_and_daemon_decide_alike(self):
        rounds, events, live = [self.draw() for _ in range(ROUNDS)], [], []
        for i, loads in enumerate(rounds):
            dead = DEAD if i >= ROUNDS // 2 else None
            if i == ROUNDS // 2:
                self.regions[DEAD].stop(signal.SIGKILL)
                events.append(dict(at_s=60 * i, kind='region_down', regions=[DEAD]))
            for name, said in loads.items():
                self.tell(name, said)
                events.append(dict(at_s=60 * i, kind='claim', regions=[name], **said))
            events.append(dict(at_s=60 * i + 30, kind='look'))
            live.append(self.decisions(loads, dead))
        looks = self.simulate(events)
        self.assertEqual(len(looks), ROUNDS)
        for i, look in enumerate(looks):
            for service in look['services']:
                name = service['name'].split('.')[0]
                simulated = [place['shares'] for place in service['places']]
                self.assertEqual(simulated, live[i][name], 'round %d, %s: %s' % (i, name, rounds[i]))
        kinds = {json.dumps(shares) for look in live for decisions in look.values() for shares in decisions}
        self.assertGreater(len(kinds), 4, 'the rounds are too much alike to show anything')


if __name__ == '__main__':
    lab.main()
