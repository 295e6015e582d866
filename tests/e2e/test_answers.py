#!/usr/bin/env python3
# test_answers.py - what dig shows: answers by client subnet, both families, scopes, transports, CHAOS.
# SPDX-License-Identifier: Apache-2.0
import subprocess
import unittest

import lab
from lab import dns, fleet, process, servers


def dig(server, *arguments):
    """The text that dig prints."""
    command = [process.program('dig'), '@' + server[0], '-p', str(server[1]), '+tries=1', '+time=3', *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=20 * process.SLOW).stdout


class Answers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.meridian = fleet.plain(process.directory('answers'), listen=['0.0.0.0', '::'], workers=2)
        cls.server = cls.meridian.server

    def test_each_country_gets_its_nearest_region(self):
        for subnet, region in ((fleet.GERMANY, 'eu-west-1'), (fleet.SINGAPORE, 'ap-southeast-1'), (fleet.BRAZIL, 'us-east-1'),
                               (fleet.UNITED_STATES, 'us-east-1'), (fleet.GERMANY6, 'eu-west-1'),
                               (fleet.SINGAPORE6, 'ap-southeast-1'), (fleet.BRAZIL6, 'us-east-1')):
            for qtype in ('A', 'AAAA'):
                ipv4, ipv6 = fleet.region_addresses(region)
                text = dig(self.server, 'api.example.com', qtype, '+subnet=' + subnet)
                self.assertIn(ipv4 if qtype == 'A' else ipv6, text, subnet)
                self.assertIn('status: NOERROR', text)
                self.assertRegex(text, r'flags: qr aa[^;]*;')
                self.assertRegex(text, r'CLIENT-SUBNET: %s/\d+' % subnet)

    def test_scope_is_never_wider_than_the_answer(self):
        """The first and the last address of the scope get the same region."""
        import ipaddress
        for subnet in (fleet.GERMANY, fleet.SINGAPORE, fleet.BRAZIL, '81.2.69.0/24', '1.1.1.0/24', '200.160.0.0/24'):
            message = self.meridian.ask('api.example.com', ecs=subnet)
            family, source, scope, _ = message.ecs()
            self.assertEqual((family, source), (1, int(subnet.split('/')[1])))
            network = ipaddress.ip_network((subnet.split('/')[0], scope), strict=False)
            for address in (network[0], network[-1]):
                other = self.meridian.ask('api.example.com', ecs='%s/32' % address)
                self.assertEqual(fleet.region_of(other), fleet.region_of(message), '%s in %s' % (address, network))

    def test_alias_into_a_service_is_followed(self):
        text = dig(self.server, 'alias.example.com', '+subnet=' + fleet.SINGAPORE)
        self.assertIn('CNAME\tapi.example.com.', text)
        self.assertIn(fleet.region_addresses('ap-southeast-1')[0], text)

    def test_other_records_of_a_service_come_from_the_zone(self):
        self.assertIn('a service has other records too', dig(self.server, 'api.example.com', 'TXT'))
        message = self.meridian.ask('api.example.com', 'MX')
        self.assertEqual((message.rcode_name(), message.answer), ('NOERROR', []))
        self.assertEqual([record.type for record in message.authority], [dns.TYPES['SOA']])

    def test_case_of_the_question_is_kept(self):
        message = self.meridian.ask('aPi.ExAmPlE.cOm', ecs=fleet.GERMANY)
        self.assertEqual(dns.name_to_text(message.questions[0][0]), 'aPi.ExAmPlE.cOm.')
        self.assertEqual(fleet.region_of(message), 'eu-west-1')

    def test_tcp_and_ipv6_say_the_same(self):
        for server in (self.server, ('::1', self.server[1])):
            for option in ('+notcp', '+tcp'):
                text = dig(server, option, 'api.example.com', '+subnet=' + fleet.GERMANY)
                self.assertIn(fleet.region_addresses('eu-west-1')[0], text, (server, option))

    def test_truncated_answer_comes_whole_over_tcp(self):
        text = dig(self.server, '+ignore', '+bufsize=512', 'big.example.com', 'TXT')
        self.assertRegex(text, r'flags: qr aa tc')
        text = dig(self.server, '+bufsize=512', 'big.example.com', 'TXT')  # dig asks again over TCP
        self.assertIn('x' * 250, text)
        self.assertNotRegex(text, r'flags: qr aa tc')

    def test_identity(self):
        self.assertIn('"pop-test"', dig(self.server, 'CH', 'TXT', 'id.server'))
        self.assertIn('NSID: 70 6f 70 2d 74 65 73 74', dig(self.server, 'www.example.com', '+nsid'))

    def test_wildcard_socket_answers_from_the_address_asked(self):
        """A connected socket sees nothing else: 0.0.0.0 must answer as 127.0.0.x, :: as ::1."""
        for address in ('127.0.0.1', '127.0.0.77', '127.9.8.7', '::1'):
            for transport in ('udp', 'tcp'):
                message = self.meridian.ask('www.example.com', server=(address, self.server[1]), transport=transport)
                self.assertEqual(message.addresses(), ['192.0.2.80'], address)

    def test_client_without_a_subnet_is_its_own_address(self):
        text = dig(self.server, 'api.example.com')
        self.assertIn('status: NOERROR', text)
        self.assertRegex(text, r'127\.0\.2\.[1-4]')

    def test_both_workers_answer(self):
        """The kernel spreads client ports over the workers; 200 ports miss one of two with a chance of 2^-199."""
        for _ in range(200):
            self.meridian.ask('www.example.com')
        counts = [worker['counters']['udp_queries'] for worker in self.meridian.status()['workers']]
        self.assertEqual(len(counts), 2)
        self.assertTrue(all(count > 0 for count in counts), counts)


lab.main()
