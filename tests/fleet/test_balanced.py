#!/usr/bin/env python3
# test_balanced.py - `balanced` live: three PoPs, Redis, regions that tell their load, clients behind caching resolvers.
# SPDX-License-Identifier: Apache-2.0
#
# Most clients are nearer to the two regions in the west of Europe and the east of America than these have room for. After five TTLs no region has
# more than it can take; then one is killed at peak, and the same holds again. The simulator, told the same world, comes to the same loads.
import csv
import ipaddress
import json
import subprocess
import time
import unittest

import stage  # noqa: F401: sets the path
import fleet
import process
import servers
from crowd import Crowd
from redis_server import RedisServer

TTL_S, INTERVAL_MS = 10, 1000
REGIONS = {'us-east-1': (39.04, -77.49, 60), 'us-west-2': (45.84, -119.29, 55), 'eu-west-1': (53.33, -6.25, 60),
           'ap-southeast-1': (1.28, 103.85, 25)}
DIES = 'ap-southeast-1'
POPS = {'pop-eu': (52.37, 4.90), 'pop-us': (40.71, -74.01), 'pop-ap': (1.35, 103.82)}
# Places of clients and their parts of 60: two thirds are in Europe. Each part is four blocks, of those by which answers are split.
PLACES = ((51.5, -0.1, 'GB', 14), (48.9, 2.4, 'FR', 10), (52.5, 13.4, 'DE', 9), (40.4, -3.7, 'ES', 7), (40.7, -74.0, 'US', 8),
          (34.1, -118.2, 'US', 5), (1.35, 103.8, 'SG', 4), (35.7, 139.7, 'JP', 3))
LOAD = 0.8
RATE = LOAD * sum(capacity for _, _, capacity in REGIONS.values())
NOISE = 1.03        # paced requests over ten seconds, and the second of a kill
SETTLING_S = 5 * TTL_S + 5  # and until the first loads are known, or the dead are
WINDOW_S = 10


def address(region):
    return '127.0.40.%d' % (1 + list(REGIONS).index(region))


def nearest_pop(latitude, longitude):
    return min(POPS, key=lambda name: (POPS[name][0] - latitude) ** 2 + (POPS[name][1] - longitude) ** 2)


def pins():
    """(prefix, latitude, longitude, country) of each place: 64 blocks of /20."""
    return [('10.%d.0.0/14' % (4 * i), latitude, longitude, country) for i, (latitude, longitude, country, _) in enumerate(PLACES)]


