#!/usr/bin/env python3
# test_endpoints.py - endpoints and regions die in every way, for everybody or for some; the fleet agrees and acts once.
# SPDX-License-Identifier: Apache-2.0
import time

import stage
from stage import process

GONE_S = stage.DETECTION_S + stage.PUBLISH_S
BACK_S = stage.RETURN_S + stage.PUBLISH_S
# What this PoP alone does not reach is a penalty once the others could have seen it too; a second: the tick that looks.
PENALTY_S = GONE_S + (stage.FALL * stage.INTERVAL_MS + stage.TIMEOUT_MS) / 1000 + 1


class Endpoints(stage.Stage):
    def set(self, mode, *names, word=''):
        return max(self.endpoints.set(name, mode, word) for name in names)

    def verdict(self, pop, endpoint):
        return next(e for e in self.pops[pop].status()['endpoints'] if e['name'] == endpoint)

    def goes_and_returns(self, mode, word='', gone_s=GONE_S):
        self.changes(lambda: self.set(mode, 'eu-west-1-a', word=word), stage.answers(down={'eu-west-1-a'}), gone_s, mode)
        self.changes(lambda: self.set('up', 'eu-west-1-a'), stage.answers(), BACK_S, 'up again')

    def test_dead(self):
        self.goes_and_returns('down')

    def test_hanging(self):
        self.goes_and_returns('hang')

    def test_ill(self):
        self.goes_and_returns('status', '503')

    def test_dead_from_one_pop_alone(self):
        """Everybody else's clients notice nothing; this PoP's go elsewhere when it reaches nothing of a region."""
        self.nothing_changes(lambda: self.set('deaf', 'us-east-1-a', 'us-east-1-b', word='from=pop-eu'), 1,
                             'a region is out of reach for pop-eu')
        after = stage.answers(down={'us-east-1'})
        others = [name for name in self.pops if name != 'pop-eu']
        self.stream.expect({**self.now, 'america': self.now['america'] | after['america']})
        self.wait_settled(after, PENALTY_S, 'pop-eu sends America elsewhere', pops=['pop-eu'])
        self.assertIsNotNone(self.stream.settled(self.now, time.monotonic() - 1, others), 'others keep theirs')
        # the region's other endpoint may have been the first of the two
        process.wait_until(lambda: self.verdict('pop-eu', 'us-east-1-a')['agreement']['unreachable_from_here'], PENALTY_S,
                           'pop-eu does not reach it')
        seen = self.verdict('pop-eu', 'us-east-1-a')
        self.assertTrue(seen['up'], seen)
        self.assertEqual((seen['agreement']['down'], seen['agreement']['counted']), (1, 3))
        explained = self.pops['pop-eu'].command('explain', 'api.example.com', '--client', stage.CLIENTS['america']).stdout
        self.assertIn('pop-eu', explained)
        self.set('up', 'us-east-1-a', 'us-east-1-b')
        self.wait_settled(stage.answers(), BACK_S, 'America is back', pops=['pop-eu'])
        for answer in self.stream.changes:
            if answer.pop in others:
                self.assertIn(answer.addresses, stage.answers()[answer.client], 'the others never moved')

    def test_dead_for_a_minority_of_one_region(self):
        """Half of a region is out of reach from one PoP: half of the penalty, and nothing leaves any answer."""
        self.set('deaf', 'ap-southeast-1-a', word='from=pop-eu')
        process.wait_until(lambda: self.verdict('pop-eu', 'ap-southeast-1-a')['agreement']['unreachable_from_here'],
                           PENALTY_S + 1, 'pop-eu does not reach it')
        self.assertFalse(self.verdict('pop-us', 'ap-southeast-1-a')['agreement']['unreachable_from_here'])
        self.nothing_changes(lambda: None, 1, 'one endpoint of a far region is out of reach')

    def test_flapping(self):
        """Up and down until it is held down; then its coming up changes nothing, and a page says why."""
        down = stage.answers(down={'us-east-1-a'})
        for turn in range(4):  # the fourth fall is held, see router/damping.h
            self.changes(lambda: self.set('down', 'us-east-1-a'), down, GONE_S, 'fall %d' % (turn + 1))
            if turn < 3:
                self.changes(lambda: self.set('up', 'us-east-1-a'), stage.answers(), BACK_S, 'return %d' % (turn + 1))
        self.nothing_changes(lambda: self.set('up', 'us-east-1-a'), BACK_S + 3, 'it comes up, and is held down')
        for pop in self.pops:
            endpoint = self.verdict(pop, 'us-east-1-a')
            self.assertFalse(endpoint['up'])
            says = [vote['says'] for vote in endpoint['agreement']['votes']]  # one may have missed the shortest fall
            self.assertTrue(endpoint['agreement']['held'] or says.count('held down') >= 2, says)
            self.assertGreater(endpoint['next_change_s'], 10)

    def test_region_dead(self):
        ways = [stage.answers(down={'eu-west-1-' + letter}) for letter in 'ab']  # one of its endpoints is probed first
        self.changes(lambda: self.set('down', 'eu-west-1-a', 'eu-west-1-b'), stage.answers(down={'eu-west-1'}), GONE_S,
                     'a region dies', through=ways)
        self.changes(lambda: self.set('up', 'eu-west-1-a', 'eu-west-1-b'), stage.answers(), BACK_S, 'it is back', through=ways)

    def test_every_region_dead(self):
        """Every PoP suspects itself, for everything died at once; nobody gets an empty answer, and who comes back is found."""
        everything = list(stage.ENDPOINTS)
        anything = {client: {frozenset(a) for a in self.subsets()} for client in stage.CLIENTS}
        self.stream.expect(anything)  # what died first may leave before doubts begin
        self.set('down', *everything)
        for name, pop in self.pops.items():
            process.wait_until(lambda: pop.status()['suspect'], GONE_S, name + ' suspects itself')
        self.look()
        for name, pop in self.pops.items():  # static_s later each goes by its own probes, which find nothing
            process.wait_until(lambda: not any(region['up'] for region in pop.status()['regions']), stage.STATIC_S + 5,
                               name + ' knows that all is down')
        self.look()
        self.now = {client: frozenset(choices) for client, choices in anything.items()}
        self.changes(lambda: self.set('up', 'us-east-1-a', 'us-east-1-b'),
                     {client: stage.answers(down={'eu-west-1', 'ap-southeast-1'})['america'] for client in stage.CLIENTS},
                     stage.STATIC_S + BACK_S + 3, 'one region is back, and is everybody\'s', through=[anything])
        self.changes(lambda: self.set('up', *everything), stage.answers(), stage.STATIC_S + BACK_S + 3, 'all are back',
                     through=[anything])
        self.wait_agreed()

    @staticmethod
    def subsets():
        """Non-empty answers of one region."""
        for region in stage.REGIONS:
            a, b = stage.address(region, 'a'), stage.address(region, 'b')
            yield from ((a, b), (a,), (b,))


