# servers.py - starts meridiand, NSD and Knot on loopback, each with its own port and directory.
# SPDX-License-Identifier: Apache-2.0
import json
import os
import signal
import subprocess
import urllib.error
import urllib.request

import dns
from process import Process, SLOW, port, program, wait_until

LOOPBACK = '127.0.0.1'


def answers(server):
    """Does somebody answer DNS there? Any answer counts. For wait_until."""
    return dns.udp_exchange(server, dns.question('.', 'SOA'), timeout=0.2) is not None


def serves(server, origin):
    """Does it answer for this zone with authority?"""
    data = dns.udp_exchange(server, dns.question(origin, 'SOA'), timeout=0.2)
    return data is not None and dns.Message(data).flag('AA')


daemons = []  # every Meridian of this test; stop_all


def stop_all():
    """End every daemon that still runs as an operator would. False when one did not end well."""
    return all([meridian.stop() == 0 for meridian in daemons if meridian.process.alive()])


class Meridian:
    """One meridiand. `options` is YAML appended to what is common; what `zones` maps (origin: path) comes first. `pop`: members
    of that mapping. `prefix`: words before the program, such as those that enter a network namespace."""

    def __init__(self, folder, options='', zones=None, listen=None, name='meridiand', admin=True, wait=True, env=None, workers=1,
                 pop='name: pop-test', prefix=()):
        self.folder, self.port, self.admin_port = folder, port(), port() if admin else 0
        self.name, self.members, self.env, self.prefix = name, pop, env, list(prefix)
        self.listen = listen or [LOOPBACK]
        self.server = (LOOPBACK, self.port)
        self.config_path = folder / 'meridian.yaml'
        self.workers, self.zones = workers, zones or {}
        self.configure(options)
        daemons.append(self)
        self.start()
        if wait:
            self.wait_ready()

    def start(self):
        """Also again, after its end, with the same ports."""
        self.process = Process(self.name, self.prefix + [program('meridiand'), '--config', self.config_path], self.folder,
                               env=self.env)
        self.pid = self.process.pid

    def configure(self, options):
        """Write the configuration file; the running daemon hears of it by a reload only."""
        lines = ['pop: {%s}' % self.members, 'workers: %d' % self.workers,
                 'listen: [%s]' % ', '.join('"%s@%d"' % (address, self.port) for address in self.listen),
                 'admin: {listen: %s}' % ('"%s@%d"' % (LOOPBACK, self.admin_port) if self.admin_port else 'none')]
        if self.zones:
            lines.append('zones:')
            lines += ['  - {origin: "%s", file: "%s"}' % (origin, path) for origin, path in self.zones.items()]
        temporary = self.config_path.with_suffix('.new')
        temporary.write_text('\n'.join(lines) + '\n' + options)
        os.replace(temporary, self.config_path)

    def wait_ready(self, timeout=10.0):
        """Until it answers DNS and, a moment later, its admin interface says that every worker does."""
        wait_until(lambda: answers(self.server) and (not self.admin_port or self.healthy()), timeout, 'meridiand answers',
                   alive=[self.process])

    def healthy(self):
        try:
            return self.http('/healthz')[0] == 200
        except urllib.error.URLError:
            return False

    def ask(self, name, qtype='A', ecs=None, edns=None, transport='udp', server=None, **keywords):
        """A parsed answer; silence is a failure. ecs: 'ADDRESS/LENGTH'; edns: payload size."""
        query = dns.question(name, qtype, **keywords)
        if ecs or edns:
            query = dns.with_edns(query, edns or 1232, [dns.ecs_option(ecs)] if ecs else [])
        exchange = dns.udp_exchange if transport == 'udp' else dns.tcp_exchange
        data = exchange(server or self.server, query, timeout=2.0 * SLOW)
        assert data is not None, 'no answer for %s %s by %s' % (name, qtype, transport)
        return dns.Message(data)

    def command(self, *arguments, timeout=10.0):
        """Run `meridian ARGUMENTS --admin ...`; a CompletedProcess with text output."""
        return subprocess.run([program('meridian'), *arguments, '--admin', '%s@%d' % (LOOPBACK, self.admin_port)],
                              capture_output=True, text=True, timeout=timeout * SLOW, stdin=subprocess.DEVNULL)

    def http(self, path, body=None, timeout=5.0):
        """(status code, text) of the admin interface. A body makes it a POST."""
        url = 'http://%s:%d%s' % (LOOPBACK, self.admin_port, path)
        request = urllib.request.Request(url, data=None if body is None else body.encode())
        try:
            with urllib.request.urlopen(request, timeout=timeout * SLOW) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def status(self):
        code, text = self.http('/status')
        assert code == 200, 'status: %d %s' % (code, text)
        return json.loads(text)

    def metrics(self):
        """Samples by their name and labels as written."""
        code, text = self.http('/metrics')
        assert code == 200, 'metrics: %d %s' % (code, text)
        return {line.rpartition(' ')[0]: float(line.rpartition(' ')[2]) for line in text.splitlines()
                if line and not line.startswith('#')}

    def reload(self):
        self.process.send(signal.SIGHUP)

    def stop(self, timeout=10.0):
        """SIGTERM; the exit status. What it said last is printed when that is not 0: a sanitizer speaks there."""
        status = self.process.stop(timeout=timeout)
        if status != 0:
            print('meridiand ended with %d:\n%s' % (status, self.process.log()[-6000:]))
        return status


