#!/usr/bin/env python3
# test_pops.py - PoPs that lie, live in another time, die and are born again; servers that lie for them; junk.
# SPDX-License-Identifier: Apache-2.0
import glob
import json
import threading
import time

import stage
from stage import key, process, vote

GONE_S = stage.DETECTION_S + stage.PUBLISH_S
BACK_S = stage.RETURN_S + stage.PUBLISH_S
FOREVER = 2 ** 52  # an epoch that beats every clock


class Liar:
    """Whoever has a server to himself, or a PoP: says of all of `writers`, every half second and to `redis`, that all endpoints
    are down (or up) and that they live."""

    def __init__(self, redis, writers, epoch, up=False):
        self.redis, self.writers, self.epoch, self.up = redis, writers, epoch, up
        self.sequence, self.ended = 0, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def words(self):
        for writer in self.writers:
            for name in stage.ENDPOINTS:
                self.sequence += 1
                text = vote(writer, name, self.epoch, self.sequence, self.up)
                yield ('HSET', key('probe', writer), name, text)
                yield ('PUBLISH', key('changed:pop', writer), text)
            self.sequence += 1
            text = stage.heartbeat(writer, self.epoch, self.sequence)
            yield ('SADD', key('pops'), writer)
            yield ('HSET', key('pop', writer), 'heartbeat', text)
            yield ('PUBLISH', key('changed:pop', writer), text)

    def run(self):
        while not self.ended.wait(0.5):
            lines = ''.join('%s\n' % ' '.join("'%s'" % word for word in words) for words in self.words())
            self.redis.cli(stdin=lines.encode())

    def stop(self):
        self.ended.set()
        self.thread.join()


class Pops(stage.Stage):
    def test_lying_pop(self):
        """One of three says that all is dead and means it: one vote. It speaks for the others too: nobody listens."""
        self.nothing_changes(lambda: self.pop_kill('pop-ap'), 1, 'a PoP is captured')
        liars = [Liar(redis, ['pop-ap'], int(time.time()) + 10) for redis in self.redis]
        self.nothing_changes(lambda: None, 1, 'it begins to lie')
        for name in ('pop-eu', 'pop-us'):
            process.wait_until(lambda: all(e['agreement']['counted'] == 3 and e['agreement']['down'] == 1
                                           for e in self.pops[name].status()['endpoints']), 15, name + ' hears its lies')
        for other in ('pop-eu', 'pop-us'):
            for redis in self.redis:
                redis.cli('PUBLISH', key('changed:pop:pop-ap'), vote(other, 'eu-west-1-a', FOREVER, 1, False))
                redis.cli('HSET', key('probe:pop-ap'), 'us-east-1-a', vote(other, 'us-east-1-a', FOREVER, 1, False))
        self.nothing_changes(lambda: None, 7, 'it lies on')
        self.changes(lambda: self.endpoints.set('eu-west-1-a', 'down'), stage.answers(down={'eu-west-1-a'}), GONE_S,
                     'an endpoint dies meanwhile')
        for name in ('pop-eu', 'pop-us'):  # with the liar's vote one honest one was enough: the captured PoP is to find both
            process.wait_until(lambda: [e['agreement']['down'] for e in self.pops[name].status()['endpoints']
                                        if e['name'] == 'eu-west-1-a'] == [3], 15, name + ' hears of three that it is dead')
        for liar in liars:
            liar.stop()
        self.assertGreater(self.dropped('pop-eu'), 0)
        self.pop_start('pop-ap')  # the captured one is given back: its clock is behind the liar's epoch
        self.wait_settled(self.now, 10, 'pop-ap answers again')
        self.wait_agreed(timeout=30)

    def test_a_day_ahead_and_a_day_behind(self):
        """A clock a day off, then right again, then a day behind: its facts count all the time, for epochs alone are of clocks."""
        library = glob.glob('/usr/lib/*/faketime/libfaketime.so.1')
        if not library:
            self.skipTest('libfaketime is not installed')
        for offset in ('+1d', None, '-1d'):
            self.pop_kill('pop-us')
            self.pops['pop-us'].env = {'LD_PRELOAD': library[0], 'FAKETIME': offset, 'FAKETIME_DONT_FAKE_MONOTONIC': '1',
                                       'DONT_FAKE_MONOTONIC': '1'} if offset else {}
            self.pop_start('pop-us')
            self.wait_settled(self.now, 10, 'pop-us answers')
            began = time.monotonic()
            self.wait_agreed(timeout=30)
            print('clock %s: everybody counts everybody after %.1f s' % (offset or 'right', time.monotonic() - began))
            down = stage.answers(down={'us-east-1-b'})
            self.changes(lambda: self.endpoints.set('us-east-1-b', 'down'), down, GONE_S, 'an endpoint dies, clock %s' % offset)
            self.changes(lambda: self.endpoints.set('us-east-1-b', 'up'), stage.answers(), BACK_S, 'it is back')

    def test_pop_killed(self):
        """Two that are left agree; who is gone is known as gone."""
        self.nothing_changes(lambda: self.pop_kill('pop-us'), 7, 'a PoP is killed')
        self.wait_agreed(counted=2, pops=['pop-eu', 'pop-ap'])
        self.changes(lambda: self.endpoints.set('eu-west-1-a', 'down'), stage.answers(down={'eu-west-1-a'}), GONE_S,
                     'an endpoint dies meanwhile', pops=['pop-eu', 'pop-ap'])
        self.pop_start('pop-us')  # knows from its first answer on
        self.wait_settled(self.now, 10, 'pop-us answers again')
        self.wait_agreed()

    def test_all_restarted_at_once(self):
        """An endpoint is dead and another is drained: the first answers after the restart know that already."""
        self.changes(lambda: self.endpoints.set('eu-west-1-a', 'down'), stage.answers(down={'eu-west-1-a'}), GONE_S,
                     'an endpoint dies')
        given = self.pops['pop-eu'].command('drain', 'us-east-1', '--for', '10m', '--reason', 'a test', '--author', 'alice')
        self.assertEqual(given.returncode, 0, given.stderr)
        after = stage.answers(down={'eu-west-1-a', 'us-east-1'})
        self.stream.expect(stage.either(self.now, after))
        self.wait_settled(after, 5, 'the order is everywhere')
        self.stream.expect(after)
        self.now = after
        for kill in (True, False):
            for name in self.pops:
                if kill:
                    self.pop_kill(name)
                else:
                    self.stream.pause(name)
                    self.assertEqual(self.pops[name].stop(), 0)
            for name in self.pops:
                self.pop_start(name)
            took = self.wait_settled(self.now, 10, 'all answer again')
            print('all %s: right answers everywhere after %.2f s' % ('killed' if kill else 'stopped', took))
            self.nothing_changes(lambda: None, 2, 'all are back')
        self.wait_agreed()

    def test_junk(self):
        """100,000 keys of others, as many members in each of the fleet's sets and hashes: nothing that PoPs wait for."""
        def spoil():
            redis = self.redis[0]
            for where in ('SET junk:%d x', 'SET ' + key('probe', 'junk-%d') + ' x'):
                redis.cli('--pipe', stdin=''.join((where % i) + '\n' for i in range(50000)).encode())
            for line in ('SADD %s %%d' % key('pops'), 'SADD %s %%d' % key('orders'), 'HSET %s %%d x' % key('probe', 'pop-eu'),
                         'HSET %s %%d x' % key('load', 'eu-west-1'), 'HSET %s %%d x' % key('pop', 'pop-us'),
                         'XADD ' + key('audit') + ' * %d x'):
                redis.cli('--pipe', stdin=''.join((line % i) + '\n' for i in range(100000)).encode())
        self.nothing_changes(spoil, 8, 'one server is full of junk')
        self.changes(lambda: self.endpoints.set('us-east-1-b', 'down'), stage.answers(down={'us-east-1-b'}), GONE_S,
                     'an endpoint dies meanwhile')
        self.changes(lambda: self.endpoints.set('us-east-1-b', 'up'), stage.answers(), BACK_S, 'it is back')
        for name in self.pops:
            self.assertGreater(self.pops[name].status()['sharing']['dropped']['many'], 0, name)


