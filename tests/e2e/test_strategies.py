#!/usr/bin/env python3
# test_strategies.py - which of a region's endpoints an answer names: by turn, by weight, by load, by the client's block.
# SPDX-License-Identifier: Apache-2.0
import collections
import json
import subprocess
import unittest

import lab
from lab import fleet, process, servers

STRATEGIES = {'all': 'all', 'turn': 'round_robin', 'weight': 'weighted', 'free': 'least_connections',
              'quick': 'least_response_time', 'hash': 'consistent_hash'}
ASKED = 400


def region(name, number, more=''):
    lines = ['  - name: %s' % name, '    location: {latitude: 53, longitude: -6}', '    strategy: %s' % STRATEGIES[name.split('-')[0]],
             '    ramp_s: 20'] + ([more] if more else []) + ['    endpoints:']
    for index in range(3):
        lines.append('      - {name: %s-%d, weight: %d, addresses: [127.0.%d.%d, "2001:db8:%d::%d"]}' %
                     (name, index, index + 1, number, index, number, index))
    return '\n'.join(lines)


NAMED = '''  - name: named
    location: {latitude: 53, longitude: -6}
    strategy: round_robin
    endpoints: [{name: named-0, hostname: lb0.example.net}, {name: named-1, hostname: lb1.example.net}]'''


def config():
    names = list(STRATEGIES) + ['turn-two']
    regions = [region(name, number, '    per_answer: 2' if name == 'turn-two' else '') for number, name in enumerate(names, 1)]
    services = ['  - {name: %s.example.com, regions: [%s], ttl_s: 30}' % (name, name) for name in names + ['named']]
    return 'regions:\n' + '\n'.join(regions + [NAMED]) + '\nservices:\n' + '\n'.join(services) + '\n'


