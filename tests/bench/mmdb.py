#!/usr/bin/env python3
# mmdb.py - location databases for the load test: writes a synthetic one of a realistic size, lists the networks of any.
# SPDX-License-Identifier: Apache-2.0
"""mmdb.py write OUTPUT.mmdb LIST COUNT [SPLIT]   2.5 million IPv4 networks; LIST gets COUNT of them with their regions
mmdb.py sample DATABASE.mmdb LIST SOURCES     600 subnets /24, half of them in the database; 32 client addresses

A line of LIST is "network/length region", by the rule that gdnsd and Meridian are both configured with (region_of).
Format: https://maxmind.github.io/MaxMind-DB/."""
import array
import ipaddress
import random
import struct
import sys

MARK = b'\xab\xcd\xefMaxMind.com'
WEST = {'WA', 'OR', 'CA', 'NV', 'ID', 'UT', 'AZ'}
SUBDIVISIONS = {'US': sorted(WEST | {'NY', 'TX', 'FL', 'VA', 'OH', 'GA', 'IL', 'PA', 'MA', 'NJ', 'CO', 'MN', 'MI'})}
COUNTRIES = {'NA': ['US', 'CA', 'MX'], 'SA': ['BR', 'AR', 'CL'], 'AF': ['ZA', 'NG', 'EG'], 'OC': ['AU', 'NZ'],
             'EU': ['GB', 'DE', 'FR', 'SE', 'IE', 'PL', 'ES', 'IT'], 'AS': ['IN', 'CN', 'JP', 'SG', 'KR', 'ID']}
SHARES = {'NA': 40, 'EU': 25, 'AS': 22, 'SA': 7, 'AF': 3, 'OC': 3}
CITIES = 12            # of each subdivision
SPLIT_FROM = 13        # prefixes shorter than this are always split, and one country holds each of this length
SPLIT = 0.837          # then with this probability, down to /24: 2.5 million networks; with 0.6 it is 110,000


def region_of(continent, country, subdivision):
    if country == 'US' and subdivision in WEST:
        return 'us-west-2'
    return {'EU': 'eu-west-1', 'AF': 'eu-west-1', 'AS': 'ap-southeast-1', 'OC': 'ap-southeast-1'}.get(continent, 'us-east-1')


# Writing.

def control(kind, size):
    first, extended = (kind << 5, b'') if kind < 8 else (0, bytes([kind - 7]))
    if size < 29:
        return bytes([first | size]) + extended
    if size < 285:
        return bytes([first | 29]) + extended + bytes([size - 29])
    return bytes([first | 30]) + extended + struct.pack('>H', size - 285)


def encode(value):
    """Bytes of a map, list, text or double; (kind, number) is an unsigned integer of that kind."""
    if isinstance(value, dict):
        return control(7, len(value)) + b''.join(encode(key) + encode(item) for key, item in value.items())
    if isinstance(value, list):
        return control(11, len(value)) + b''.join(map(encode, value))
    if isinstance(value, str):
        return control(2, len(value.encode())) + value.encode()
    if isinstance(value, float):
        return control(3, 8) + struct.pack('>d', value)
    kind, number = value
    size = (number.bit_length() + 7) // 8
    return control(kind, size) + number.to_bytes(size, 'big')


class Places:
    """The data section: every city once."""

    def __init__(self, rng):
        self.data, self.by_country = bytearray(), {}
        for continent, countries in COUNTRIES.items():
            for country in countries:
                for subdivision in SUBDIVISIONS.get(country, ['S%d' % n for n in range(10)]):
                    for city in range(CITIES):
                        entry = len(self.data), region_of(continent, country, subdivision)
                        self.by_country.setdefault((continent, country), []).append(entry)
                        self.data += self.record(rng, continent, country, subdivision, city)

    @staticmethod
    def record(rng, continent, country, subdivision, city):
        names = lambda text: {language: '%s (%s)' % (text, language) for language in ('de', 'en', 'es', 'fr', 'ja', 'ru')}
        number = lambda: (6, rng.randrange(1, 1 << 24))
        return encode({
            'city': {'geoname_id': number(), 'names': names('%s-%s city %d' % (country, subdivision, city))},
            'continent': {'code': continent, 'geoname_id': number(), 'names': names(continent)},
            'country': {'geoname_id': number(), 'iso_code': country, 'names': names(country)},
            'location': {'accuracy_radius': (5, 50), 'latitude': rng.uniform(-55.0, 70.0), 'longitude': rng.uniform(-180.0, 180.0)},
            'subdivisions': [{'geoname_id': number(), 'iso_code': subdivision, 'names': names(subdivision)}]})


