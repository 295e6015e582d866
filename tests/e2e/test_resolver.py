#!/usr/bin/env python3
# test_resolver.py - a real resolver in front: unbound asks Meridian, with client subnets where it can.
# SPDX-License-Identifier: Apache-2.0
import subprocess
import unittest

import lab
from lab import dns, fleet, process, servers


class Resolver(unittest.TestCase):
    def start(self, subnet_module):
        folder = process.directory('resolver-' + self._testMethodName)
        meridian = fleet.plain(folder)
        unbound, server = servers.start_unbound(folder, meridian.port, subnet_module)
        self.addCleanup(unbound.stop)
        self.addCleanup(lambda: self.assertEqual(meridian.stop(), 0))
        return meridian, server

    def resolve(self, server, name, qtype='A', subnet=None):
        query = dns.with_edns(dns.question(name, qtype, flags=0x100), 1232, [dns.ecs_option(subnet)] if subnet else [])
        data = dns.udp_exchange(server, query, timeout=5 * process.SLOW)
        self.assertIsNotNone(data, 'unbound is silent')
        return dns.Message(data)

    def test_plain_resolver(self):
        _, server = self.start(False)
        message = self.resolve(server, 'www.example.com')
        self.assertEqual((message.rcode_name(), message.addresses()), ('NOERROR', ['192.0.2.80']))
        message = self.resolve(server, 'alias.example.com')
        self.assertEqual(message.rcode_name(), 'NOERROR')
        self.assertIsNotNone(fleet.region_of(message))
        self.assertLessEqual(max(record.ttl for record in message.answer if record.type == 1), 30)
        self.assertEqual(self.resolve(server, 'nothing.example.com').rcode_name(), 'NXDOMAIN')
        self.assertEqual(self.resolve(server, 'api.example.com', 'MX').rcode_name(), 'NOERROR')
        message = self.resolve(server, 'big.example.com', 'TXT')  # truncated over UDP on both sides
        self.assertEqual(message.rcode_name(), 'NOERROR')

    def test_resolver_that_sends_client_subnets(self):
        """The same name through one resolver: every client its own region, cached by the scope that we gave."""
        result = subprocess.run([process.program('unbound'), '-V'], capture_output=True, text=True, timeout=10)
        if 'subnetcache' not in result.stdout + result.stderr:
            self.skipTest('this unbound has no subnetcache module')
        meridian, server = self.start(True)
        for subnet, region in ((fleet.GERMANY, 'eu-west-1'), (fleet.SINGAPORE, 'ap-southeast-1'), (fleet.BRAZIL, 'us-east-1')):
            subnet = subnet.split('/')[0] + '/24'
            self.assertEqual(fleet.region_of(self.resolve(server, 'api.example.com', subnet=subnet)), region)
        asked = sum(worker['counters']['ecs_queries'] for worker in meridian.status()['workers'])
        for _ in range(5):
            self.assertEqual(fleet.region_of(self.resolve(server, 'api.example.com', subnet=fleet.SINGAPORE.split('/')[0] + '/24')),
                             'ap-southeast-1')
        again = sum(worker['counters']['ecs_queries'] for worker in meridian.status()['workers'])
        self.assertEqual(again, asked, 'answers within the scope come from the resolver\'s cache')


lab.main()