class Strategies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = process.directory('strategies')
        cls.meridian = servers.Meridian(folder, config(), {'example.com': fleet.write_zone(folder)})

    @classmethod
    def tearDownClass(cls):
        assert cls.meridian.stop() == 0
        process.end_all()

    def ask(self, name, qtype='A', **keywords):
        return self.meridian.ask(name + '.example.com', qtype, **keywords)

    def shares(self, name, count=ASKED, position=0):
        """How often each endpoint was named at a position of the answer, by its index."""
        seen = collections.Counter(self.ask(name).addresses()[position] for _ in range(count))
        return [seen['127.0.%d.%d' % (self.number(name), index)] / count for index in range(3)]

    def number(self, name):
        return (list(STRATEGIES) + ['turn-two']).index(name) + 1

    def endpoints(self, name):
        return [endpoint for endpoint in self.meridian.status()['endpoints'] if endpoint['region'] == name]

    def assert_shares(self, name, wanted, within):
        for share, due in zip(self.shares(name), wanted):
            self.assertAlmostEqual(share, due, delta=within, msg=name)

    def wait_share(self, name, index, accept, what, timeout=30):
        process.wait_until(lambda: accept(self.endpoints(name)[index]['share']), timeout, what, alive=[self.meridian.process])

    def explain(self, name, client=fleet.GERMANY):
        done = self.meridian.command('explain', name + '.example.com', '--client', client)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def report(self, name, *options):
        done = self.meridian.command('report', name, *options)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_all_names_all(self):
        self.assertEqual(len(self.ask('all').addresses()), 3)
        self.assertEqual(len(self.ask('all', 'AAAA').addresses()), 3)
        self.assertEqual([endpoint['share'] for endpoint in self.endpoints('all')], [None] * 3)

    def test_dig_gets_one_after_the_other(self):
        got = [subprocess.run([process.program('dig'), '@' + self.meridian.server[0], '-p', str(self.meridian.server[1]), '+short',
                               'turn.example.com'], capture_output=True, text=True, timeout=30).stdout.split() for _ in range(12)]
        self.assertTrue(all(len(answer) == 1 for answer in got), got)
        self.assertEqual(len({answer[0] for answer in got}), 3, got)
        self.assertTrue(all(left != right for left, right in zip(got, got[1:])), got)

    def test_round_robin_and_weights(self):
        """By turn the shares are kept to within a few answers."""
        self.assert_shares('turn', [1 / 3] * 3, 5 / ASKED)
        self.assert_shares('weight', [1 / 6, 2 / 6, 3 / 6], 5 / ASKED)
        shares = [endpoint['share'] for endpoint in self.endpoints('weight')]
        for share, due in zip(shares, [1 / 6, 2 / 6, 3 / 6]):
            self.assertAlmostEqual(share, due, places=3)
        metrics = self.meridian.metrics()
        self.assertAlmostEqual(metrics['meridian_endpoint_share_ratio{region="weight",endpoint="weight-2"}'], 0.5, places=3)
        self.assertNotIn('meridian_endpoint_share_ratio{region="all",endpoint="all-0"}', metrics)

    def test_two_names_an_answer(self):
        """Weights 1, 2, 3 of two names: each of the first two in all that the third leaves."""
        named = collections.Counter()
        for _ in range(ASKED):
            addresses = self.ask('turn-two').addresses()
            self.assertEqual(len(set(addresses)), 2)
            named.update(addresses)
        for address, count in named.items():
            self.assertAlmostEqual(count / ASKED, 2 / 3, delta=8 / ASKED, msg=address)

    def test_hostnames(self):
        targets = collections.Counter(self.ask('named').texts()[0] for _ in range(40))
        self.assertEqual(len(targets), 2, targets)
        self.assertTrue(all('CNAME' in target for target in targets))
        for count in targets.values():
            self.assertAlmostEqual(count, 20, delta=3)

    def test_a_client_keeps_its_endpoint(self):
        """The same for a block, and the scope says for whom; different for different blocks, by weight."""
        seen = collections.Counter()
        for block in range(240):
            subnet = '80.%d.%d.0/24' % (128 + block // 16, block % 16 * 16)
            answers = [self.ask('hash', ecs=subnet) for _ in range(2)]
            self.assertEqual(answers[0].addresses(), answers[1].addresses())
            self.assertEqual(answers[0].ecs()[2], 20, subnet)
            seen.update(answers[0].addresses())
        for index in range(3):
            self.assertAlmostEqual(seen['127.0.6.%d' % index] / 240, (index + 1) / 6, delta=0.12)
        self.assertLess(self.ask('turn', ecs='80.128.0.0/24').ecs()[2], 20, 'in turn, the scope is as wide as ever')
        page = self.explain('hash', '80.128.0.0/24')
        name = 'hash-' + self.ask('hash', ecs='80.128.0.0/24').addresses()[0][-1]
        self.assertRegex(page, r'endpoint +%s, always, by the hash of the client\'s block \(consistent_hash\)' % name)
        self.assertIn('80.128.0.0/20 gets the same decision', page)

    def test_load_moves_shares(self):
        for index, requests in enumerate((10, 30, 20)):
            self.report('free-%d' % index, '--in-flight', str(requests))
            self.report('quick-%d' % index, '--latency-ms', str((100, 200, 400)[index]))
        self.wait_share('quick', 2, lambda share: share < 0.35, 'the slow one has less')
        self.wait_share('free', 1, lambda share: share < 0.3, 'the busy one has less')
        quick = [endpoint['share'] for endpoint in self.endpoints('quick')]
        self.assertAlmostEqual(sum(quick), 1, places=6)
        status = self.meridian.command('status').stdout
        self.assertRegex(status, r'quick-2 .* \d+\.\d% \(load x0\.\d\d\)')
        self.assertRegex(status, r'all-2 .* all ')
        self.assertRegex(self.explain('free'), r'endpoint +1 of the region\'s in turn, by the shares below \(least_connections\)')

    def test_slow_start(self):
        done = self.meridian.command('drain', 'turn-1', '--for', '10m', '--reason', 'test')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.wait_share('turn', 1, lambda share: share == 0, 'a drained one is not named')
        self.assert_shares('turn', [1 / 2, 0, 1 / 2], 5 / ASKED)
        done = self.meridian.command('undrain', 'turn-1', '--reason', 'test')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.wait_share('turn', 1, lambda share: 0 < share < 0.1, 'it starts slowly')
        self.assertIn('(ramp ', self.meridian.command('status').stdout)
        self.wait_share('turn', 1, lambda share: share > 0.33, 'and has its share after ramp_s', 60)


class Wrong(unittest.TestCase):
    def test_what_does_not_go_together_is_refused(self):
        folder = process.directory('strategies-wrong')
        zone = fleet.write_zone(folder)
        text = config().replace('strategy: all', 'per_answer: 2').replace('strategy: round_robin\n    endpoints: [{name: named',
                                                                           'strategy: round_robin\n    per_answer: 2\n    endpoints: [{name: named')
        path = folder / 'meridian.yaml'
        path.write_text('zones: [{origin: example.com, file: "%s"}]\n' % zone + text)
        done = subprocess.run([process.program('meridian'), 'check', path], capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, 1, done.stdout)
        said = done.stdout + done.stderr
        self.assertIn('regions[0].per_answer: 2: a strategy beside it', said)
        self.assertIn('regions[7].per_answer: 2: 1: endpoint named-0 has a hostname', said)


lab.main()
