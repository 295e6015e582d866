#!/usr/bin/env python3
# test_steering.py - the worked example to the microsecond, the ladder, and the scopes of the answers, through the real daemon.
# SPDX-License-Identifier: Apache-2.0
import ipaddress
import json
import random
import unittest

import lab
from lab import fleet, process

# capacity_rps, load, processing ms; network ms between the regions
STATE = {'us-east-1': (100, 40, 800), 'us-west-2': (100, 60, 750), 'eu-west-1': (80, 30, 820), 'ap-southeast-1': (60, 20, 900)}
NETWORK = {('us-east-1', 'us-west-2'): 70, ('us-east-1', 'eu-west-1'): 90, ('us-east-1', 'ap-southeast-1'): 200,
           ('us-west-2', 'eu-west-1'): 150, ('us-west-2', 'ap-southeast-1'): 130, ('eu-west-1', 'ap-southeast-1'): 160}
NEW_YORK, LONDON, SINGAPORE = '192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24'
OPTIONS = '''policies:
  - {name: score, steering: score}
  - {name: packed, steering: score, require_capacity: false}
  - {name: shares, steering: weighted}
latency: {table: latency.csv}
pins:
  - {prefix: 192.0.2.0/24, place: {latitude: 40.71, longitude: -74.01}}
  - {prefix: 198.51.100.0/24, place: {latitude: 51.51, longitude: -0.13}}
  - {prefix: 203.0.113.0/24, place: {latitude: 1.35, longitude: 103.82}}
  - {prefix: 10.0.0.0/8, regions: [eu-west-1]}
  - {prefix: 10.1.0.0/16, regions: [us-west-2]}
  - {prefix: 10.1.128.0/17, place: {latitude: 1.35, longitude: 103.82}}
'''
SERVICES = '''services:
  - {name: api.example.com, policy: score, regions: [us-east-1, us-west-2, eu-west-1, ap-southeast-1]}
  - {name: packed.example.com, policy: packed, regions: [us-east-1, us-west-2, eu-west-1, ap-southeast-1]}
  - {name: shares.example.com, policy: shares, regions: [us-east-1, eu-west-1]}
'''


def network_ms(left, right):
    return 10 if left == right else NETWORK[left, right] if (left, right) in NETWORK else NETWORK[right, left]


