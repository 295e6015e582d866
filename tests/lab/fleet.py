# fleet.py - demo regions with a meridiand in front: what most end-to-end tests need.
# SPDX-License-Identifier: Apache-2.0
import signal

from process import Process, port, program, wait_until
from servers import Meridian

ZONE = '''$ORIGIN example.com.
$TTL 3600
@        IN SOA ns1 hostmaster %(serial)d 7200 900 1209600 300
@           NS  ns1
ns1         A   127.0.0.1
www         A   192.0.2.80
alias       CNAME api
api         TXT "a service has other records too"
big         TXT "%(big)s" "%(big)s" "%(big)s" "%(big)s" "%(big)s" "%(big)s" "%(big)s" "%(big)s"
'''
# Region: (latitude, longitude, capacity). Clients below are countries whose nearest region leaves no doubt.
REGIONS = {'us-east-1': (39.04, -77.49, 100), 'us-west-2': (45.84, -119.29, 100), 'eu-west-1': (53.33, -6.25, 80),
           'ap-southeast-1': (1.28, 103.85, 60)}
GERMANY, SINGAPORE, BRAZIL, UNITED_STATES = '80.128.0.0/12', '137.132.0.0/16', '143.107.0.0/16', '128.59.0.0/16'
GERMANY6, SINGAPORE6, BRAZIL6, UNITED_STATES6 = '2003::/32', '2406:3003::/32', '2804:14c::/36', '2600:4040::/32'


def write_zone(folder, serial=1, extra=''):
    path = folder / 'example.com.zone'
    temporary = path.with_suffix('.new')
    temporary.write_text(ZONE % {'serial': serial, 'big': 'x' * 250} + extra)
    temporary.rename(path)
    return path


def region_addresses(name):
    """The IPv4 and IPv6 address that stand for a region in answers."""
    number = list(REGIONS).index(name) + 1
    return '127.0.2.%d' % number, '2001:db8:%d::1' % number


def region_of(message):
    """Name of the region that an answer's addresses belong to; None when it has none."""
    for address in message.addresses():
        for name in REGIONS:
            if address in region_addresses(name):
                return name
    return None


def options(http_port=None, services=None, rest='', ramp_s=0):
    """YAML of regions (probed when there is a port) and services."""
    lines = ['regions:']
    for name, (latitude, longitude, capacity) in REGIONS.items():
        ipv4, ipv6 = region_addresses(name)
        lines += ['  - name: %s' % name, '    location: {latitude: %s, longitude: %s}' % (latitude, longitude),
                  '    ramp_s: %d' % ramp_s, '    endpoints:', '      - name: %s-a' % name,
                  '        addresses: [%s, "%s"]' % (ipv4, ipv6), '        capacity_rps: %d' % capacity]
        if http_port:
            lines.append('        probe: {kind: http, url: "http://%s:%d/health", interval_ms: 200, timeout_ms: 100, rise: 2, '
                         'fall: 2}' % (ipv4, http_port))
    lines.append(services or 'services:\n  - {name: api.example.com, ttl_s: 30}')
    return '\n'.join(lines) + '\n' + rest


class Fleet:
    """Four demo regions and one meridiand that probes them."""

    def __init__(self, folder, rest='', **keywords):
        self.folder, self.http_port, self.regions = folder, port(), {}
        for name in REGIONS:
            self.region_start(name)
        self.meridian = Meridian(folder, options(self.http_port, rest=rest), {'example.com': write_zone(folder)}, **keywords)

    def region_start(self, name):
        self.regions[name] = Process(name, [program('demo_region'), name, region_addresses(name)[0], self.http_port], self.folder)

    def region_kill(self, name):
        self.regions[name].stop(signal.SIGKILL)

    def region(self, subnet, name='api.example.com', **keywords):
        """The region that a client of this subnet gets."""
        return region_of(self.meridian.ask(name, ecs=subnet, **keywords))

    def wait_region(self, subnet, accept, timeout, what):
        """Until accept(region) holds for this client."""
        wait_until(lambda: accept(self.region(subnet)), timeout, what, alive=[self.meridian.process])


def plain(folder, **keywords):
    """A meridiand whose regions are not probed: always up. For tests of everything else."""
    rest = keywords.pop('rest', '')
    services = keywords.pop('services', None)
    extra = keywords.pop('zone', '')
    return Meridian(folder, options(services=services, rest=rest), {'example.com': write_zone(folder, extra=extra)}, **keywords)
