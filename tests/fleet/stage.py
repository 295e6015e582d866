# stage.py - three PoPs, three redis-servers, three regions of two endpoints each, and users who ask every PoP all the time.
# SPDX-License-Identifier: Apache-2.0
#
# What a fault may do is said before it happens, and the stream of queries holds every answer to it:
#
#   stage.nothing_changes(fault, seconds)      every answer stays what it was
#   stage.changes(fault, after, bound_s)       answers are the old or the new ones until bound_s, from then on the new ones
#
# Deadlines are stretched by MERIDIAN_SLOW; what is waited for is an event, and its time is printed.
import itertools
import json
import pathlib
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lab'))
import dns  # noqa: E402, F401
import fleet  # noqa: E402
import process  # noqa: E402
import servers  # noqa: E402
from endpoint_server import Endpoints  # noqa: E402
from query_stream import QueryStream  # noqa: E402
from redis_server import RedisServer  # noqa: E402

FLEET = 'stage'
POPS = {'pop-eu': (52.37, 4.90), 'pop-us': (40.71, -74.01), 'pop-ap': (1.35, 103.82)}
REGIONS = {'eu-west-1': (53.33, -6.25), 'us-east-1': (39.04, -77.49), 'ap-southeast-1': (1.28, 103.85)}
CLIENTS = {'germany': fleet.GERMANY, 'america': fleet.UNITED_STATES, 'singapore': fleet.SINGAPORE}
HOME = {'germany': 'eu-west-1', 'america': 'us-east-1', 'singapore': 'ap-southeast-1'}
# When a region is down: whoever it served goes to the next nearest.
NEXT = {('germany', 'eu-west-1'): 'us-east-1', ('america', 'us-east-1'): 'eu-west-1', ('singapore', 'ap-southeast-1'): 'eu-west-1'}
INTERVAL_MS, TIMEOUT_MS, RISE, FALL, STATIC_S = 300, 280, 2, 3, 3
DETECTION_S = (INTERVAL_MS * 1.1 * FALL + TIMEOUT_MS) / 1000  # at most: a tenth of jitter, the last probe times out
RETURN_S = (INTERVAL_MS * 1.1 * RISE + TIMEOUT_MS) / 1000
HEARTBEAT_LIFE_S = 6                                          # of a PoP that is silent
PUBLISH_S = 0.5                                               # from a verdict to the last worker: far less, see latency


def address(region, letter):
    return '127.0.%d.%d' % (20 + list(REGIONS).index(region), 1 + 'ab'.index(letter))


ENDPOINTS = {'%s-%s' % (region, letter): (region, letter) for region in REGIONS for letter in 'ab'}
EVERYTHING = frozenset(address(*place) for place in ENDPOINTS.values())


def answers(down=()):
    """What each client is to get while these endpoints and regions are out."""
    wanted = {}
    for client, home in HOME.items():
        region = home
        if home in down or all('%s-%s' % (home, letter) in down for letter in 'ab'):
            region = NEXT[(client, home)]
        wanted[client] = {frozenset(address(region, letter) for letter in 'ab' if '%s-%s' % (region, letter) not in down)}
    return wanted


def either(*choices):
    return {client: frozenset(itertools.chain(*(choice[client] for choice in choices))) for client in CLIENTS}