class Steering(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = process.directory('steering')
        rows = ['%s,%s,%d' % (left, right, network_ms(left, right)) for left in STATE for right in STATE]
        (folder / 'latency.csv').write_text('from,to,ms\n' + '\n'.join(rows) + '\n')
        cls.meridian = fleet.plain(folder, services=SERVICES, rest=OPTIONS)

    def setUp(self):
        for name in STATE:
            self.report(name)

    def report(self, name, **changed):
        capacity, load, processing = STATE[name]
        done = self.meridian.command('report', name, '--load', str(changed.get('load', load)), '--capacity', str(capacity),
                                     '--latency-ms', str(processing))
        self.assertEqual(done.returncode, 0, done.stderr)

    def explain(self, client, name='api.example.com'):
        done = self.meridian.command('explain', name, '--client', client, '--json')
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def wait_explained(self, client, accept, what):
        process.wait_until(lambda: accept(self.explain(client)), 10, what)
        return self.explain(client)

    def totals(self, client):
        """Totals in ms by region, once all reports are in the figures."""
        said = self.wait_explained(client, lambda said: all(region['processing_ms'] and region['facts']['load_rps'] == STATE[region['region']][1]
                                                            for region in said['regions']), 'the reports are in force')
        return {region['region']: region['total_ms'] for region in said['regions']}

    def region(self, subnet, name='api.example.com'):
        return fleet.region_of(self.meridian.ask(name, ecs=subnet))

    def assert_answer(self, subnet, region, scope):
        message = self.meridian.ask('api.example.com', ecs=subnet)
        self.assertEqual((fleet.region_of(message), message.ecs()[2]), (region, scope), subnet)

    def test_worked_example(self):
        expected = {NEW_YORK: ('us-east-1', {'us-east-1': 890, 'us-west-2': 940, 'eu-west-1': 985, 'ap-southeast-1': 1166.667}),
                    LONDON: ('eu-west-1', {'eu-west-1': 905}),
                    SINGAPORE: ('ap-southeast-1', {'ap-southeast-1': 976.667, 'us-west-2': 1000})}
        for client, (best, scores) in expected.items():
            totals = self.totals(client)
            for region, total in scores.items():
                self.assertEqual(round(totals[region], 3), total, (client, region))
            self.assertEqual(self.region(client), best)
        text = self.meridian.command('explain', 'api.example.com', '--client', SINGAPORE).stdout
        self.assertIn('976.67 ms', text)

    def test_a_full_region_is_no_candidate_while_another_has_room(self):
        for name, load in (('us-west-2', 96), ('eu-west-1', 70), ('us-east-1', 100)):
            self.report(name, load=load)
        said = self.wait_explained(NEW_YORK, lambda said: said['decision']['choice'] == 'us-west-2', 'the clients spill')
        self.assertEqual({region['region']: (round(region['total_ms']), region['exclusion']) for region in said['regions'][:2]},
                         {'us-east-1': (1010, 'full'), 'us-west-2': (1012, 'eligible')})
        self.assertEqual(self.region(NEW_YORK), 'us-west-2')
        self.assertEqual(self.region(NEW_YORK, 'packed.example.com'), 'us-east-1', 'require_capacity: false')
        for name, (capacity, _, _) in STATE.items():
            self.report(name, load=capacity)
        said = self.wait_explained(NEW_YORK, lambda said: said['decision']['ladder'] == 2, 'all are full')
        self.assertEqual(said['decision']['choice'], 'us-east-1')
        self.assertEqual(self.region(NEW_YORK), 'us-east-1')

    def test_scopes_of_nested_pins(self):
        """Each is the widest there is: one bit less and it would reach into the next pin, or out of its own."""
        self.totals(NEW_YORK)
        self.assert_answer('10.1.200.0/24', 'ap-southeast-1', 17)
        self.assert_answer('10.1.0.0/24', 'us-west-2', 17)
        self.assert_answer('10.0.0.0/24', 'eu-west-1', 16)
        self.assert_answer('10.2.0.0/24', 'eu-west-1', 15)
        self.assert_answer('10.128.0.0/24', 'eu-west-1', 9)
        self.assert_answer('10.0.0.0/8', 'eu-west-1', 16)  # wider than what it asks about is told apart: RFC 7871, 7.2.1
        self.assert_answer('10.1.0.0/16', 'us-west-2', 17)
        self.assert_answer('2002:a01:8000::/48', 'ap-southeast-1', 33)  # 6to4: the IPv4 address that it carries
        self.assert_answer('2001:0:a01:8000::/64', 'ap-southeast-1', 49)  # Teredo
        self.assert_answer('2002:a00::/24', 'eu-west-1', 32)

    def test_no_subnet_told_is_no_scope(self):
        for subnet in ('0.0.0.0/0', '::/0'):
            message = self.meridian.ask('api.example.com', ecs=subnet)
            self.assertEqual(message.ecs()[1:3], (0, 0), subnet)
            self.assertEqual(message.addresses(), self.meridian.ask('api.example.com').addresses(), 'by the resolver')

    def test_everybody_in_a_scope_gets_one_answer(self):
        """Random clients of the default database, through every service: whoever else lies in the scope gets the same answer with the
        same scope; a split's scope is at least its block."""
        self.totals(NEW_YORK)
        seed = process.os.environ.get('MERIDIAN_SEED', '1')
        dice = random.Random(seed)
        for _ in range(150):
            bits = dice.choice((32, 128))
            top, length = (0, 0) if bits == 32 else dice.choice(((0x2002, 16), (0x20010000, 32), (0x26, 8), (0x2a, 8)))
            address = top << (bits - length) | dice.getrandbits(bits - length)
            for name in ('api.example.com', 'shares.example.com'):
                first = self.meridian.ask(name, ecs=subnet_of(address, bits))
                scope = first.ecs()[2]
                if name.startswith('shares'):
                    self.assertGreaterEqual(scope, 20 if bits == 32 else 36)
                free = (1 << (bits - scope)) - 1
                for other in (address & ~free, address | free, (address & ~free) | dice.getrandbits(bits) & free):
                    second = self.meridian.ask(name, ecs=subnet_of(other, bits))
                    self.assertEqual((second.addresses(), second.ecs()[2]), (first.addresses(), scope),
                                     'seed %s: %s and %s' % (seed, subnet_of(address, bits), subnet_of(other, bits)))


def subnet_of(address, bits):
    """The address as a resolver would tell it: a /24 or a /56 hides too much for scopes beyond, so all of it."""
    return '%s/%d' % (ipaddress.IPv4Address(address) if bits == 32 else ipaddress.IPv6Address(address), bits)


lab.main()
