# routers.py - real BGP speakers that wait for ours, and what they know: the neighbours of the anycast tests.
# SPDX-License-Identifier: Apache-2.0
import pathlib
import re
import shutil
import subprocess
import tempfile

from process import Process, SLOW, program, wait_until


class Bird:
    """One BIRD that takes all that is announced to it. `prefix`: words before the program, such as those that enter a namespace."""

    def __init__(self, folder, port, our_as, their_as=64500, address='127.0.0.1', ours='127.0.0.1', password=None, hold_s=90, more='multihop;',
                 next_hop6='2001:db8::9', name='bird', prefix=(), top=''):
        self.folder, self.prefix, self.name = folder, list(prefix), name
        session = ('password "%s";' % password if password else '') + more
        self.config = folder / (name + '.conf')
        self.socket = folder / (name + '.ctl')
        self.config.write_text('''router id 10.0.0.9;
protocol device {}
%s
protocol bgp ours {
  local %s port %d as %d;
  neighbor %s as %d;
  passive yes; hold time %d; error wait time 1, 2; %s
  ipv4 { import all; export none; };
  ipv6 { import all; export none; next hop address %s; };
}
''' % (top, address, port, their_as, ours, our_as, hold_s, session, next_hop6))
        self.process = Process(name, self.prefix + [program('bird'), '-f', '-c', self.config, '-s', self.socket, '-P', folder / (name + '.pid')],
                               folder)
        wait_until(lambda: 'ours' in self.ask('show', 'protocols'), 10, 'BIRD answers', alive=[self.process])

    def ask(self, *words):
        return subprocess.run(self.prefix + [program('birdc'), '-s', self.socket, *words], capture_output=True, text=True,
                              timeout=10 * SLOW).stdout

    def has(self, prefix):
        return prefix in self.ask('show', 'route')

    def established(self):
        return 'Established' in self.ask('show', 'protocols', 'ours')

    def graceful(self, prefix):
        """Does it have the prefix with GRACEFUL_SHUTDOWN?"""
        return '(65535,0)' in self.ask('show', 'route', prefix, 'all')

    def communities(self):
        return re.findall(r'BGP.community: (.*)', self.ask('show', 'route', 'all'))

    def said(self):
        """How the last session ended, by its words."""
        return self.ask('show', 'protocols', 'all', 'ours')

    def stop(self):
        self.process.stop()


class GoBgp:
    """One gobgpd that takes all that is announced to it; it keeps routes to itself."""

    def __init__(self, folder, port, api_port, our_as, their_as=64500, address='127.0.0.1', ours='127.0.0.1', password=None, hold_s=90, name='gobgpd'):
        self.folder, self.api_port, self.name = folder, api_port, name
        (folder / (name + '.toml')).write_text('''[global.config]
  as = %d
  router-id = "10.0.0.9"
  port = %d
  local-address-list = ["%s"]
[[neighbors]]
  [neighbors.config]
    neighbor-address = "%s"
    peer-as = %d
%s
  [neighbors.transport.config]
    passive-mode = true
  [neighbors.ebgp-multihop.config]
    enabled = true
    multihop-ttl = 64
  [neighbors.timers.config]
    hold-time = %d
    keepalive-interval = %d
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv4-unicast"
  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "ipv6-unicast"
''' % (their_as, port, address, ours, our_as, '    auth-password = "%s"' % password if password else '', hold_s, hold_s // 3))
        self.process = Process(name, [program('gobgpd'), '-f', folder / (name + '.toml'), '--api-hosts', '127.0.0.1:%d' % api_port, '-t', 'toml',
                                      '--pprof-disable'], folder)
        wait_until(lambda: 'Peer' in self.ask('neighbor'), 10, 'gobgpd answers', alive=[self.process])

    def ask(self, *words):
        done = subprocess.run([program('gobgp'), '-p', str(self.api_port), *words], capture_output=True, text=True, timeout=10 * SLOW)
        return done.stdout + done.stderr

    def rib(self):
        return self.ask('global', 'rib', '-a', 'ipv4') + self.ask('global', 'rib', '-a', 'ipv6')

    def has(self, prefix):
        return prefix in self.rib()

    def graceful(self, prefix):
        return any(prefix in line and 'planned-shut' in line for line in self.rib().splitlines())

    def established(self):
        return 'Establ' in self.ask('neighbor')

    def said(self):
        return self.process.log()

    def stop(self):
        self.process.stop()


class Frr:
    """One bgpd that takes all that is announced to it, without zebra: it keeps routes to itself."""

    def __init__(self, folder, port, our_as, their_as=64500, address='127.0.0.1', ours='127.0.0.1', password=None, hold_s=90, name='frr'):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='meridian-bgpd-'))  # its socket's name may not be long
        lines = ['frr defaults datacenter', 'router bgp %d' % their_as, ' bgp router-id 10.0.0.9', ' no bgp ebgp-requires-policy',
                 ' no bgp default ipv4-unicast', ' timers bgp %d %d' % (hold_s // 3, hold_s), ' neighbor %s remote-as %d' % (ours, our_as),
                 ' neighbor %s passive' % ours, ' neighbor %s ebgp-multihop 64' % ours, ' neighbor %s disable-connected-check' % ours]
        lines += [' neighbor %s password %s' % (ours, password)] if password else []
        for family in (4, 6):
            lines += [' address-family ipv%d unicast' % family, '  neighbor %s activate' % ours, ' exit-address-family']
        (self.folder / 'bgpd.conf').write_text('\n'.join(lines) + '\n')
        subprocess.run(['chown', '-R', 'frr:frr', self.folder], check=True)
        self.process = Process(name, ['/usr/lib/frr/bgpd', '-n', '-Z', '-l', address, '-p', port, '-i', self.folder / 'pid', '--vty_socket', self.folder,
                                      '-f', self.folder / 'bgpd.conf', '-P', '0', '--log', 'stdout'], folder)
        wait_until(lambda: 'BGP' in self.ask('show bgp summary'), 10, 'bgpd answers', alive=[self.process])

    def ask(self, *words):
        return subprocess.run(['vtysh', '--vty_socket', self.folder, '-c', ' '.join(words)], capture_output=True, text=True, timeout=10 * SLOW).stdout

    def has(self, prefix):
        return prefix in self.ask('show bgp ipv4 unicast') + self.ask('show bgp ipv6 unicast')

    def graceful(self, prefix):
        return 'graceful-shutdown' in self.ask('show bgp ipv%d unicast' % (6 if ':' in prefix else 4), prefix)

    def established(self):
        return '"state":"Established"' in self.ask('show bgp summary json').replace(' ', '')

    def said(self):
        return self.process.log()

    def stop(self):
        self.process.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