def write(output, list_path, count, split):
    rng = random.Random(20261124)
    places = Places(rng)
    left, right = array.array('q'), array.array('q')  # a node's number, -1: empty, below that: -2 - offset of a place
    networks = []
    continents, shares = list(SHARES), list(SHARES.values())

    def node():
        left.append(-1)
        right.append(-1)
        return len(left) - 1

    def grow(prefix, length, cities):
        if length == SPLIT_FROM:
            continent = rng.choices(continents, shares)[0]
            cities = places.by_country[continent, rng.choice(COUNTRIES[continent])]
        if length == 24 or length >= SPLIT_FROM and rng.random() > split:
            offset, region = rng.choice(cities)
            networks.append((prefix, length, region))
            return -2 - offset
        here = node()
        left[here] = grow(prefix, length + 1, cities)
        right[here] = grow(prefix | 1 << (31 - length), length + 1, cities)
        return here

    def reserved(prefix, length):
        first, last = prefix >> 24, (prefix | (1 << (32 - length)) - 1) >> 24
        return all(octet in (0, 10, 127) or octet >= 224 for octet in range(first, last + 1))

    def grow_top(prefix, length):
        """The first 8 bits; what is reserved stays empty."""
        if reserved(prefix, length):
            return -1
        if length == 8:
            return grow(prefix, 8, None)
        here = node()
        left[here] = grow_top(prefix, length + 1)
        right[here] = grow_top(prefix | 1 << (31 - length), length + 1)
        return here

    for depth in range(96):  # IPv4 lies at ::/96
        node()
    for depth in range(95):
        left[depth] = depth + 1
    left[95] = grow_top(0, 0)
    total = len(left)
    record = lambda value: value if value >= 0 else total if value == -1 else total + 16 - 2 - value
    tree = array.array('I', (record(side[n]) for n in range(total) for side in (left, right)))
    tree.byteswap()
    metadata = {'node_count': (6, total), 'record_size': (5, 32), 'ip_version': (5, 6), 'database_type': 'GeoIP2-City',
                'languages': ['en'], 'binary_format_major_version': (5, 2), 'binary_format_minor_version': (5, 0),
                'build_epoch': (9, 1790000000), 'description': {'en': 'synthetic, for load tests'}}
    with open(output, 'wb') as out:
        out.write(tree.tobytes() + bytes(16) + places.data + MARK + encode(metadata))
    with open(list_path, 'w') as out:
        for prefix, length, region in rng.sample(networks, count):
            out.write('%s/%d %s\n' % (ipaddress.ip_address(prefix), length, region))
    print('%s: %d networks, %d bytes' % (output, len(networks), 8 * total + len(places.data)))


# Reading.

class Database:
    def __init__(self, path):
        with open(path, 'rb') as file:
            self.bytes = file.read()
        self.meta, _ = self.decode(self.bytes.rindex(MARK) + len(MARK), self.bytes.rindex(MARK) + len(MARK))
        self.count, self.size = self.meta['node_count'], self.meta['record_size']
        self.base = self.count * self.size // 4 + 16

    def decode(self, at, base):
        byte = self.bytes[at]
        kind, size, at = byte >> 5, byte & 31, at + 1
        if kind == 1:
            extra = (size >> 3) + 1
            high = 0 if extra == 4 else size & 7
            value = int.from_bytes(self.bytes[at:at + extra], 'big') + (high << 8 * extra) + {2: 2048, 3: 526336}.get(extra, 0)
            return self.decode(base + value, base)[0], at + extra
        if kind == 0:
            kind, at = self.bytes[at] + 7, at + 1
        if size >= 29:
            extra = size - 28
            size = int.from_bytes(self.bytes[at:at + extra], 'big') + {1: 29, 2: 285, 3: 65821}[extra]
            at += extra
        if kind == 7:
            result = {}
            for _ in range(size):
                key, at = self.decode(at, base)
                result[key], at = self.decode(at, base)
            return result, at
        if kind == 11:
            result = []
            for _ in range(size):
                item, at = self.decode(at, base)
                result.append(item)
            return result, at
        if kind == 14:
            return bool(size), at
        data = self.bytes[at:at + size]
        if kind == 2:
            return data.decode(), at + size
        if kind == 3:
            return struct.unpack('>d', data)[0], at + size
        return int.from_bytes(data, 'big'), at + size

    def children(self, node):
        at = node * self.size // 4
        if self.size == 28:
            middle = self.bytes[at + 3]
            return (int.from_bytes(self.bytes[at:at + 3], 'big') | (middle & 0xf0) << 20,
                    int.from_bytes(self.bytes[at + 4:at + 7], 'big') | (middle & 0x0f) << 24)
        width = self.size // 8
        return int.from_bytes(self.bytes[at:at + width], 'big'), int.from_bytes(self.bytes[at + width:at + 2 * width], 'big')

    def networks(self):
        """(network, record) of IPv4."""
        node = 0
        for _ in range(96 if self.meta['ip_version'] == 6 else 0):
            node = self.children(node)[0]
        stack = [(node, 0, 0)]
        while stack:
            node, prefix, length = stack.pop()
            if node > self.count:
                yield ipaddress.ip_network((prefix, length)), self.decode(node - self.count - 16 + self.base, self.base)[0]
            elif node < self.count:
                zero, one = self.children(node)
                stack += [(one, prefix | 1 << (31 - length), length + 1), (zero, prefix, length + 1)]


def sample(database, list_path, sources_path):
    rng = random.Random(20261124)
    known = []
    for network, record in Database(database).networks():
        subdivisions = record.get('subdivisions') or [{}]
        known.append((network, region_of(record.get('continent', {}).get('code'), record.get('country', {}).get('iso_code'),
                                         subdivisions[0].get('iso_code'))))
    inside = [(subnet, region) for network, region in known if network.prefixlen <= 24 for subnet in network.subnets(new_prefix=24)]
    lines = rng.choices(inside, k=300)
    while len(lines) < 600:
        subnet = ipaddress.ip_network((rng.randrange(1 << 16, 224 << 16) << 8, 24))
        if not subnet.is_loopback and not any(network.overlaps(subnet) for network, _ in known):
            lines.append((subnet, 'us-east-1'))
    rng.shuffle(lines)
    with open(list_path, 'w') as out:
        out.writelines('%s %s\n' % line for line in lines)
    with open(sources_path, 'w') as out:
        out.writelines('%s\n' % (subnet.network_address + 77) for subnet, _ in lines[:32])


if __name__ == '__main__':
    sys.setrecursionlimit(10000)
    if len(sys.argv) in (5, 6) and sys.argv[1] == 'write':
        write(sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]) if len(sys.argv) == 6 else SPLIT)
    elif len(sys.argv) == 5 and sys.argv[1] == 'sample':
        sample(*sys.argv[2:])
    else:
        sys.exit(__doc__)
