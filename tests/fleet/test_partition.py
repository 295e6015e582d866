#!/usr/bin/env python3
# test_partition.py - the network splits the PoPs in two: each part goes on with what it reaches, and they find together again.
# SPDX-License-Identifier: Apache-2.0
#
# Every PoP, every server and every region is a network namespace of its own, with two links: `u`, to users (and to whoever asks
# questions of status), which is never cut, and `f`, to the fleet. The fleet's links hang on one bridge; a partition moves some of them
# to another. All of it happens inside a namespace of this test's own, so nothing is left of it on the host.
import os
import subprocess
import sys
import time

if 'MERIDIAN_TEST_NETNS' not in os.environ:
    if subprocess.run(['unshare', '--net', 'true'], capture_output=True).returncode != 0:
        print('SKIP: network namespaces cannot be made here')
        sys.exit(77)
    os.environ['MERIDIAN_TEST_NETNS'] = 'yes'
    os.execvp('unshare', ['unshare', '--net', sys.executable, '-B'] + sys.argv)

import stage  # noqa: E402
from stage import POPS, REGIONS, Endpoints, RedisServer, answers, process, servers  # noqa: E402

USERS, FLEET = '198.18.0.', '198.18.1.'  # RFC 2544: nobody's
NODES = list(POPS) + ['redis-0', 'redis-1', 'redis-2'] + list(REGIONS)
PART = ['pop-eu', 'redis-0', 'eu-west-1']  # what is cut off from the rest
RECONNECT_S = 10 + 2 + 5                   # the longest backoff, a handshake, a reading of everything


def ip(*words, node=None):
    prefix = node.prefix if node else []
    subprocess.run([*prefix, 'ip', *words], check=True, stdin=subprocess.DEVNULL)


class Node:
    def __init__(self, folder, name):
        self.name, self.number = name, NODES.index(name) + 1
        self.holder = process.Process('net-' + name, ['unshare', '--net', 'sleep', '3600'], folder)
        self.prefix = ['nsenter', '--net=/proc/%d/ns/net' % self.holder.pid]
        mine = os.readlink('/proc/self/ns/net')
        process.wait_until(lambda: os.readlink('/proc/%d/ns/net' % self.holder.pid) != mine, 10, name + ' has its namespace')
        ip('link', 'set', 'lo', 'up', node=self)
        for link, network in (('u', USERS), ('f', FLEET)):
            outer = '%s%d' % (link, self.number)
            # The kernel takes a namespace apart some time after its last process: the last test's link may be there still.
            subprocess.run(['ip', 'link', 'del', outer], capture_output=True)
            ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', link, 'netns', str(self.holder.pid))
            ip('link', 'set', outer, 'master', 'users' if link == 'u' else 'fleet', 'up')
            ip('addr', 'add', '%s%d/24' % (network, self.number), 'dev', link, node=self)
            ip('link', 'set', link, 'up', node=self)

    def address(self, network):
        return network + str(self.number)

    def cut(self):
        ip('link', 'set', 'f%d' % self.number, 'master', 'other')

    def mend(self):
        ip('link', 'set', 'f%d' % self.number, 'master', 'fleet')


class Pop(servers.Meridian):
    """A PoP in a namespace: its admin interface listens on a loopback address there."""

    def http(self, path, body=None, timeout=5.0):
        assert body is None
        result = subprocess.run([*self.prefix, 'curl', '-s', '-m', '%.0f' % (timeout * process.SLOW), '-w', '\n%{http_code}',
                                 'http://127.0.0.1:%d%s' % (self.admin_port, path)], capture_output=True, text=True)
        text, _, code = result.stdout.rpartition('\n')
        return int(code or 0), text


