#!/usr/bin/env python3
# test_interface.py - listening by an interface: every address it has or gets, over UDP and TCP, and nobody who comes in by another.
# SPDX-License-Identifier: Apache-2.0
import pathlib
import subprocess
import sys
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / 'lab'), str(pathlib.Path(__file__).resolve().parent)]
import fleet  # noqa: E402
import lab  # noqa: E402
import process  # noqa: E402
from process import program  # noqa: E402
from succession import Line  # noqa: E402

LATER4, LATER6 = '192.0.2.53', '2001:db8:53::53'


class Interface(unittest.TestCase):
    def setUp(self):
        lab.require()
        self.folder = process.directory('interface-' + self._testMethodName)
        self.pop, self.inside, self.outside = (lab.Space(self.folder, name) for name in ('pop', 'inside', 'outside'))
        self.wires = {space: lab.Wire(self.folder, space, self.pop, 0) for space in (self.inside, self.outside)}
        self.addCleanup(process.end_all)
        for wire in self.wires.values():
            self.addCleanup(wire.end)
        for space, wire in self.wires.items():
            space.run('ip', 'route', 'add', 'default', 'via', wire.address(self.pop))
            space.run('ip', '-6', 'route', 'add', 'default', 'via', wire.address(self.pop, 6))

    def start(self, *listen):
        self.daemon = lab.Resident(self.folder, fleet.options(), {'example.com': fleet.write_zone(self.folder)}, listen, wait=False, workers=2,
                                   prefix=self.pop.prefix)
        self.line = Line(self.daemon)
        self.addCleanup(self.line.stop)
        process.wait_until(lambda: self.asked(self.inside, self.wires[self.inside].address(self.pop)), 10, 'it answers', alive=[self.daemon.process])

    def asked(self, space, address, *more):
        """Does dig get an answer from this very address? It takes none from another."""
        done = subprocess.run([*space.prefix, 'dig', '@' + address, '+time=1', '+tries=1', '+noall', '+answer', *more, 'www.example.com'],
                              capture_output=True, text=True, timeout=20)
        return 'www.example.com.' in done.stdout

    def test_all_that_it_has_and_gets(self):
        self.start('0.0.0.0%to-inside', '::%to-inside')
        for address in (self.wires[self.inside].address(self.pop, family) for family in (4, 6)):
            self.assertTrue(self.asked(self.inside, address) and self.asked(self.inside, address, '+tcp'), address)
        for device in ('lo', 'to-inside'):
            for address, length in ((LATER4, 32), (LATER6, 128)):
                self.assertFalse(self.asked(self.inside, address), address)
                self.pop.run('ip', 'address', 'add', '%s/%d' % (address, length), 'dev', device, *(['nodad'] if length == 128 else []))
                self.assertTrue(self.asked(self.inside, address) and self.asked(self.inside, address, '+tcp'), address)
                self.pop.run('ip', 'address', 'del', '%s/%d' % (address, length), 'dev', device)

    def test_nobody_from_elsewhere(self):
        self.start('0.0.0.0%to-inside', '::%to-inside')
        for family in (4, 6):
            for address in (wire.address(self.pop, family) for wire in self.wires.values()):
                self.assertFalse(self.asked(self.outside, address) or self.asked(self.outside, address, '+tcp'), address)
        answer = self.daemon.command('upgrade', timeout=60)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        for family in (4, 6):
            self.assertTrue(self.asked(self.inside, self.wires[self.inside].address(self.pop, family)))
            self.assertFalse(self.asked(self.outside, self.wires[self.outside].address(self.pop, family)))

    def test_an_interface_that_is_not_there(self):
        config = self.folder / 'meridian.yaml'
        config.write_text('listen: ["0.0.0.0%eth99@53"]\nzones: [{origin: example.com, file: "' + str(fleet.write_zone(self.folder)) + '"}]\n')
        done = subprocess.run([*self.pop.prefix, program('meridiand'), '--config', config], capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 1)
        self.assertIn('0.0.0.0%eth99@53: interface: No such device', done.stderr)


if __name__ == '__main__':
    unittest.main(verbosity=2)
