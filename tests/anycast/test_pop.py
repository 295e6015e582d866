#!/usr/bin/env python3
# test_pop.py - meridiand with a real BIRD over loopback: the route follows what the PoP does.
# SPDX-License-Identifier: Apache-2.0
import json
import pathlib
import signal
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lab'))
import dns  # noqa: E402
import fleet  # noqa: E402
import process  # noqa: E402
import thread_stop  # noqa: E402
from process import SLOW, wait_until  # noqa: E402
from redis_server import RedisServer  # noqa: E402
from routers import Bird  # noqa: E402
from servers import Meridian, stop_all  # noqa: E402

OURS, THEIRS, HOLD_S, DRAIN_S = 4200000001, 64500, 3, 2
SERVICE, ZONE = '192.0.2.53/32', '2001:db8:53::53/128'
KILLED_S, HUNG_S = 0.5, 1.5


def command(daemon, *words):
    """`meridian`: its exit status, and all that it printed."""
    done = daemon.command(*words)
    return done.returncode, done.stdout + done.stderr


def anycast(ports, prefixes=None, more='', drain_s=DRAIN_S):
    rows = ', '.join('{address: 127.0.0.1, as: %d, port: %d, hold_time_s: %d}' % (THEIRS, port, HOLD_S) for port in ports)
    prefixes = prefixes or '{prefix: %s, service: api.example.com}, {prefix: "%s"}' % (SERVICE, ZONE)
    return 'anycast:\n  local_as: %d\n  router_id: 10.0.0.1\n  neighbors: [%s]\n  prefixes: [%s]\n  next_hop6: "2001:db8::1"\n  drain_s: %d\n%s' % (
        OURS, rows, prefixes, drain_s, more)


