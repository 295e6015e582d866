#!/usr/bin/env python3
# test_admin.py - the admin interface with curl's eyes: health, status, explain, metrics, reports, and what it refuses.
# SPDX-License-Identifier: Apache-2.0
import json
import subprocess
import time
import unittest

import lab
from lab import fleet, process

CURL_TIMEOUT_S = '10'


class Admin(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.meridian = fleet.plain(process.directory('admin'), workers=2)
        cls.base = 'http://127.0.0.1:%d' % cls.meridian.admin_port

    def curl(self, path, *options):
        """(HTTP status, body)."""
        result = subprocess.run([process.program('curl'), '-sS', '-m', CURL_TIMEOUT_S, '-w', '\n%{http_code}', *options,
                                 self.base + path], capture_output=True, text=True, timeout=30 * process.SLOW)
        body, _, code = result.stdout.rpartition('\n')
        return int(code or 0), body

    def test_health(self):
        self.assertEqual(self.curl('/healthz')[0], 200)

    def test_status_tells_what_is_served(self):
        code, body = self.curl('/status')
        self.assertEqual(code, 200)
        status = json.loads(body)
        self.assertEqual([region['name'] for region in status['regions']], list(fleet.REGIONS))
        self.assertEqual([zone['origin'] for zone in status['zones']], ['example.com'])
        self.assertEqual([service['name'] for service in status['services']], ['api.example.com'])
        self.assertEqual(len(status['workers']), 2)

    def test_explain_agrees_with_the_answer(self):
        for client, region in ((fleet.GERMANY, 'eu-west-1'), (fleet.SINGAPORE6, 'ap-southeast-1')):
            code, body = self.curl('/explain?name=api.example.com&client=' + client.replace('/', '%2F'))
            self.assertEqual(code, 200, body)
            page = json.loads(body)
            self.assertEqual(page['decision']['choice'], region)
            message = self.meridian.ask('api.example.com', ecs=client)
            self.assertEqual(fleet.region_of(message), region)
            self.assertEqual(page['answer']['ecs_scope'], message.ecs()[2])
            self.assertEqual(page['answer']['ttl_s'], message.answer[0].ttl)
            self.assertEqual({candidate['region'] for candidate in page['regions']}, set(fleet.REGIONS))

    def test_metrics_pass_promtool(self):
        self.meridian.ask('api.example.com', ecs=fleet.GERMANY)
        code, body = self.curl('/metrics')
        self.assertEqual(code, 200)
        result = subprocess.run([process.program('promtool'), 'check', 'metrics'], input=body, capture_output=True, text=True,
                                timeout=30 * process.SLOW)
        self.assertEqual((result.returncode, result.stdout + result.stderr), (0, ''))

    def test_counters_count(self):
        def total(metrics, prefix):
            return sum(value for name, value in metrics.items() if name.startswith(prefix))
        before = self.meridian.metrics()
        for _ in range(10):
            self.meridian.ask('api.example.com', ecs=fleet.GERMANY)
            self.meridian.ask('nothing.example.com', transport='tcp')
        after = self.meridian.metrics()
        for prefix, least in (('meridian_queries_total', 20), ('meridian_answers_steered_total', 10),
                              ('meridian_queries_client_subnet_total', 10), ('meridian_answers_total{', 20)):
            self.assertGreaterEqual(total(after, prefix) - total(before, prefix), least, prefix)
        steered = [name for name in after if name.startswith('meridian_region_answers_total') and 'eu-west-1' in name]
        self.assertTrue(steered)

    def test_storm_of_reports_becomes_few_worlds(self):
        """However many and fast: at most ten builds a second, and one that was due."""
        before, started = self.meridian.metrics()['meridian_worlds_built_total'], time.monotonic()
        for number in range(500):
            code, body = self.meridian.http('/report', '{"subject": "us-west-2", "load_rps": %d}' % (1 + number % 2))
            self.assertEqual(code, 200, body)
        built = self.meridian.metrics()['meridian_worlds_built_total'] - before
        self.assertLessEqual(built, 10 * (time.monotonic() - started) + 2)

    def test_what_is_not_there_is_refused(self):
        self.assertEqual(self.curl('/nothing')[0], 404)
        self.assertEqual(self.curl('/status', '-X', 'DELETE')[0], 405)
        self.assertEqual(self.curl('/reload')[0], 405, 'a GET changes nothing')
        for path in ('/explain', '/explain?name=api.example.com', '/explain?name=api.example.com&client=nonsense',
                     '/explain?name=api.example.com&client=1.2.3.4&nonsense=1'):
            self.assertEqual(self.curl(path)[0], 400, path)
        for body in ('', 'not json', '{}', '{"subject": 1}', '{"subject": "nowhere", "load_rps": 1}',
                     '{"subject": "eu-west-1", "load_rps": -1}', '{"subject": "eu-west-1", "load_rps": "many"}', '[' * 10000):
            self.assertIn(self.curl('/report', '-d', body)[0], (400, 404, 413, 422), body[:60])
        large = self.meridian.folder / 'large.json'
        large.write_text('x' * 1000000)
        self.assertIn(self.curl('/report', '-d', '@%s' % large)[0], (400, 413))
        self.assertEqual(self.curl('/healthz')[0], 200)

    def test_pages_of_others_are_refused(self):
        """A page in a browser on this machine must not reach the interface by a name of its own (DNS rebinding)."""
        self.assertEqual(self.curl('/status', '-H', 'Host: attacker.example')[0], 403)
        self.assertEqual(self.curl('/reload', '-X', 'POST', '-H', 'Origin: http://attacker.example')[0], 403)

    def test_hangup_in_the_middle_of_a_request(self):
        import socket
        for text in (b'GET /sta', b'POST /report HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{', b'\0\xff\xfe', b'GET ' + b'a' * 20000):
            with socket.create_connection(('127.0.0.1', self.meridian.admin_port), 5) as sock:
                sock.sendall(text)
        self.assertEqual(self.curl('/healthz')[0], 200)


lab.main()
