# lab.py - an anycast network in namespaces: three PoPs, three regional routers, transit, clients, and cables with delays.
# SPDX-License-Identifier: Apache-2.0
#
#                        core AS64500 (transit; the Redis server stands here)
#             10 ms /      30 ms |       \ 70 ms
#       r-us AS64501 --40 ms-- r-eu AS64502   r-ap AS64503        us and eu are peers
#       5 ms |   | 1 ms      5 ms |  | 1 ms     5 ms |  | 1 ms
#         c-us  pop-us         c-eu pop-eu       c-ap pop-ap      PoPs: AS64496
#
# Customers' routes are preferred to peers', those to transit's, GRACEFUL_SHUTDOWN to nothing; only customers' routes go to peers and
# transit. Regional routers run BIRD, FRR or GoBGP (with FRR's zebra), core runs BIRD. Every session is over IPv4 for IPv4 and over IPv6 for
# IPv6. All is in namespaces of this process's children; nothing leaves the machine.
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import time

import process
import servers
from process import Process, SLOW, program, wait_until

PROBE = pathlib.Path(__file__).resolve().parent / 'probe.py'
ANYCAST4, ANYCAST6 = '192.0.2.53', '2001:db8:53::53'
REGIONS = ('us', 'eu', 'ap')
POP_AS, CORE_AS = 64496, 64500
REGION_AS = {'us': 64501, 'eu': 64502, 'ap': 64503}
CORE_MS = {'us': 10, 'eu': 30, 'ap': 70}
SECRET = 'a-secret-of-the-lab'


def require():
    """Skip where namespaces or TAP devices cannot be made."""
    if os.geteuid() != 0:
        process.skip('network namespaces need root')
    if subprocess.run(['unshare', '--net', 'true'], capture_output=True).returncode != 0:
        process.skip('network namespaces cannot be made here')
    try:
        os.close(os.open('/dev/net/tun', os.O_RDWR))
    except OSError as error:
        process.skip('/dev/net/tun: %s' % error.strerror)


def shipped(name, site):
    """A file of deploy/pop with the site's own words for its examples, {pattern: words}; nothing else of it is changed."""
    text = (process.SOURCE / 'deploy/pop' / name).read_text()
    for pattern, words in site.items():
        text, count = re.subn(pattern, lambda _: words, text, flags=re.M)
        assert count, '%s: nothing like %s' % (name, pattern)
    return text


def shipped_bird(name, site):
    """The same of a BIRD file, whose site is its `define` lines."""
    return shipped(name, {'^define %s = .*;$' % key: 'define %s = %s;' % (key, value) for key, value in site.items()})


