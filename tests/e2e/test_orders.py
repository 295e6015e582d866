#!/usr/bin/env python3
# test_orders.py - operators' orders: in answers, by one service, against the rules, through Redis, by a captured PoP.
# SPDX-License-Identifier: Apache-2.0
import json
import re
import subprocess
import unittest

import lab
from lab import fleet, process, servers

SERVICES = '''services:
  - {name: api.example.com, ttl_s: 30}
  - {name: alias.example.com, ttl_s: 30}
'''
RULES = 'rules: {min_regions: 2, max_out_percent: 60}\n'


class Pop(servers.Meridian):
    """A meridiand with a PoP's name of its own."""

    def __init__(self, folder, pop, options, **keywords):
        self.pop = pop
        super().__init__(folder, options, **keywords)

    def configure(self, options):
        super().configure(options)
        text = self.config_path.read_text().replace('pop: {name: pop-test}', 'pop: {name: %s}' % self.pop)
        self.config_path.write_text(text)

    def order(self, *arguments, env=None):
        return subprocess.run([process.program('meridian'), *arguments, '--admin', '127.0.0.1@%d' % self.admin_port],
                              capture_output=True, text=True, timeout=30 * process.SLOW, stdin=subprocess.DEVNULL,
                              env={'PATH': '/usr/bin:/bin', 'MERIDIAN_AUTHOR': 'alice', **(env or {})})

    def region(self, name='api.example.com', ecs=fleet.GERMANY):
        return fleet.region_of(self.ask(name, ecs=ecs))

    def wait_region(self, region, name='api.example.com', timeout=10.0):
        process.wait_until(lambda: self.region(name) == region, timeout, '%s gets %s' % (name, region), alive=[self.process])


def start(name, pop, rest=''):
    folder = process.directory('orders-' + name)
    zone = fleet.ZONE.replace('alias       CNAME api\n', '')
    (folder / 'example.com.zone').write_text(zone % {'serial': 1, 'big': 'x' * 250})
    options = fleet.options(services=SERVICES, rest=RULES + rest)
    return Pop(folder, pop, options, zones={'example.com': folder / 'example.com.zone'})


def order_id(result):
    return result.stdout.split()[0]