class Partition(stage.Stage):
    probed_over = FLEET
    pop_class = Pop

    def setUp(self):
        folder = process.directory('fleet-nodes-' + self._testMethodName)
        ip('link', 'set', 'lo', 'up')
        for bridge in ('users', 'fleet', 'other'):
            subprocess.run(['ip', 'link', 'del', bridge], capture_output=True)
            ip('link', 'add', bridge, 'type', 'bridge', 'forward_delay', '0')
            ip('link', 'set', bridge, 'up')
        ip('addr', 'add', USERS + '254/24', 'dev', 'users')
        self.nodes = {name: Node(folder, name) for name in NODES}
        super().setUp()

    def redis_open(self, index):
        node = self.nodes['redis-%d' % index]
        return RedisServer(self.folder, node.name, address=node.address(FLEET), prefix=node.prefix)

    def endpoints_open(self):
        self.by_region = {}
        for region in REGIONS:
            node = self.nodes[region]
            for letter in 'ab':
                ip('addr', 'add', '%s%d/24' % (self.probed_over, 100 + 2 * node.number + 'ab'.index(letter)), 'dev',
                   'f' if self.probed_over == FLEET else 'u', node=node)
            places = {'%s-%s' % (region, letter): (self.probed_at(region, letter), self.http_port) for letter in 'ab'}
            self.by_region[region] = Endpoints(self.folder, places, (node.address(USERS), None), node.prefix)

    def probed_at(self, region, letter):
        return self.probed_over + str(100 + 2 * self.nodes[region].number + 'ab'.index(letter))

    def pop_open(self, name, **keywords):
        node = self.nodes[name]
        pop = super().pop_open(name, prefix=node.prefix, listen=[node.address(USERS)], **keywords)
        pop.server = (node.address(USERS), pop.port)
        return pop

    def cut(self):
        for name in PART:
            self.nodes[name].cut()

    def mend(self):
        for name in PART:
            self.nodes[name].mend()


class Everything(Partition):
    def test_split(self):
        """Each part takes what it does not reach out of its answers; nobody else's clients get an empty one."""
        here, there = ['pop-eu'], ['pop-us', 'pop-ap']
        alone = answers(down={'us-east-1', 'ap-southeast-1'})
        alone['america'] = alone['singapore'] = alone['germany']
        anything = {client: {frozenset(a) for a in self.subsets()} for client in stage.CLIENTS}
        rest = answers(down={'eu-west-1'})
        self.stream.expect(anything)
        began = time.monotonic()
        self.cut()
        took = self.wait_settled(rest, stage.DETECTION_S + stage.PUBLISH_S, 'two PoPs take the third one\'s region out', began, there)
        print('the larger part agreed after %.2f s' % took)
        self.stream.expect({**rest, **{('pop-eu', client): anything[client] for client in stage.CLIENTS}})
        took = self.wait_settled(alone, stage.HEARTBEAT_LIFE_S + stage.STATIC_S + stage.DETECTION_S + 3, 'pop-eu goes by its own',
                                 began, here)
        print('the smaller part went by its own after %.2f s' % took)
        self.stream.expect({**rest, **{('pop-eu', client): alone[client] for client in stage.CLIENTS}})
        self.nothing_changes(lambda: None, 3, 'both parts are steady')
        self.stream.expect(anything)
        began = time.monotonic()
        self.mend()
        took = self.wait_settled(answers(), RECONNECT_S + stage.RETURN_S + 3, 'all is as it was', began)
        print('one fleet again after %.2f s' % took)
        self.wait_agreed(timeout=RECONNECT_S + 5)
        self.stream.expect(answers())
        self.nothing_changes(lambda: None, 3, 'together again')

    @staticmethod
    def subsets():
        for region in REGIONS:
            a, b = stage.address(region, 'a'), stage.address(region, 'b')
            yield from ((a, b), (a,), (b,))


class Control(Partition):
    probed_over = USERS

    def test_split_between_pops_alone(self):
        """All reach all endpoints, but not each other: no answer changes, and an endpoint that dies leaves both parts' answers."""
        self.nothing_changes(self.cut, stage.HEARTBEAT_LIFE_S + stage.STATIC_S + 3, 'PoPs and servers are split in two')
        basis = {name: {e['agreement']['basis'] for e in pop.status()['endpoints']} for name, pop in self.pops.items()}
        self.assertEqual(basis, {'pop-eu': {'own'}, 'pop-us': {'fleet'}, 'pop-ap': {'fleet'}})
        self.changes(lambda: self.by_region['us-east-1'].set('us-east-1-a', 'down'), answers(down={'us-east-1-a'}),
                     stage.DETECTION_S + stage.PUBLISH_S, 'an endpoint dies meanwhile')
        self.nothing_changes(self.mend, 1, 'the network is mended')
        self.wait_agreed(timeout=RECONNECT_S + 5)
        self.look()


if __name__ == '__main__':
    stage.main()