class Space:
    """A network namespace, held by a sleeping child."""

    def __init__(self, folder, name):
        self.name, self.folder = name, folder
        self.holder = Process('space-' + name, ['unshare', '--net', 'sleep', '7200'], folder)
        self.path = '/proc/%d/ns/net' % self.holder.pid
        self.prefix = ['nsenter', '--net=' + self.path]
        mine = os.readlink('/proc/self/ns/net')
        wait_until(lambda: os.readlink(self.path) != mine, 10, name + ' has its namespace')
        self.run('ip', 'link', 'set', 'lo', 'up')
        for key in ('net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1', 'net.ipv6.conf.default.accept_dad=0',
                    'net.ipv4.conf.all.rp_filter=0', 'net.ipv4.conf.default.rp_filter=0'):
            self.run('sysctl', '-qw', key)

    def run(self, *words):
        subprocess.run([*self.prefix, *map(str, words)], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


class Resident(servers.Meridian):
    """meridiand in a namespace: port 53, and the admin interface where `meridian` looks for it."""

    def configure(self, options):
        self.port, self.admin_port = 53, 8053
        super().configure(options)

    def command(self, *arguments, timeout=10.0):
        return subprocess.run([*self.prefix, program('meridian'), *arguments], capture_output=True, text=True, timeout=timeout * SLOW)


class Wire:
    """A cable; its ends have the addresses .1 and .2 of a network of its own."""
    count = 0

    def __init__(self, folder, left, right, delay_ms):
        Wire.count += 1
        self.number, self.ends = Wire.count % 250 + 1, (left, right)
        names = ['to-' + right.name, 'to-' + left.name]
        self.child = subprocess.Popen([program('wire'), left.path, names[0], right.path, names[1], str(int(delay_ms * 1000))],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.child.stdout.readline() == 'ready\n', 'no cable %s' % names
        for end, name, last in zip(self.ends, names, (1, 2)):
            end.run('ip', 'link', 'set', name, 'up')
            end.run('ip', 'addr', 'add', '10.9.%d.%d/24' % (self.number, last), 'dev', name)
            end.run('ip', 'addr', 'add', 'fd09:%d::%d/64' % (self.number, last), 'dev', name, 'nodad')

    def address(self, end, family=4):
        last = self.ends.index(end) + 1
        return '10.9.%d.%d' % (self.number, last) if family == 4 else 'fd09:%d::%d' % (self.number, last)

    def tell(self, order):
        self.child.stdin.write(order + '\n')
        self.child.stdin.flush()

    def end(self):
        self.child.kill()
        self.child.wait()
        self.child.stdin.close()
        self.child.stdout.close()


class Session:
    """One BGP session of a router. role: customer, peer, transit; pop: as deploy/pop has it."""

    def __init__(self, wire, here, there, their_as, role):
        self.there, self.their_as, self.role = there, their_as, role
        self.name = 'pop' if role == 'pop' else '%s_%s_' % (role, there.name.replace('-', '_'))
        self.local = {family: wire.address(here, family) for family in (4, 6)}
        self.remote = {family: wire.address(there, family) for family in (4, 6)}


PREFERENCE = {'customer': 200, 'peer': 150, 'transit': 100}


class BirdRouter:
    kind = 'bird'

    def __init__(self, space, own_as, number, sessions, hold_s=90):
        self.space, self.folder = space, space.folder
        self.socket = self.folder / (space.name + '.ctl')
        text = ['router id 10.255.0.%d;' % number, 'protocol device {}', 'protocol direct { ipv4; ipv6; }',
                'protocol bfd { interface "*" { min rx interval 100 ms; min tx interval 100 ms; multiplier 3; }; }']
        for family in (4, 6):
            text.append('protocol kernel kernel%d { ipv%d { export where source != RTS_DEVICE; }; }' % (family, family))
        for role, preference in PREFERENCE.items():
            text.append('filter from_%s { bgp_local_pref = %d; bgp_community.delete([(%d, *)]); bgp_community.add((%d, %d)); '
                        'if (65535, 0) ~ bgp_community then bgp_local_pref = 0; accept; }' % (role, preference, CORE_AS, CORE_AS, preference))
        text.append('filter to_all { if source = RTS_DEVICE then accept; if source != RTS_BGP then reject; accept; }')
        text.append('filter to_peer { if source = RTS_DEVICE then accept; if source != RTS_BGP then reject; '
                    'if (%d, 200) ~ bgp_community || bgp_path ~ [= %d =] then accept; reject; }' % (CORE_AS, POP_AS))
        for session in sessions:
            if session.role == 'pop':
                text.append(shipped_bird('bird.conf', {
                    'POP_AS': POP_AS, 'ROUTER_AS': own_as, 'POP4': session.remote[4], 'ROUTER4': session.local[4], 'POP6': session.remote[6],
                    'ROUTER6': session.local[6], 'ANYCAST4': '[ %s/32 ]' % ANYCAST4, 'ANYCAST6': '[ %s/128 ]' % ANYCAST6,
                    'POP_SECRET': '"%s"' % SECRET}))
                continue
            out = 'to_all' if own_as == CORE_AS else 'to_peer'
            for family in (4, 6):
                text.append('''protocol bgp %s%d {
  local %s as %d; neighbor %s as %d; hold time %d; connect delay time 1; connect retry time 1; error wait time 1, 2;
  ipv%d { import filter from_%s; export filter %s; next hop self; };
}''' % (session.name, family, session.local[family], own_as, session.remote[family], session.their_as, hold_s, family, session.role, out))
        (self.folder / (space.name + '.conf')).write_text('\n'.join(text) + '\n')
        self.sessions = [session.name for session in sessions]
        self.start()

    def start(self):
        self.process = Process('bird-' + self.space.name, [*self.space.prefix, program('bird'), '-f', '-c', self.folder / (self.space.name + '.conf'),
                                                           '-s', self.socket, '-P', self.folder / (self.space.name + '.pid')], self.folder)

    def ask(self, *words):
        return subprocess.run([*self.space.prefix, program('birdc'), '-s', self.socket, *words], capture_output=True, text=True, timeout=30).stdout

    def reset(self, name):
        """End the sessions of this name, and begin them again."""
        for family in (4, 6):
            self.ask('restart', '%s%d' % (name, family))


class FrrRouter:
    """zebra and bgpd of FRR."""
    kind = 'frr'

    def __init__(self, space, own_as, number, sessions, hold_s=90):
        self.space = space
        self.folder = pathlib.Path('/tmp/meridian-frr-%d-%s' % (os.getpid(), space.name))  # its sockets' names may not be long
        self.folder.mkdir(mode=0o755, exist_ok=True)
        lines = ['frr defaults datacenter', 'router bgp %d' % own_as, ' bgp router-id 10.255.0.%d' % number, ' no bgp ebgp-requires-policy',
                 ' no bgp default ipv4-unicast', ' no bgp network import-check', ' timers bgp 30 %d' % hold_s]
        pops = [session for session in sessions if session.role == 'pop']
        others = [session for session in sessions if session.role != 'pop']
        for session in others:
            for family in (4, 6):
                peer = session.remote[family]
                lines += [' neighbor %s remote-as %d' % (peer, session.their_as), ' neighbor %s timers connect 1' % peer,
                          ' neighbor %s advertisement-interval 0' % peer]
        for family in (4, 6):
            lines += [' address-family ipv%d unicast' % family, '  redistribute connected route-map connected']
            for session in others:
                peer = session.remote[family]
                lines += ['  neighbor %s activate' % peer, '  neighbor %s next-hop-self' % peer, '  neighbor %s route-map from_%s in' % (peer, session.role),
                          '  neighbor %s route-map to_peer out' % peer, '  neighbor %s soft-reconfiguration inbound' % peer]
            lines.append(' exit-address-family')
        lines += ['exit', 'bgp community-list standard drained permit graceful-shutdown', 'bgp community-list standard customer permit %d:200' % CORE_AS,
                  'bgp as-path access-list pops permit ^%d$' % POP_AS]
        for role, preference in PREFERENCE.items():
            lines += ['route-map from_%s permit 5' % role, ' match community drained', ' set local-preference 0', ' set community %d:%d additive' % (CORE_AS, preference),
                      'route-map from_%s permit 10' % role, ' set local-preference %d' % preference, ' set community %d:%d' % (CORE_AS, preference)]
        lines += ['route-map connected permit 10', ' set community %d:200' % CORE_AS, 'route-map to_peer permit 10', ' match community customer',
                  'route-map to_peer permit 20', ' match as-path pops', 'route-map to_peer deny 30']
        (self.folder / 'bgpd.conf').write_text('\n'.join(lines) + '\n')
        (self.folder / 'zebra.conf').write_text('ip nht resolve-via-default\n')
        (self.folder / 'bfdd.conf').touch()
        (self.folder / 'pop.conf').write_text(''.join(shipped('frr.conf', {
            r'198\.51\.100\.7': session.remote[4], '2001:db8:7::7': session.remote[6], r'192\.0\.2\.53/32': ANYCAST4 + '/32',
            '2001:db8:53::53/128': ANYCAST6 + '/128', '64501': str(own_as), '64496': str(POP_AS), 'a-word-without-spaces': SECRET})
            for session in pops))
        subprocess.run(['chown', '-R', 'frr:frr', self.folder], check=True)
        self.daemons = [('zebra', ['-n']), ('bgpd', []), ('bfdd', [])]
        self.sessions = sessions
        self.start()

    def start(self):
        self.processes = []
        for name, more in self.daemons:
            self.processes.append(Process('%s-%s' % (name, self.space.name), [
                *self.space.prefix, '/usr/lib/frr/' + name, '-z', self.folder / 'zserv', '-i', self.folder / (name + '.pid'), '--vty_socket', self.folder,
                '-f', self.folder / (name + '.conf'), '-P', '0', '--log', 'file:%s' % (self.folder / (name + '.log')),
                *(['--bfdctl', self.folder / 'bfdd.sock'] if name == 'bfdd' else [])], self.space.folder))
            wait_until(lambda: (self.folder / (name + '.vty')).exists(), 10, name + ' answers', alive=self.processes)
        added = subprocess.run([*self.space.prefix, 'vtysh', '--vty_socket', self.folder, '-f', self.folder / 'pop.conf'], capture_output=True, text=True,
                               timeout=30)
        assert added.returncode == 0, added.stdout + added.stderr

    def ask(self, *words):
        return subprocess.run([*self.space.prefix, 'vtysh', '--vty_socket', self.folder, '-c', ' '.join(words)], capture_output=True, text=True,
                              timeout=30).stdout

    def reset(self, name):
        for session in self.sessions:
            if session.name == name:
                for family in (4, 6):
                    self.ask('clear bgp', session.remote[family])


ROUTERS = {'bird': BirdRouter, 'frr': FrrRouter}


class Probe:
    """A client's questions, 100 a second and family; every one with who answered it and when."""

    def __init__(self, space, folder, name='api.example.com', linger_s=1.0):
        self.out = folder / ('probe-%s.json' % space.name)
        self.out.unlink(missing_ok=True)
        self.process = Process('probe-' + space.name, [*space.prefix, sys.executable, '-B', PROBE, self.out, name, linger_s, ANYCAST4, ANYCAST6], folder)

    def end(self):
        """{family: [(sent, received or None, PoP or None)]}, in seconds of time.monotonic."""
        self.process.stop(timeout=10)
        return {int(family): rows for family, rows in json.loads(self.out.read_text()).items()}


class RouteWatch:
    """When a router's kernel route to the anycast addresses changed."""

    def __init__(self, space, folder):
        self.path = folder / ('routes-%s.txt' % space.name)
        self.offset = time.time() - time.monotonic()
        self.file = open(self.path, 'wb')
        self.child = subprocess.Popen([*space.prefix, 'ip', '-tshort', '-o', 'monitor', 'route'], stdout=self.file, stdin=subprocess.DEVNULL)

    def first_change(self, since, family=4):
        """Seconds after `since` (time.monotonic); None."""
        for line in self.path.read_text().splitlines():
            if not line.startswith('[') or (ANYCAST4 if family == 4 else ANYCAST6) not in line:
                continue
            at = datetime.datetime.fromisoformat(line[1:line.index(']')]).timestamp() - self.offset
            if at >= since:
                return at - since
        return None

    def end(self):
        self.child.kill()
        self.child.wait()
        self.file.close()


class Lab:
    def __init__(self, folder, kind='bird'):
        self.folder, self.kind = folder, kind
        self.spaces = {name: Space(folder, name) for name in ['core'] + [side + '-' + region for region in REGIONS for side in ('r', 'pop', 'c')]}
        self.wires, sessions = {}, {name: [] for name in ('core', 'r-us', 'r-eu', 'r-ap')}
        for region in REGIONS:
            router = 'r-' + region
            self.wire('core', router, CORE_MS[region])
            self.wire(router, 'pop-' + region, 1)
            self.wire(router, 'c-' + region, 5)
            sessions['core'].append(self.session('core', router, REGION_AS[region], 'customer'))
            sessions[router].append(self.session(router, 'core', CORE_AS, 'transit'))
            sessions[router].append(self.session(router, 'pop-' + region, POP_AS, 'pop'))
        self.wire('r-us', 'r-eu', 40)
        sessions['r-us'].append(self.session('r-us', 'r-eu', REGION_AS['eu'], 'peer'))
        sessions['r-eu'].append(self.session('r-eu', 'r-us', REGION_AS['us'], 'peer'))
        for region in REGIONS:
            for end in ('pop-', 'c-'):
                space, wire = self.spaces[end + region], self.wires['r-' + region, end + region]
                for family in (4, 6):
                    space.run('ip', '-%d' % family, 'route', 'add', 'default', 'via', wire.address(self.spaces['r-' + region], family))
            for address in (ANYCAST4 + '/32', ANYCAST6 + '/128'):
                self.spaces['pop-' + region].run('ip', 'addr', 'add', address, 'dev', 'lo', *(['nodad'] if ':' in address else []))
        self.routers = {'core': BirdRouter(self.spaces['core'], CORE_AS, 1, sessions['core'])}
        for number, region in enumerate(REGIONS, 2):
            self.routers['r-' + region] = ROUTERS[kind](self.spaces['r-' + region], REGION_AS[region], number, sessions['r-' + region])

    def wire(self, left, right, delay_ms):
        self.wires[left, right] = self.wires[right, left] = Wire(self.folder, self.spaces[left], self.spaces[right], delay_ms)

    def session(self, here, there, their_as, role):
        return Session(self.wires[here, there], self.spaces[here], self.spaces[there], their_as, role)

    def neighbors(self, region):
        """Addresses of the PoP's router: IPv4, IPv6."""
        wire, router = self.wires['r-' + region, 'pop-' + region], self.spaces['r-' + region]
        return wire.address(router, 4), wire.address(router, 6)

    def end(self):
        for wire in set(self.wires.values()):
            wire.end()
        process.end_all()
