#!/usr/bin/env python3
# test_bird.py - the speaker against BIRD over loopback: what is announced is there, and whoever dies, hangs or is unwell loses the route.
# SPDX-License-Identifier: Apache-2.0
import pathlib
import re
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lab'))
import process  # noqa: E402
from process import SLOW, wait_until  # noqa: E402
from routers import Bird  # noqa: E402

OURS, THEIRS, HOLD_S = 4200000001, 64500, 3
PREFIXES = ('192.0.2.53/32', '2001:db8:53::53/128')
KILLED_S = 0.5  # the kernel closes the connection; BIRD sees it in milliseconds


class Speaker(unittest.TestCase):
    def setUp(self):
        self.folder = process.directory('anycast-' + self._testMethodName)
        self.port = process.port()
        self.addCleanup(process.end_all)
        self.speaker = None

    def bird(self, password='secret', peer_as=OURS):
        """A BIRD that waits for us."""
        self.router = Bird(self.folder, self.port, peer_as, THEIRS, password=password, more='multihop;')

    def birdc(self, *words):
        return self.router.ask(*words)

    def speak(self, password='secret', announce=True):
        self.said = (self.folder / 'speaker.out').open('ab')
        self.speaker = subprocess.Popen([process.program('speaker'), '127.0.0.1', str(self.port), str(OURS), str(THEIRS), str(HOLD_S),
                                         password or '-', '127.0.0.1', '2001:db8::1', *PREFIXES], stdin=subprocess.PIPE,
                                        stdout=self.said, text=True)
        self.addCleanup(self.silence)
        if announce:
            self.tell('announce')
            self.wait_routes(True)

    def silence(self):
        if self.speaker.poll() is None:
            self.speaker.kill()
        self.speaker.wait()
        self.speaker.stdin.close()
        self.said.close()

    def tell(self, word):
        self.speaker.stdin.write(word + '\n')
        self.speaker.stdin.flush()

    def states(self):
        return (self.folder / 'speaker.out').read_text()

    def routes(self):
        text = self.birdc('show', 'route')
        return [prefix in text for prefix in PREFIXES]

    def wait_routes(self, there, timeout=10):
        """Both families have them, or neither. Returns seconds."""
        begin = time.monotonic()
        wait_until(lambda: self.routes() == [there, there], timeout / SLOW, 'routes are %s' % ('there' if there else 'gone'))
        return time.monotonic() - begin

    def communities(self):
        return self.router.communities()

    def test_announce_drain_withdraw(self):
        self.bird()
        self.speak()
        self.assertEqual(self.communities(), ['(64496,7)'] * 2)
        self.assertEqual(re.findall(r'BGP.as_path: (.*)', self.birdc('show', 'route', 'all')), [str(OURS)] * 2)
        self.tell('graceful')
        wait_until(lambda: self.communities() == ['(64496,7) (65535,0)'] * 2, 10, 'GRACEFUL_SHUTDOWN is there')
        self.tell('plain')
        wait_until(lambda: self.communities() == ['(64496,7)'] * 2, 10, 'and gone')
        self.tell('withdraw')
        self.wait_routes(False)
        self.assertIn('Established', self.birdc('show', 'protocols', 'ours'))
        self.tell('announce')
        self.wait_routes(True)

    def test_never_offers_graceful_restart(self):
        """Whoever offers it keeps its routes while it is dead."""
        self.bird()
        self.speak()
        theirs = self.birdc('show', 'protocols', 'all', 'ours').split('Neighbor capabilities')[1].split('Session')[0]
        self.assertIn('Multiprotocol', theirs)
        self.assertNotIn('Graceful', theirs)

    def test_stop_says_why(self):
        self.bird()
        self.speak()
        self.speaker.stdin.close()
        self.assertEqual(self.speaker.wait(10 * SLOW), 0)
        self.wait_routes(False)
        self.assertIn('Received: Administrative shutdown', self.birdc('show', 'protocols', 'ours'))
        self.assertIn('the input ended', self.birdc('show', 'protocols', 'all', 'ours'))

    def test_killed(self):
        self.bird()
        self.speak()
        self.speaker.send_signal(signal.SIGKILL)
        took = self.wait_routes(False)
        print('killed: withdrawn after %.0f ms' % (took * 1000), flush=True)
        self.assertLess(took, KILLED_S * SLOW)

    def test_hung_and_unwell(self):
        """A hung process, and one that runs but whose workers do not answer: both lose the route within the hold time."""
        self.bird()
        for what, fall, rise in (('hung', lambda: self.speaker.send_signal(signal.SIGSTOP), lambda: self.speaker.send_signal(signal.SIGCONT)),
                                 ('unwell', lambda: self.tell('unwell'), lambda: self.tell('well'))):
            if self.speaker is None:
                self.speak()
            self.wait_routes(True, 20)
            fall()
            took = self.wait_routes(False, HOLD_S * 2 + 2)
            print('%s: withdrawn after %.0f ms' % (what, took * 1000), flush=True)
            self.assertGreater(took, HOLD_S * 0.5)
            rise()
            self.wait_routes(True, 20)

    def test_neighbour_restarts(self):
        self.bird()
        self.speak()
        self.router.stop()
        wait_until(lambda: 'idle' in self.states(), 10, 'the speaker has seen it')
        self.bird()
        self.wait_routes(True, 40)

    def test_wrong_password(self):
        self.bird(password='other')
        self.speak(announce=False)
        time.sleep(2)
        self.assertNotIn('open-sent', self.states())
        self.assertNotIn('Established', self.birdc('show', 'protocols', 'ours'))

    def test_wrong_as(self):
        self.bird(peer_as=64511)
        self.speak(announce=False)
        wait_until(lambda: 'theirs OPEN: bad peer AS' in self.states(), 10, 'BIRD says what is wrong')

    def test_without_password(self):
        self.bird(password=None)
        self.speak(password=None)


if __name__ == '__main__':
    unittest.main(verbosity=2)