def start_nsd(folder, zones, identity):
    number = port()
    text = ['server:', '  ip-address: %s@%d' % (LOOPBACK, number), '  server-count: 1', '  username: ""', '  chroot: ""',
            '  zonesdir: "%s"' % folder, '  database: ""', '  pidfile: "%s/nsd.pid"' % folder,
            '  xfrdfile: "%s/xfrd.state"' % folder, '  zonelistfile: "%s/zone.list"' % folder, '  xfrdir: "%s"' % folder,
            '  logfile: "%s/nsd.text"' % folder, '  identity: "%s"' % identity, '  nsid: "ascii_%s"' % identity,
            '  hide-version: yes', '  refuse-any: no', '  ipv4-edns-size: 1232', '  ipv6-edns-size: 1232', '  rrl-ratelimit: 0',
            '  rrl-whitelist-ratelimit: 0', 'remote-control:', '  control-enable: no']
    for origin, path in zones.items():
        text += ['zone:', '  name: "%s"' % origin, '  zonefile: "%s"' % path]
    (folder / 'nsd.conf').write_text('\n'.join(text) + '\n')
    process = Process('nsd', [program('nsd'), '-d', '-c', folder / 'nsd.conf'], folder)
    server = (LOOPBACK, number)
    wait_until(lambda: all(serves(server, origin) for origin in zones), 10, 'NSD has its zones', alive=[process])
    return process, server


def start_knot(folder, zones, identity):
    number = port()
    text = ['server:', '  rundir: "%s"' % folder, '  listen: [%s@%d]' % (LOOPBACK, number), '  identity: "%s"' % identity,
            '  version: ""', '  nsid: "%s"' % identity, '  udp-max-payload: 1232', '  udp-workers: 1', '  tcp-workers: 1',
            '  background-workers: 1', 'database:', '  storage: "%s"' % folder, 'log:', '  - target: stderr', '    any: warning',
            'template:', '  - id: default', '    storage: "%s"' % folder, '    semantic-checks: off', '    journal-content: none',
            '    zonefile-sync: -1', '    zonefile-load: whole', 'zone:']
    for origin, path in zones.items():
        text += ['  - domain: "%s"' % origin, '    file: "%s"' % path]
    (folder / 'knot.conf').write_text('\n'.join(text) + '\n')
    process = Process('knotd', [program('knotd'), '-c', folder / 'knot.conf', '-s', folder / 'knot.sock'], folder)
    server = (LOOPBACK, number)
    wait_until(lambda: answers(server), 10, 'Knot answers', alive=[process])
    wait_until(lambda: all(serves(server, origin) for origin in zones), 10, 'Knot has its zones', alive=[process])
    return process, server


def start_unbound(folder, stub_port, subnets, name='unbound'):
    """A caching resolver that asks 127.0.0.1@stub_port for example.com, with its clients' subnets or without."""
    number = port()
    text = ['server:', '  interface: %s' % LOOPBACK, '  port: %d' % number, '  do-daemonize: no', '  username: ""', '  chroot: ""',
            '  directory: "%s"' % folder, '  pidfile: "%s/unbound.pid"' % folder, '  use-syslog: no', '  do-not-query-localhost: no',
            '  access-control: 127.0.0.0/8 allow', '  module-config: "%siterator"' % ('subnetcache ' if subnets else ''),
            '  num-threads: 1', '  cache-min-ttl: 0', '  qname-minimisation: yes', '  local-zone: "example.com." nodefault',
            '  domain-insecure: "example.com."']
    if subnets:
        text += ['  client-subnet-zone: "example.com."', '  client-subnet-always-forward: yes', '  max-client-subnet-ipv4: 24']
    text += ['remote-control:', '  control-enable: no', 'stub-zone:', '  name: "example.com."', '  stub-addr: %s@%d' % (LOOPBACK, stub_port)]
    (folder / 'unbound.conf').write_text('\n'.join(text) + '\n')
    process = Process(name, [program('unbound'), '-d', '-p', '-c', folder / 'unbound.conf'], folder)
    server = (LOOPBACK, number)
    wait_until(lambda: answers(server), 10, 'unbound answers', alive=[process])
    return process, server