class Stage(unittest.TestCase):
    """setUp begins with everything well and agreed upon; tearDown looks at what the users got."""
    key_file = False
    probe = ''        # more members of every probe
    policy = 'processing_weight: 0'  # a machine that stands still for a moment makes every endpoint slow: no fault of these
    redis_count = 3
    pop_class = servers.Meridian

    def setUp(self):
        self.folder = process.directory('fleet-' + self._testMethodName)
        self.zone = fleet.write_zone(self.folder)
        self.http_port = process.port()
        self.redis = [self.redis_open(i) for i in range(self.redis_count)]
        self.endpoints_open()
        if self.key_file:
            (self.folder / 'key').write_text('a secret of the whole fleet\n')
        self.pops = {name: self.pop_open(name) for name in POPS}
        for pop in self.pops.values():
            pop.wait_ready(20)
        self.stream = QueryStream('api.example.com', {name: pop.server for name, pop in self.pops.items()}, CLIENTS)
        self.now = answers()
        self.wait_agreed()
        self.stream.expect(self.now)
        for name in self.pops:
            self.stream.resume(name)
        self.wait_settled(self.now, 10, 'the first answers are right')

    def tearDown(self):
        self.stream.stop()
        self.look()
        for pop in self.pops.values():
            if pop.process.alive():
                self.assertEqual(pop.stop(), 0)
        process.end_all()

    # ---- the stage ----

    def redis_open(self, index):
        return RedisServer(self.folder, 'redis-%d' % index)

    def endpoints_open(self):
        self.endpoints = Endpoints(self.folder, {name: (address(*place), self.http_port) for name, place in ENDPOINTS.items()})

    def probed_at(self, region, letter):
        return address(region, letter)

    def options(self, name):
        lines = ['fleet: ' + FLEET, 'regions:']
        for region, (latitude, longitude) in REGIONS.items():
            lines += ['  - name: ' + region, '    location: {latitude: %s, longitude: %s}' % (latitude, longitude), '    ramp_s: 0',
                      '    endpoints:']
            for letter in 'ab':
                where = self.probed_at(region, letter)
                lines += ['      - name: %s-%s' % (region, letter), '        addresses: [%s]' % address(region, letter),
                          '        capacity_rps: 100',
                          '        probe: {kind: http, url: "http://%s:%d/health?from=%s", interval_ms: %d, timeout_ms: %d, rise: '
                          '%d, fall: %d%s}' % (where, self.http_port, name, INTERVAL_MS, TIMEOUT_MS, RISE, FALL, self.probe)]
        lines += ['services:', '  - {name: api.example.com, ttl_s: 30}', 'health: {static_s: %d}' % STATIC_S,
                  'state:', '  redis: [%s]' % ', '.join(self.redis_yaml(redis, name) for redis in self.redis)]
        if self.key_file:
            lines.append('  key_file: "%s"' % (self.folder / 'key'))
        lines += ['policies:', '  - {name: default, %s}' % self.policy]
        return '\n'.join(lines) + '\n'

    def redis_yaml(self, redis, name):
        return '{address: "%s@%d"}' % (redis.address, redis.port)

    def pop_open(self, name, **keywords):
        folder = self.folder / name
        folder.mkdir()
        latitude, longitude = POPS[name]
        return self.pop_class(folder, self.options(name), {'example.com': self.zone}, name=name, wait=False,
                                pop='name: %s, location: {latitude: %s, longitude: %s}' % (name, latitude, longitude), **keywords)

    def pop_kill(self, name):
        self.stream.pause(name)
        self.pops[name].process.child.kill()
        self.pops[name].process.child.wait()

    def pop_start(self, name):
        """Users come back with its first answer: their expectations are in force at once."""
        self.pops[name].start()
        self.stream.resume(name)

    def agreed(self, pop, counted):
        status = pop.status()
        return (all(e['agreement']['basis'] == 'fleet' and e['agreement']['counted'] == counted for e in status['endpoints']) and
                all(s['complete'] and s['subscribed'] for s in status['sharing']['servers'] if s['reachable']))

    def wait_agreed(self, counted=3, timeout=20, pops=None):
        """Until these PoPs know of `counted` votes on every endpoint, and every server they reach has been read and written."""
        for name in pops or self.pops:
            process.wait_until(lambda: self.agreed(self.pops[name], counted), timeout, name + ' has everybody\'s votes',
                               alive=[self.pops[name].process])

    def status_of(self, pop, index):
        return self.pops[pop].status()['sharing']['servers'][index]

    def wait_server(self, index, wanted, timeout=15, what='reachable'):
        for name in self.pops:
            process.wait_until(lambda: self.status_of(name, index)[what] == wanted, timeout,
                               '%s: redis-%d %s: %s' % (name, index, what, wanted))

    def dropped(self, name):
        """Values that a PoP dropped, all reasons together."""
        return sum(self.pops[name].status()['sharing']['dropped'].values())

    # ---- faults ----

    def wait_settled(self, wanted, bound_s, what, since=None, pops=None):
        since = time.monotonic() if since is None else since
        try:
            latest = process.wait_until(lambda: self.stream.settled(wanted, since, pops), bound_s, what)
        except AssertionError as late:
            raise AssertionError('%s\n%s' % (late, self.last_words())) from None
        return latest - since

    def changes(self, fault, after, bound_s, what, pops=None, through=()):
        """Run the fault (it may return when it happened); the answers must be `after` within bound_s and stay so. On the way they
        may be those of `through`, too."""
        self.stream.expect(either(self.now, after, *through))
        began = time.monotonic()
        happened = fault()
        happened = happened if isinstance(happened, float) else began
        took = self.wait_settled(after, bound_s, what, happened, pops)
        self.stream.expect(after)
        self.now = after
        print('%s: %s: last answer changed after %.2f s (bound %.2f s)' % (self._testMethodName, what, took, bound_s), flush=True)
        self.look()

    def nothing_changes(self, fault, seconds, what):
        """Run the fault, and let users ask for `seconds` more: every answer is the one before."""
        fault()
        time.sleep(seconds)  # nothing is waited for: nothing is to happen
        self.look()
        print('%s: %s: no answer changed in %.0f s' % (self._testMethodName, what, seconds), flush=True)

    # ---- users ----

    def last_words(self):
        return '\n'.join(str(answer) for answer in self.stream.last.values())

    def look(self):
        """No answer was empty, wrong or late."""
        findings = self.stream.findings()
        kinds = {}
        for kind, answer in findings:
            kinds.setdefault(kind, []).append(answer)
        text = '; '.join('%d %s, such as %s' % (len(found), kind, found[0]) for kind, found in kinds.items())
        if findings:
            for change in self.stream.changes[-20:]:
                print('%.3f %s' % (change.received, change))
            self.fail(text)
        for name, pop in self.pops.items():
            if name not in self.stream.paused:
                self.assertTrue(pop.process.alive(), '%s has ended: %s' % (name, pop.process.log()[-2000:]))
        if self.stream.ended:
            print('%s: %s answers, the slowest after %.0f ms' %
                  (self._testMethodName, '+'.join(str(count) for count in self.stream.counts.values()), self.stream.worst * 1000),
                  flush=True)
            self.assertGreater(sum(self.stream.counts.values()), 0)


