#!/usr/bin/env python3
# test_servers.py - whatever becomes of Redis servers, answers stay what they were.
# SPDX-License-Identifier: Apache-2.0
import time

import stage
from stage import key

# Every fault has the repairs (5 s, jittered) and heartbeats (6 s) of its servers in it.
HOLD_S = 8


class Servers(stage.Stage):
    def endpoint_still_fails_over(self):
        """What is left of the fleet still takes an endpoint out, everywhere, and back."""
        self.changes(lambda: self.endpoints.set('eu-west-1-a', 'down'), stage.answers(down={'eu-west-1-a'}),
                     stage.DETECTION_S + stage.PUBLISH_S, 'an endpoint dies meanwhile')
        self.changes(lambda: self.endpoints.set('eu-west-1-a', 'up'), stage.answers(), stage.RETURN_S + stage.PUBLISH_S,
                     'it is back')

    def test_kill(self):
        self.nothing_changes(self.redis[0].kill, HOLD_S, 'one server is killed')
        self.wait_server(0, False)
        self.endpoint_still_fails_over()
        self.nothing_changes(self.redis[0].start, 1, 'it is back, and empty')
        self.wait_server(0, True)
        self.wait_agreed()

    def test_freeze(self):
        self.nothing_changes(self.redis[1].freeze, HOLD_S, 'one server is frozen')
        self.wait_server(1, False)
        self.endpoint_still_fails_over()
        self.nothing_changes(self.redis[1].thaw, 1, 'it goes on')
        self.wait_server(1, True)
        self.wait_agreed()

    def test_wipe(self):
        self.nothing_changes(lambda: self.redis[2].cli('FLUSHALL'), HOLD_S, 'one server is wiped')
        self.nothing_changes(lambda: [redis.cli('FLUSHALL') for redis in self.redis], HOLD_S, 'all servers are wiped')
        self.wait_agreed()
        for redis in self.redis:
            self.assertEqual(sorted(redis.cli('SMEMBERS', key('pops')).split()), sorted(self.pops))
            for pop in self.pops:
                self.assertEqual(redis.cli('HLEN', key('probe', pop)), '6')

    def test_old_dump(self):
        """A dump from when an endpoint was down, and of PoPs' lives before: it takes nothing out."""
        self.changes(lambda: self.endpoints.set('us-east-1-b', 'down'), stage.answers(down={'us-east-1-b'}),
                     stage.DETECTION_S + stage.PUBLISH_S, 'an endpoint dies')
        self.redis[0].dump(self.folder / 'old.rdb')
        self.changes(lambda: self.endpoints.set('us-east-1-b', 'up'), stage.answers(), stage.RETURN_S + stage.PUBLISH_S, 'it is back')
        for redis in self.redis:
            self.nothing_changes(lambda: redis.restart_from(self.folder / 'old.rdb'), 3, redis.name + ' restarts from an old dump')
        self.wait_agreed()
        self.endpoint_still_fails_over()

    def test_wrong_type(self):
        def spoil():
            for name in ['pops', 'orders'] + ['%s:%s' % (kind, pop) for kind in ('pop', 'probe', 'report') for pop in self.pops]:
                self.redis[0].cli('DEL', key(name))
                self.redis[0].cli('LPUSH', key(name), 'x')
        self.nothing_changes(spoil, HOLD_S, 'every key of one server is a list')
        self.endpoint_still_fails_over()
        for name in self.pops:
            process_drop = self.pops[name].status()['sharing']['dropped']
            self.assertGreater(process_drop['type'], 0, name)

    def test_garbage(self):
        def spoil():
            redis = self.redis[0]
            for text in ('', '\x00\xff' * 50, '{', '[]', '{"kind": "probe"}', '{"kind": "pop", "subject": "x"}', '9' * 5000,
                         stage.vote('pop-us', 'eu-west-1-a', 2 ** 60, 1, False), 'x' * 100000):
                for pop in self.pops:
                    for field in ('eu-west-1-a', 'us-east-1-b', 'no such endpoint', 'x' * 300):
                        redis.cli('HSET', key('probe', pop), field, text.replace('\x00', '\x01'))
                    redis.cli('HSET', key('pop', pop), 'heartbeat', text.replace('\x00', '\x01'))
                    redis.cli('PUBLISH', key('changed:pop', pop), text.replace('\x00', '\x01'))
                redis.cli('SADD', key('orders'), 'order-%d' % len(text), text.replace('\x00', '\x01') or 'y')
                redis.cli('SET', key('order', 'order-%d' % len(text)), text.replace('\x00', '\x01'))
                redis.cli('PUBLISH', key('changed:order:alice'), text.replace('\x00', '\x01'))
                redis.cli('PUBLISH', key('changed:'), text.replace('\x00', '\x01'))
        self.nothing_changes(spoil, HOLD_S, 'one server is full of garbage')
        self.endpoint_still_fails_over()
        for name in self.pops:
            self.assertGreater(self.dropped(name), 10)
            self.assertIn(key(''), str(self.pops[name].status()['sharing']['dropped_recently']))

    def test_access_denied(self):
        def deny():
            self.redis[0].cli('ACL', 'SETUSER', 'default', '-@all', '+acl', '+ping')
        self.nothing_changes(deny, HOLD_S, 'one server denies every command')
        self.endpoint_still_fails_over()
        self.nothing_changes(lambda: self.redis[0].cli('ACL', 'SETUSER', 'default', '+@all'), 1, 'it allows them again')
        self.wait_server(0, True, what='complete', timeout=40)

    def test_out_of_memory(self):
        def fill():
            self.redis[0].cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
            self.redis[0].cli('CONFIG', 'SET', 'maxmemory', '1')
        self.nothing_changes(fill, HOLD_S, 'one server has no memory left')
        self.endpoint_still_fails_over()
        self.nothing_changes(lambda: self.redis[0].cli('CONFIG', 'SET', 'maxmemory', '0'), 1, 'it has again')
        self.wait_server(0, True, what='complete', timeout=40)

    def test_two_of_three_gone(self):
        self.nothing_changes(lambda: (self.redis[0].kill(), self.redis[1].freeze()), HOLD_S, 'one is killed and one is frozen')
        self.endpoint_still_fails_over()
        self.redis[1].thaw()
        self.redis[0].start()
        self.wait_agreed()

    def test_all_gone_and_back(self):
        """Votes of others end with their heartbeats; then the last verdict holds, then each PoP's own probes."""
        self.nothing_changes(lambda: [redis.kill() for redis in self.redis], stage.HEARTBEAT_LIFE_S + stage.STATIC_S + 2,
                             'all servers are killed')
        for pop in self.pops.values():
            status = pop.status()
            self.assertTrue(status['sharing']['alone'])
            self.assertEqual({e['agreement']['basis'] for e in status['endpoints']}, {'own'})
        self.assertIn('no Redis server', self.pops['pop-eu'].command('status').stdout)
        self.endpoint_still_fails_over()
        began = time.monotonic()
        self.nothing_changes(lambda: [redis.start() for redis in self.redis], 1, 'all are back, and empty')
        self.wait_agreed()
        print('everybody agrees again %.1f s later' % (time.monotonic() - began))
        self.endpoint_still_fails_over()

    def test_all_gone_while_an_endpoint_dies(self):
        """The last verdict is static for as long as others' heartbeats live and static_s more: that is the bound. Until then it
        is down from each PoP alone, as far as each knows, and half of its region out of reach costs a penalty."""
        for redis in self.redis:
            redis.kill()
        self.changes(lambda: self.endpoints.set('eu-west-1-a', 'down'), stage.answers(down={'eu-west-1-a'}),
                     stage.HEARTBEAT_LIFE_S + stage.STATIC_S + stage.DETECTION_S + 1, 'an endpoint dies while all servers are gone',
                     through=[stage.answers(down={'eu-west-1'})])


if __name__ == '__main__':
    stage.main()