class Embedded(unittest.TestCase):
    def setUp(self):
        self.pop = start(self._testMethodName, 'pop-eu')

    def tearDown(self):
        self.assertEqual(self.pop.stop(), 0)

    def test_drain_leaves_the_answers_and_undrain_comes_back(self):
        self.assertEqual(self.pop.region(), 'eu-west-1')
        result = self.pop.order('drain', 'eu-west-1', '--for', '10m', '--reason', 'power work')
        self.assertEqual(result.returncode, 0, result.stderr)
        self.pop.wait_region('us-east-1')
        listed = json.loads(self.pop.order('orders', '--json').stdout)['orders']
        self.assertEqual([(o['id'], o['author'], o['reason'], o['state']) for o in listed],
                         [(order_id(result), 'alice', 'power work', 'in force')])
        self.assertEqual(self.pop.order('undrain', 'eu-west-1').returncode, 0)
        self.pop.wait_region('eu-west-1')
        trail = [json.loads(line) for line in self.pop.order('audit', '--json').stdout.splitlines()]
        self.assertEqual([(e['what'], e['who'], e['id']) for e in trail],
                         [('order', 'alice', order_id(result)), ('cancel', 'alice', order_id(result))])
        self.assertIn('0.0% of its capacity out', trail[0]['before'])
        self.assertIn('23.5% of its capacity out', trail[0]['after'])
        self.assertEqual(self.pop.order('undrain', 'eu-west-1').returncode, 4)

    def test_order_ends_by_itself(self):
        self.assertEqual(self.pop.order('force-down', 'eu-west-1', '--for', '2s', '--reason', 'short').returncode, 0)
        self.pop.wait_region('us-east-1')
        self.pop.wait_region('eu-west-1')
        self.assertEqual(self.pop.order('orders').stdout, 'no orders are in force\n')
        trail = [json.loads(line)['what'] for line in self.pop.order('audit', '--json').stdout.splitlines()]
        self.assertEqual([what for what in trail if what in ('order', 'end')], ['order', 'end'])
        self.assertIn('region-down', trail)
        self.assertIn('region-up', trail)

    def test_one_service_alone(self):
        result = self.pop.order('drain', 'eu-west-1', '--service', 'api.example.com', '--for', '10m', '--reason', 'a trial')
        self.assertEqual(result.returncode, 0, result.stderr)
        self.pop.wait_region('us-east-1')
        self.assertEqual(self.pop.region('alias.example.com'), 'eu-west-1')
        page = json.loads(self.pop.command('explain', 'api.example.com', '--client', fleet.GERMANY, '--json').stdout)
        self.assertTrue(page['decision']['agrees'])
        excluded = {region['region']: region['exclusion'] for region in page['regions']}
        self.assertEqual(excluded['eu-west-1'], 'drained')
        self.pop.reload()  # it goes on under a new configuration
        process.wait_until(lambda: 'reloaded' in self.pop.process.log(), 10, 'a reload')
        self.assertEqual((self.pop.region(), self.pop.region('alias.example.com')), ('us-east-1', 'eu-west-1'))
        self.assertEqual(self.pop.order('cancel', order_id(result), '--reason', 'enough').returncode, 0)
        self.pop.wait_region('eu-west-1')

    def test_rules_refuse_with_numbers_and_override_says_so(self):
        for region in ('us-east-1', 'eu-west-1'):  # 180 of 340: 52.9 %
            self.assertEqual(self.pop.order('drain', region, '--for', '1h', '--reason', 'x').returncode, 0)
        refused = self.pop.order('drain', 'us-west-2', '--for', '1h', '--reason', 'x')
        self.assertEqual(refused.returncode, 4)
        self.assertIn('1 of its 4 regions (2 are in now); rules.min_regions is 2', refused.stderr)
        taken = self.pop.order('drain', 'us-west-2', '--for', '1h', '--reason', 'x', '--override')
        self.assertEqual(taken.returncode, 0, taken.stderr)
        self.assertIn('against the rules', self.pop.order('audit').stdout)
        self.assertIn('in force, against the rules', self.pop.order('orders').stdout)

    def test_shift_moves_part_of_the_clients(self):
        blocks = ['80.%d.%d.0/24' % (high, low) for high in range(128, 144) for low in (0, 64, 128, 192)]
        self.assertEqual(self.pop.order('shift', 'eu-west-1', '50%', '--for', '1h', '--reason', 'x').returncode, 0)
        process.wait_until(lambda: len({self.pop.region(ecs=block) for block in blocks}) == 2, 10, 'two regions')
        shares = [self.pop.region(ecs=block) for block in blocks]
        self.assertTrue(0.25 < shares.count('eu-west-1') / len(shares) < 0.75, shares)


