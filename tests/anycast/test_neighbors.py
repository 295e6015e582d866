#!/usr/bin/env python3
# test_neighbors.py - meridiand with FRR and GoBGP as neighbours over loopback: both families, drain, passwords, wrong AS, their restart.
# SPDX-License-Identifier: Apache-2.0
import pathlib
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lab'))
import fleet  # noqa: E402
import process  # noqa: E402
from process import wait_until  # noqa: E402
from routers import Frr, GoBgp  # noqa: E402
from servers import Meridian  # noqa: E402

OURS, THEIRS, HOLD_S = 4200000001, 64500, 3
PREFIXES = ('192.0.2.53/32', '2001:db8:53::53/128')


class Neighbors(unittest.TestCase):
    def router(self, **more):
        raise NotImplementedError

    def setUp(self):
        self.folder = process.directory('neighbors-' + self.id().split('.', 1)[1])
        self.addCleanup(process.end_all)
        self.port, self.api_port = process.port(), process.port()

    def start(self, password=None):
        (self.folder / 'password').write_text((password or 'unused') + '\n')
        options = '''anycast:
  local_as: %d
  router_id: 10.0.0.1
  neighbors: [{address: 127.0.0.1, as: %d, port: %d, hold_time_s: %d%s}]
  prefixes: [{prefix: %s}, {prefix: "%s"}]
  next_hop4: 198.51.100.1
  next_hop6: "2001:db8::1"
  communities: ["64500:7"]
  drain_s: 1
''' % (OURS, THEIRS, self.port, HOLD_S, ', password_file: password' if password else '', *PREFIXES)
        return Meridian(self.folder, fleet.options(rest=options), zones={'example.com': fleet.write_zone(self.folder)}, workers=2)

    def wait_routes(self, router, there, timeout=15):
        begin = time.monotonic()
        wait_until(lambda: all(router.has(prefix) == there for prefix in PREFIXES), timeout, 'routes are %s' % ('there' if there else 'gone'))
        return time.monotonic() - begin

    def test_announce_and_kill(self):
        router = self.router(password='secret')
        daemon = self.start(password='secret')
        self.wait_routes(router, True)
        self.assertTrue(router.established())
        daemon.process.send(signal.SIGKILL)
        print('%s: killed, withdrawn after %.0f ms' % (type(self).__name__, self.wait_routes(router, False) * 1000), flush=True)

    def test_drain(self):
        router = self.router()
        daemon = self.start()
        self.wait_routes(router, True)
        daemon.process.send(signal.SIGTERM)
        wait_until(lambda: router.graceful(PREFIXES[0]), 5, 'GRACEFUL_SHUTDOWN is there')
        self.wait_routes(router, False)
        self.assertEqual(daemon.process.wait(10), 0)
        self.assertIn('meridiand stops', router.said())

    def test_its_restart(self):
        router = self.router()
        daemon = self.start()
        self.wait_routes(router, True)
        router.stop()
        wait_until(lambda: daemon.command('anycast').returncode == 1, 10, 'it is missed')
        router = self.router()
        self.wait_routes(router, True, 40)

    def test_wrong_password(self):
        self.router(password='other')
        daemon = self.start(password='secret')
        time.sleep(3)
        self.assertNotIn('established', daemon.command('anycast').stdout)

    def test_wrong_as(self):
        self.router(our_as=64511)
        daemon = self.start()
        text = wait_until(lambda: 'bad peer AS' in daemon.command('anycast').stdout and daemon.command('anycast').stdout, 15, 'it says what is wrong')
        self.assertIn('it said: OPEN: bad peer AS', text)


class FrrNeighbor(Neighbors):
    def router(self, our_as=OURS, **more):
        router = Frr(self.folder, self.port, our_as, THEIRS, **more)
        self.addCleanup(lambda: router.process.alive() and router.stop())
        return router


class GoBgpNeighbor(Neighbors):
    def router(self, our_as=OURS, **more):
        return GoBgp(self.folder, self.port, self.api_port, our_as, THEIRS, **more)


del Neighbors

if __name__ == '__main__':
    process.program('gobgpd')
    if not pathlib.Path('/usr/lib/frr/bgpd').exists() or subprocess.run(['id', 'frr'], capture_output=True).returncode != 0:
        process.skip('FRR is not installed')
    unittest.main(verbosity=2)
