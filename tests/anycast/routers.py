# routers.py - real BGP speakers that wait for ours, and what they know: the neighbours of the anycast tests.
# SPDX-License-Identifier: Apache-2.0
import re
import subprocess

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