class Shared(unittest.TestCase):
    """Two PoPs, two servers, users as `meridian acl` prints them."""

    def setUp(self):
        self.folder = process.directory('orders-redis-' + self._testMethodName)
        self.ports = [process.port(), process.port()]
        names = ['pop:pop-eu', 'pop:pop-us', 'operator:alice']
        for name in names:
            (self.folder / name).write_text('secret of %s\n' % name)
        servers_yaml = ', '.join('{address: "127.0.0.1@%d", user: "%%(user)s", password_file: "%s/%%(user)s"}' %
                                 (number, self.folder) for number in self.ports)
        rest = 'fleet: prod\nstate: {redis: [%s]}\n' % servers_yaml
        (self.folder / 'acl.yaml').write_text('fleet: prod\n' + fleet.options() + 'zones: [{origin: example.com, file: zone}]\n')
        lines = ['user default off resetpass resetkeys resetchannels -@all']
        for name in names:
            role, user = name.split(':')
            lines.append(subprocess.run([process.program('meridian'), 'acl', self.folder / 'acl.yaml', '--' + role, user,
                                         '--passwords', self.folder], capture_output=True, text=True, check=True).stdout.strip())
        (self.folder / 'users.acl').write_text('\n'.join(lines) + '\n')
        self.assertNotIn('secret', (self.folder / 'users.acl').read_text())
        self.redis = [process.Process('redis-%d' % i, [process.program('redis-server'), '--port', number, '--bind', '127.0.0.1',
                                                       '--save', '', '--aclfile', self.folder / 'users.acl', '--dir', self.folder],
                                      self.folder) for i, number in enumerate(self.ports)]
        self.pops = [start('%s-%s' % (self._testMethodName, pop), pop, rest % {'user': 'pop:' + pop})
                     for pop in ('pop-eu', 'pop-us')]
        self.operator = {'MERIDIAN_REDIS_USER': 'operator:alice',
                         'MERIDIAN_REDIS_PASSWORD_FILE': str(self.folder / 'operator:alice')}
        for pop in self.pops:
            process.wait_until(lambda pop=pop: '2 of 2 servers reachable' in pop.status()['store'], 10, 'both servers')

    def tearDown(self):
        for pop in self.pops:
            self.assertEqual(pop.stop(), 0)
            self.assertNotIn('secret', pop.process.log())

    def redis_cli(self, user, *words):
        return subprocess.run(['redis-cli', '-p', str(self.ports[0]), '--user', user, '--no-auth-warning', *words],
                              capture_output=True, text=True, env={'PATH': '/usr/bin:/bin',
                                                                   'REDISCLI_AUTH': 'secret of %s' % user}).stdout

    def test_order_reaches_all_and_a_captured_pop_gives_none(self):
        result = self.pops[0].order('drain', 'eu-west-1', '--for', '10m', '--reason', 'power work', env=self.operator)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('2 of 2 servers have it', result.stdout)
        for pop in self.pops:
            pop.wait_region('us-east-1')
        key = 'meridian:prod:order:' + order_id(result)
        fact = self.redis_cli('operator:alice', 'GET', key)
        self.assertIn('"verb":"drain"', fact.replace(' ', ''))
        # with the PoP's own password, nothing of this works
        captured = {'MERIDIAN_REDIS_USER': 'pop:pop-us', 'MERIDIAN_REDIS_PASSWORD_FILE': str(self.folder / 'pop:pop-us')}
        refused = self.pops[1].order('drain', 'us-west-2', '--for', '10m', '--reason', 'x', env=captured)
        self.assertEqual(refused.returncode, 3)
        self.assertIn('NOPERM', refused.stderr)
        for words in (['SET', key, 'x'], ['DEL', key], ['SADD', 'meridian:prod:orders', 'x'],
                      ['HSET', 'meridian:prod:probe:pop-eu', 'a', 'x'], ['PUBLISH', 'meridian:prod:changed:pop:pop-eu', 'x'],
                      ['PUBLISH', 'meridian:prod:changed:order:alice', fact], ['DEL', 'meridian:prod:audit']):
            self.assertIn('NOPERM', self.redis_cli('pop:pop-us', *words), words)
        given = self.pops[1].http('/orders', json.dumps({'verb': 'drain', 'target': 'us-west-2', 'for_ms': 60000,
                                                         'author': 'mallory', 'reason': 'x'}))
        self.assertEqual(given[0], 422, given)
        self.assertIn('alice', self.pops[1].order('audit', env=self.operator).stdout)
        undone = self.pops[1].order('undrain', 'eu-west-1', env=self.operator)
        self.assertEqual(undone.returncode, 0, undone.stderr)
        for pop in self.pops:
            pop.wait_region('eu-west-1')

    def test_order_ends_when_every_server_is_gone(self):
        self.redis[1].child.kill()
        result = self.pops[0].order('drain', 'eu-west-1', '--for', '4s', '--reason', 'short', env=self.operator)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('1 of 2 servers have it', result.stdout)
        self.assertRegex(result.stderr, re.escape('127.0.0.1@%d: ' % self.ports[1]))
        for pop in self.pops:
            pop.wait_region('us-east-1')
        self.redis[0].child.kill()
        for pop in self.pops:
            pop.wait_region('eu-west-1')
        result = self.pops[0].order('drain', 'eu-west-1', '--for', '4s', '--reason', 'short', env=self.operator)
        self.assertEqual(result.returncode, 3, result.stderr)


if __name__ == '__main__':
    lab.main()