class Pop(unittest.TestCase):
    def setUp(self):
        self.folder = process.directory('pop-' + self._testMethodName)
        self.addCleanup(process.end_all)
        self.zone = fleet.write_zone(self.folder)
        self.port = process.port()
        self.bird = Bird(self.folder, self.port, OURS, THEIRS)

    def start(self, name='pop-a', options=None, workers=2, folder=None):
        folder = folder or self.folder
        folder.mkdir(exist_ok=True)
        daemon = Meridian(folder, fleet.options(rest=options or anycast([self.port])), zones={'example.com': self.zone}, workers=workers,
                          pop='name: ' + name)
        self.addCleanup(lambda: daemon.process.alive() and daemon.process.child.kill())
        return daemon

    def routes(self, bird=None):
        return [(bird or self.bird).has(prefix) for prefix in (SERVICE, ZONE)]

    def wait_routes(self, wanted, timeout=10.0, bird=None):
        begin = time.monotonic()
        wait_until(lambda: self.routes(bird) == wanted, timeout, 'routes are %s' % wanted)
        return time.monotonic() - begin

    def both(self):
        daemon = self.start()
        self.wait_routes([True, True])
        return daemon

    def page(self, daemon):
        return json.loads(daemon.http('/status')[1])['anycast']

    def test_pages_tell_of_prefixes_and_neighbors(self):
        daemon = self.both()
        page = self.page(daemon)
        self.assertEqual([(p['prefix'], p['announced'], p['reason'], p['asked']) for p in page['prefixes']],
                         [(SERVICE, True, 'well', 'api.example.com A'), (ZONE, True, 'well', 'example.com SOA')])
        self.assertEqual([(n['address'], n['as'], n['state'], n['agrees'], n['hold_time_s']) for n in page['neighbors']],
                         [('127.0.0.1', THEIRS, 'established', True, HOLD_S)])
        status, text = command(daemon, 'anycast')
        self.assertEqual(status, 0, text)
        self.assertRegex(text, r'192\.0\.2\.53/32 +announced +well')
        self.assertRegex(text, r'127\.0\.0\.1@%d +%d +established +\S+ +3\S* +all' % (self.port, THEIRS))
        metrics = daemon.http('/metrics')[1]
        self.assertIn('meridian_anycast_announced{prefix="%s"} 1' % SERVICE, metrics)
        self.assertIn('meridian_bgp_session_up{neighbor="127.0.0.1",port="%d"} 1' % self.port, metrics)
        self.bird.stop()
        wait_until(lambda: command(daemon, 'anycast')[0] == 1, 10, 'the command says that a neighbour is gone')
        self.assertIn('no connection: connection refused', wait_until(lambda: 'refused' in command(daemon, 'anycast')[1] and
                                                                      command(daemon, 'anycast')[1], 10, 'and why'))
        self.assertRegex(command(daemon, 'audit')[1], r'bgp-down.*127\.0\.0\.1')

    def test_kill(self):
        daemon = self.both()
        daemon.process.send(signal.SIGKILL)
        took = self.wait_routes([False, False])
        print('killed: withdrawn after %.0f ms' % (took * 1000), flush=True)
        self.assertLess(took, KILLED_S * SLOW)

    def hang(self, name, why):
        daemon = self.both()
        thread = thread_stop.threads(daemon.pid)[name]
        with thread_stop.Stopped(thread):
            took = self.wait_routes([False, False])
            print('%s hangs: withdrawn after %.0f ms' % (name, took * 1000), flush=True)
            self.assertLess(took, HUNG_S * SLOW)
            if why is not None:
                self.assertEqual([p['reason'] for p in self.page(daemon)['prefixes']], [why, why])
                self.assertEqual(self.page(daemon)['prefixes'][0]['silent_worker'], 1)
        self.wait_routes([True, True], 30)
        return daemon

    def test_hung_worker(self):
        self.hang('worker-1', 'stuck')

    def test_hung_control_thread(self):
        daemon = self.hang('main', None)
        self.assertGreaterEqual(self.page(daemon)['watchdog_cuts'], 1)

    def test_stopped_process(self):
        """The watchdog stands still too: the hold time ends it."""
        daemon = self.both()
        daemon.process.send(signal.SIGSTOP)
        took = self.wait_routes([False, False], HOLD_S * 2)
        print('stopped: withdrawn after %.0f ms' % (took * 1000), flush=True)
        daemon.process.send(signal.SIGCONT)
        self.wait_routes([True, True], 30)

    def test_end_by_drain(self):
        """SIGTERM: GRACEFUL_SHUTDOWN, then withdrawn; it answers as long as anybody asks."""
        daemon = self.both()
        begin, asked, answered = time.monotonic(), [0], [0]
        daemon.process.send(signal.SIGTERM)
        wait_until(lambda: self.bird.graceful(SERVICE), 2, 'GRACEFUL_SHUTDOWN is there')
        gone = None
        while daemon.process.alive() and time.monotonic() - begin < 20 * SLOW:
            if gone is None and self.routes() == [False, False]:
                gone = time.monotonic()
            if gone is None or time.monotonic() - gone < 1.5:  # stragglers
                asked[0] += 1
                answered[0] += dns.udp_exchange(daemon.server, dns.question('api.example.com', 'A'), timeout=1) is not None
            time.sleep(0.02)
        ended = time.monotonic()
        print('withdrawn %.1f s after SIGTERM, ended %.1f s later; %d of %d answered' % (gone - begin, ended - gone, answered[0], asked[0]),
              flush=True)
        self.assertEqual(daemon.process.wait(1), 0)
        self.assertGreater(gone - begin, DRAIN_S * 0.9)
        self.assertEqual(answered[0], asked[0])
        self.assertGreater(ended - gone, 2)  # a second after the last straggler
        self.assertIn('meridiand stops', self.bird.said())

    def test_second_signal_ends_at_once(self):
        daemon = self.start(options=anycast([self.port], drain_s=60))
        self.wait_routes([True, True])
        daemon.process.send(signal.SIGTERM)
        wait_until(lambda: self.bird.graceful(SERVICE), 2, 'it drains')
        daemon.process.send(signal.SIGTERM)
        self.assertEqual(daemon.process.wait(5), 0)
        self.wait_routes([False, False])

    def test_drain_by_order(self):
        daemon = self.both()
        status, text = command(daemon, 'drain', '--pop', 'pop-a', '--for', '10m', '--reason', 'new kernel')
        self.assertEqual(status, 4, text)  # refused: the only one
        self.assertIn('would leave no PoP that announces anything', text)
        self.assertIn('expected the name of a PoP that is heard of', command(daemon, 'drain', '--pop', 'pop-x', '--for', '10m', '--reason', 'x')[1])
        status, text = command(daemon, 'drain', '--pop', 'pop-a', '--for', '10m', '--reason', 'new kernel', '--override')
        self.assertEqual(status, 0, text)
        wait_until(lambda: self.bird.graceful(SERVICE), 5, 'GRACEFUL_SHUTDOWN is there')
        self.wait_routes([False, False])
        self.assertEqual([p['reason'] for p in self.page(daemon)['prefixes']], ['drained', 'drained'])
        self.assertTrue(self.bird.established())  # it is well, it only announces nothing
        self.assertRegex(command(daemon, 'orders')[1], r'drain-pop.*pop-a.*in force')
        status, text = command(daemon, 'undrain', '--pop', 'pop-a')
        self.assertEqual(status, 0, text)
        self.wait_routes([True, True])

    def test_reload(self):
        """Sessions and prefixes that stay are left alone; a wrong configuration changes nothing."""
        daemon = self.both()
        other = Bird(self.folder, process.port(), OURS, THEIRS, name='other')
        self.addCleanup(other.stop)
        port = int(other.config.read_text().split('port ')[1].split()[0])
        established = self.page(daemon)['neighbors'][0]['established']

        def reload(options, wanted=0):
            daemon.configure(fleet.options(rest=options))
            status, text = command(daemon, 'reload')
            self.assertEqual(status, wanted, text)
            return text

        third = '198.51.100.0/24'
        reload(anycast([self.port, port], '{prefix: %s, service: api.example.com}, {prefix: %s}' % (SERVICE, third)))
        wait_until(lambda: other.has(SERVICE) and other.has(third) and not other.has(ZONE), 10, 'the new neighbour knows')
        wait_until(lambda: self.routes() == [True, False] and self.bird.has(third), 10, 'the old one too')
        text = reload(anycast([self.port], '{prefix: 192.0.2.53/33}'), wanted=1)
        self.assertIn('anycast.prefixes[0].prefix: 192.0.2.53/33', text)
        time.sleep(0.5)
        self.assertTrue(self.bird.has(SERVICE) and other.has(third))
        self.assertEqual(self.page(daemon)['neighbors'][0]['established'], established)
        reload(anycast([port], more=''))
        wait_until(lambda: 'another configuration' in self.bird.said(), 10, 'the old one is told goodbye')
        self.wait_routes([True, True], bird=other)
        reload('')
        wait_until(lambda: self.routes(other) == [False, False], 10, 'without `anycast` nothing is announced')
        status, text = command(daemon, 'anycast')
        self.assertEqual(status, 4, text)
        self.assertIn('has no `anycast`', text)
        reload(anycast([self.port]))
        self.wait_routes([True, True], 20)

    def test_the_last_pop_stays(self):
        redis = RedisServer(self.folder, 'redis')
        state = 'state: {redis: [{address: 127.0.0.1@%d}]}\n' % redis.port
        second = Bird(self.folder, process.port(), OURS, THEIRS, name='second')
        port = int(second.config.read_text().split('port ')[1].split()[0])
        one = self.start('pop-a', state + anycast([self.port]), folder=self.folder / 'a')
        two = self.start('pop-b', state + anycast([port]), folder=self.folder / 'b')
        self.wait_routes([True, True])
        self.wait_routes([True, True], bird=second)
        wait_until(lambda: SERVICE in ((json.loads(one.http('/status')[1])['pops'] or [{}])[0].get('announces') or ''), 10, 'they know of each other')
        status, text = command(one, 'drain', '--pop', 'pop-b', '--for', '10m', '--reason', 'new kernel', '--author', 'alice')
        self.assertEqual(status, 0, text)
        self.wait_routes([False, False], bird=second)
        wait_until(lambda: not json.loads(one.http('/status')[1])['pops'][0]['announces'], 10, 'and that the other one is out')
        with thread_stop.Stopped(thread_stop.threads(one.pid)['worker-1']):
            wait_until(lambda: {p['reason'] for p in self.page(one)['prefixes']} == {'last'}, 10, 'it says that it is the last')
            time.sleep(HOLD_S + 1)
            self.assertEqual(self.routes(), [True, True])
            self.assertIn('no other PoP announces it', one.process.log())
            status, text = command(one, 'undrain', '--pop', 'pop-b', '--author', 'alice')
            self.assertEqual(status, 0, text)
            self.wait_routes([True, True], 20, bird=second)
            self.wait_routes([False, False], 20)  # now it may go


if __name__ == '__main__':
    unittest.main(verbosity=2)