class Slow(stage.Stage):
    probe = ', degraded_ms: 100'
    policy = 'steering: nearest'

    def test_slow(self):
        """Slow probes: degraded, not down; the answer keeps it, and everybody says so."""
        self.nothing_changes(lambda: self.endpoints.set('eu-west-1-a', 'slow', '180'), 1, 'an endpoint slows down')
        for pop in self.pops.values():
            process.wait_until(lambda: next(e for e in pop.status()['endpoints'] if e['name'] == 'eu-west-1-a')['agreement']
                               ['degraded'], 15, pop.name + ' takes it for degraded')
        self.look()
        endpoint = next(e for e in self.pops['pop-us'].status()['endpoints'] if e['name'] == 'eu-west-1-a')
        self.assertTrue(endpoint['up'])
        self.assertGreaterEqual(endpoint['agreement']['degrading'], 2)
        region = next(r for r in self.pops['pop-us'].status()['regions'] if r['name'] == 'eu-west-1')
        self.assertEqual((region['weight_degraded'], region['capacity_rps']), (1, 150))
        self.endpoints.set('eu-west-1-a', 'up')
        for pop in self.pops.values():
            process.wait_until(lambda: not next(e for e in pop.status()['endpoints'] if e['name'] == 'eu-west-1-a')['agreement']
                               ['degraded'], 20, pop.name + ' takes it for well')


if __name__ == '__main__':
    stage.main()