def meridian(*arguments, env=None):
    return subprocess.run([process.program('meridian'), *arguments], capture_output=True, text=True, timeout=30 * process.SLOW,
                          stdin=subprocess.DEVNULL, env={'PATH': '/usr/bin:/bin', **(env or {})})


def heartbeat(pop, epoch, sequence, ttl_ms=6000):
    return json.dumps({'kind': 'pop', 'subject': pop, 'writer': pop, 'epoch': epoch, 'sequence': sequence, 'ttl_ms': ttl_ms,
                       'at_ms': 1000, 'version': '0.1.0', 'config': '0'})


def vote(pop, endpoint, epoch, sequence, up):
    return json.dumps({'kind': 'probe', 'subject': endpoint, 'writer': pop, 'epoch': epoch, 'sequence': sequence,
                       'ttl_ms': 3600000, 'at_ms': 1000, 'up': up, 'held': False, 'detail': 'a lie'})


def key(*words):
    return ':'.join(('meridian', FLEET) + words)


def main():
    """Run the calling file's cases; say why one was left out; the daemons that still run must end well, too."""
    program = unittest.main(module='__main__', verbosity=2, exit=False, warnings='ignore')  # locks of ports stay open
    for case, reason in program.result.skipped:
        print('SKIP: %s: %s' % (case.id().replace('__main__.', ''), reason))
    well = servers.stop_all() and program.result.wasSuccessful()
    sys.stdout.flush()
    sys.exit(0 if well else 1)