def clients(resolvers):
    """(subnet, resolver) of a client in each block, well mixed."""
    out = []
    for i, (latitude, longitude, _, count) in enumerate(PLACES):
        out += [('10.%d.%d.0/24' % (4 * i + k // 16, 16 * (k % 16)), resolvers[nearest_pop(latitude, longitude)]) for k in range(4 * count)]
    return [out[i * 7 % len(out)] for i in range(len(out))]  # 7 and 240 have no common factor


class Balanced(unittest.TestCase):
    def setUp(self):
        self.folder = process.directory('fleet-balanced')
        self.http_port = process.port()
        self.regions = {name: process.Process(name, [process.program('demo_region'), name, address(name), self.http_port], self.folder)
                        for name in REGIONS}
        self.write_geoip()
        self.redis = RedisServer(self.folder, 'redis-0')
        self.zone = fleet.write_zone(self.folder)
        self.pops = {name: self.pop_open(name) for name in POPS}
        for pop in self.pops.values():
            pop.wait_ready(20)
        resolvers = {name: self.resolver_open(name, pop) for name, pop in self.pops.items()}
        self.addCleanup(process.end_all)
        self.crowd = Crowd('api.example.com', clients(resolvers), self.http_port, RATE)
        self.addCleanup(self.crowd.stop)

    def options(self):
        lines = ['fleet: balanced', 'regions:']
        for name, (latitude, longitude, capacity) in REGIONS.items():
            url = 'http://%s:%d' % (address(name), self.http_port)
            lines += ['  - name: ' + name, '    location: {latitude: %s, longitude: %s}' % (latitude, longitude), '    ramp_s: 0',
                      '    endpoints:', '      - name: %s-a' % name, '        addresses: [%s]' % address(name),
                      '        capacity_rps: %d' % capacity,
                      '        probe: {kind: http, url: "%s/health", interval_ms: 500, timeout_ms: 400, rise: 2, fall: 3}' % url,
                      '        load: {url: "%s/metrics", interval_ms: %d, requests: demo_requests_total, running: '
                      'demo_requests_running}' % (url, INTERVAL_MS)]
        lines += ['services:', '  - {name: api.example.com, ttl_s: %d, ttl_min_s: %d}' % (TTL_S, TTL_S), 'pins:']
        lines += ['  - {prefix: %s, place: {latitude: %s, longitude: %s, country: %s}}' % pin for pin in pins()]
        lines += ['geo: {text_ipv4: "%s", text_ipv6: "%s"}' % (self.folder / 'geoip', self.folder / 'geoip6')]  # none but these have clients
        lines += ['policies:', '  - {name: default, steering: balanced, processing_weight: 0}']  # a busy machine makes nobody slow
        return '\n'.join(lines) + '\n'

    def write_geoip(self):
        first = ipaddress.ip_address('10.0.0.0')
        (self.folder / 'geoip').write_text(''.join('%d,%d,%s\n' % (int(first) + (4 * i << 16), int(first) + (4 * (i + 1) << 16) - 1, country)
                                                   for i, (_, _, country, _) in enumerate(PLACES)))
        (self.folder / 'geoip6').write_text('2001:db8::,2001:db8:ffff:ffff:ffff:ffff:ffff:ffff,GB\n')

    def pop_open(self, name):
        folder = self.folder / name
        folder.mkdir()
        state = 'state:\n  redis: [{address: "%s@%d"}]\n' % (self.redis.address, self.redis.port)
        return servers.Meridian(folder, self.options() + state, {'example.com': self.zone}, name=name, wait=False,
                                pop='name: %s, location: {latitude: %s, longitude: %s}' % (name, *POPS[name]))

    def resolver_open(self, name, pop):
        """An unbound that keeps what its PoP answers, by client subnet."""
        folder = self.folder / ('unbound-' + name)
        folder.mkdir()
        return servers.start_unbound(folder, pop.port, True, 'unbound-' + name)[1]

    # ---- what is seen ----

    def loads(self):
        """Requests a second by region over the last window."""
        by_address = self.crowd.shares(WINDOW_S)
        return {name: by_address.get(address(name), 0) for name in REGIONS}

    def nobody_is_over(self, windows, dead=()):
        """Window by window. Returns the mean loads."""
        sums = dict.fromkeys(REGIONS, 0)
        for _ in range(windows):
            time.sleep(WINDOW_S)
            loads = self.loads()
            print('  ' + '  '.join('%s %.0f/%d' % (name, load, REGIONS[name][2]) for name, load in loads.items()), flush=True)
            for name, load in loads.items():
                self.assertLessEqual(load, 0 if name in dead else NOISE * REGIONS[name][2], name)
                sums[name] += load / windows
        self.assertAlmostEqual(sum(sums.values()), RATE, delta=0.05 * RATE)  # or the machine could not keep up, and nothing is shown
        return sums

    def explain(self, subnet):
        pop = self.pops['pop-eu']
        status, body = pop.http('/explain?name=api.example.com&client=%s&type=A' % subnet.replace('/', '%2F'))
        self.assertEqual(status, 200, body)
        return json.loads(body)

    def simulated_loads(self):
        """Mean loads of the same world in the simulator, when all has settled."""
        (self.folder / 'world.yaml').write_text('zones:\n  - {origin: example.com, file: %s}\n' % self.zone + self.options())
        with (self.folder / 'places.csv').open('w') as file:
            writer = csv.writer(file)
            writer.writerow(('city', 'country', 'lat', 'lon', 'users', 'weight'))
            writer.writerows((country, country, latitude, longitude, count, count / 60) for latitude, longitude, country, count in PLACES)
        scenario = dict(world='world.yaml', duration_s=300, tick_ms=500, clients=dict(places='places.csv'), demand=dict(rps=RATE),
                        events=[dict(at_s=0, kind='claim', regions=list(REGIONS), processing_ms=0.1)],  # demo regions have no queue
                        reports=dict(lag_s=1, interval_s=INTERVAL_MS / 1000),
                        pops=[dict(name=name, location=dict(latitude=place[0], longitude=place[1])) for name, place in POPS.items()])
        (self.folder / 'scenario.yaml').write_text(json.dumps(scenario))
        done = subprocess.run([process.program('meridian'), 'simulate', str(self.folder / 'scenario.yaml'), '--json'],
                              capture_output=True, text=True, timeout=100)
        self.assertEqual(done.returncode, 0, done.stderr)
        series = json.loads(done.stdout)['series']
        last = range(len(series['t_s']) // 2, len(series['t_s']))
        return {region['name']: sum(region['load_rps'][i] for i in last) / len(last) for region in series['regions']}

    def test_no_region_has_more_than_it_can_take(self):
        time.sleep(SETTLING_S)
        begin = int(time.monotonic())
        live = self.nobody_is_over(4)
        nearest = sum(count for *_, country, count in PLACES if country in ('GB', 'FR', 'DE', 'ES')) / 60 * RATE
        self.assertGreater(nearest, 1.2 * REGIONS['eu-west-1'][2], 'this world would fit by itself, and shows nothing')
        self.assertEqual(self.crowd.failures(begin), 0)
        self.say_why()

        simulated = self.simulated_loads()
        print('  simulated: ' + '  '.join('%s %.0f' % item for item in simulated.items()), flush=True)
        for name, load in live.items():
            self.assertAlmostEqual(load, simulated[name], delta=0.2 * REGIONS[name][2], msg=name)

        self.regions[DIES].stop(9)
        time.sleep(SETTLING_S)
        begin = int(time.monotonic())
        self.nobody_is_over(4, dead=(DIES,))
        self.assertEqual(self.crowd.failures(begin), 0)

    def say_why(self):
        """Explain shows the price of the full region, the probabilities, and the reason for a client's region."""
        said = self.explain('10.0.0.0/24')
        regions = {region['region']: region for region in said['regions']}
        print('  explain 10.0.0.0/24: ' + json.dumps({name: dict(price=region['price_ms'], share=region['share_permille'])
                                                      for name, region in regions.items()}), flush=True)
        self.assertGreater(regions['eu-west-1']['price_ms'], 0)
        self.assertEqual(sum(region['share_permille'] for region in regions.values()), 1000)
        text = self.pops['pop-eu'].command('explain', 'api.example.com', '--client', '10.0.0.0/24')
        self.assertEqual(text.returncode, 0, text.stderr)
        self.assertIn('PRICE', text.stdout)
        self.assertIn("by the hash of the client's block", text.stdout)


if __name__ == '__main__':
    unittest.main(verbosity=2)