class LyingServer(stage.Stage):
    """Without a key a server is believed: what it can do, and how it ends."""

    def test_without_a_key(self):
        liar = Liar(self.redis[0], list(self.pops), int(time.time()) + 1000000)
        anything = {client: frozenset(frozenset(stage.address(*place) for place in stage.ENDPOINTS.values() if place[0] == region
                                                and place[1] in letters)
                                      for region in stage.REGIONS for letters in ('ab', 'a', 'b')) for client in stage.CLIENTS}
        self.stream.expect(anything)  # never empty, whatever it says
        time.sleep(8)
        self.look()
        liar.stop()
        # PoPs begin a higher epoch than the lie's and say everything anew.
        took = self.wait_settled(stage.answers(), 20, 'the lies are outlived')
        print('right again %.1f s after the last lie' % took)
        self.stream.expect(stage.answers())
        self.wait_agreed(timeout=30)


class SealedServer(stage.Stage):
    key_file = True

    def test_with_a_key(self):
        """The same lies: nobody believes a word. It may also replay what once was true: older, so it counts for nothing."""
        old = {}
        self.changes(lambda: self.endpoints.set('eu-west-1-a', 'down'), stage.answers(down={'eu-west-1-a'}), GONE_S,
                     'an endpoint dies')
        for pop in self.pops:
            old[pop] = process.wait_until(lambda: (lambda text: text if '"up": false' in text or '"up":false' in text else None)(
                self.redis[0].cli('HGET', key('probe', pop), 'eu-west-1-a')), 5, pop + ' says so in Redis')
            self.assertIn('"mac"', old[pop])
        self.changes(lambda: self.endpoints.set('eu-west-1-a', 'up'), stage.answers(), BACK_S, 'it is back')
        liar = Liar(self.redis[0], list(self.pops), int(time.time()) + 1000000)

        def replay():
            for pop, text in old.items():
                for redis in self.redis:
                    redis.cli('PUBLISH', key('changed:pop', pop), text)
                    redis.cli('HSET', key('probe', pop), 'eu-west-1-a', text)
                self.redis[0].cli('HSET', key('probe', pop), 'eu-west-1-b', text)  # in another's place
                self.assertEqual(json.loads(text)['up'], False)
        self.nothing_changes(replay, 8, 'one server lies for everybody and replays')
        for name in self.pops:
            self.assertGreater(self.pops[name].status()['sharing']['dropped']['seal'], 0, name)
        liar.stop()
        self.changes(lambda: self.endpoints.set('us-east-1-b', 'down'), stage.answers(down={'us-east-1-b'}), GONE_S,
                     'an endpoint dies meanwhile')


if __name__ == '__main__':
    stage.main()
