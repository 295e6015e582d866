#!/usr/bin/env python3
# test_load.py - endpoints say their load by pages of metrics, by headers and through Redis, and fall silent.
# SPDX-License-Identifier: Apache-2.0
import http.server
import pathlib
import re
import subprocess
import threading
import unittest

import lab
from lab import fleet, process, servers

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PAGE = (SOURCE / 'tests/data/metrics/vllm_1.txt').read_text()
CONFIG = '''fleet: production
regions:
  - name: eu-west-1
    location: {latitude: 53.33, longitude: -6.25}
    ramp_s: 0
    endpoints:
      - name: eu-west-1-a
        addresses: [127.0.2.3]
        probe: {kind: http, url: "http://127.0.0.1:%(port)d/health", interval_ms: 200, timeout_ms: 100}
        load: %(load)s
  - name: us-east-1
    location: {latitude: 39.04, longitude: -77.49}
    endpoints:
      - {name: us-east-1-a, addresses: [127.0.2.1]}
services:
  - {name: api.example.com, ttl_s: 30}
policies:
  - {name: default, steering: score}
'''


class Server:
    """An inference server: /health with headers, /metrics with a page, both as the test says."""

    def __init__(self):
        owner = self
        self.headers, self.page, self.page_status, self.asked = {}, PAGE, 200, {}

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_GET(self):
                owner.asked[self.path] = dict(self.headers)
                metrics = self.path == '/metrics'
                body = owner.page.encode() if metrics else b'well'
                self.send_response(owner.page_status if metrics else 200)
                for name, value in ({} if metrics else owner.headers).items():
                    self.send_header(name, value)
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            def handle_error(self, request, client_address):
                pass  # a probe that is closed when the daemon ends

        self.server = Quiet(('127.0.0.1', 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def requests(self, running, waiting):
        """Put these on the page, for both of its engines."""
        page = re.sub(r'(num_requests_running\{.*\}) .*', r'\g<1> %d' % running, PAGE)
        self.page = re.sub(r'(num_requests_waiting\{.*\}) .*', r'\g<1> %d' % waiting, page)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Load(unittest.TestCase):
    def start(self, load, rest=''):
        folder = process.directory('load-' + self._testMethodName)
        self.server = Server()
        self.addCleanup(self.server.close)
        self.meridian = servers.Meridian(folder, CONFIG % {'port': self.server.port, 'load': load} + rest,
                                         {'example.com': fleet.write_zone(folder)})

    def endpoint(self):
        return self.meridian.status()['endpoints'][0]

    def wait_load(self, accept, what):
        process.wait_until(lambda: accept(self.endpoint()['load']), 10, what, alive=[self.meridian.process])

    def wait_germany(self, wanted):
        process.wait_until(lambda: fleet.region_of(self.meridian.ask('api.example.com', ecs=fleet.GERMANY)) == wanted, 10,
                           'Germany gets ' + wanted, alive=[self.meridian.process])

    def tearDown(self):
        self.assertEqual(self.meridian.stop(), 0)
        process.end_all()

    def test_page_of_metrics(self):
        """A queue sends clients elsewhere; a page that is gone counts for nothing; the verdict is the probe's throughout."""
        self.start('{profile: vllm, capacity: 64}')
        self.wait_load(lambda load: load['source'] == 'told to its probes', 'the page is read')
        load = self.endpoint()['load']
        self.assertEqual((load['in_flight'], load['waiting'], round(load['kv_cache'], 4)), (23, 2, 0.53))
        self.assertAlmostEqual(load['utilisation'], 25 / 64)
        self.wait_germany('eu-west-1')
        self.server.requests(32, 5)
        self.wait_load(lambda load: load['utilisation'] == 74 / 64, 'all slots busy, and ten wait')
        self.wait_germany('us-east-1')
        self.server.page_status = 500
        self.wait_load(lambda load: load['source'] == 'nobody' and load['stale_s'] is not None, 'three pages are missed')
        endpoint = self.endpoint()
        self.assertTrue(endpoint['up'])
        self.assertEqual(endpoint['load']['asked'], 'status 500, expected 200-299')
        self.assertEqual(endpoint['load']['processing_source'], 'probes')
        self.wait_germany('eu-west-1')
        self.assertRegex(self.meridian.command('status').stdout,
                         r'load +eu-west-1-a: stale for [0-9.]+s, so probe latency counts, last asked: status 500')
        explained = self.meridian.command('explain', 'api.example.com', '--client', fleet.GERMANY).stdout
        self.assertRegex(explained, r'load +eu-west-1: stale for [0-9.]+s, so probe latency counts')
        self.server.page_status = 200
        self.server.requests(1, 0)
        self.wait_load(lambda load: load['in_flight'] == 2, 'it is read again')
        self.assertNotIn('stale', self.meridian.command('status').stdout)

    def test_header_of_the_probes_answer(self):
        self.start('{kind: orca}')
        self.wait_load(lambda load: load['asked'] == 'header endpoint-load-metrics: not in the answer', 'it is asked for')
        self.assertEqual(self.server.asked['/health'].get('endpoint-load-metrics-format'), 'text')
        self.assertNotIn('/metrics', self.server.asked)
        self.server.headers['endpoint-load-metrics'] = 'TEXT application_utilization=1.5, named_metrics.kv_cache_usage_perc=0.4'
        self.wait_load(lambda load: load['utilisation'] == 1.5 and load['kv_cache'] == 0.4, 'it is read')
        self.wait_germany('us-east-1')
        self.server.headers['endpoint-load-metrics'] = 'JSON {"cpuUtilization": 0.25}'
        self.wait_load(lambda load: load['utilisation'] == 0.25, 'the other form')
        self.wait_germany('eu-west-1')

    def test_report_beats_the_page(self):
        self.start('{profile: vllm, capacity: 64}')
        self.wait_load(lambda load: load['source'] == 'told to its probes', 'the page is read')
        result = subprocess.run([process.program('meridian'), 'report', 'eu-west-1-a', '--from', '-', '--admin',
                                 '127.0.0.1@%d' % self.meridian.admin_port], text=True, capture_output=True,
                                input='{"utilisation": 0.5, "first_token_ms": 180}')
        self.assertEqual((result.returncode, result.stdout), (0, 'reported: eu-west-1-a\n'), result.stderr)
        self.wait_load(lambda load: (load['source'], load['utilisation'], load['first_token_ms']) == ('report', 0.5, 180),
                       'the report counts')
        self.assertEqual(self.endpoint()['load']['kv_cache'], 0.53, 'what the report does not say the page fills in')

    def test_fact_written_with_redis_cli_as_the_manual_says(self):
        folder, number = process.directory('load-redis'), process.port()
        redis = process.Process('redis', [process.program('redis-server'), '--port', number, '--bind', '127.0.0.1', '--save', '',
                                          '--dir', folder], folder)
        self.start('{kind: none, capacity: 64}', 'state: {redis: [{address: "127.0.0.1@%d"}]}\n' % number)
        manual = (SOURCE / 'deploy/man/meridian.1').read_text()
        section = manual[manual.index('.Ss REPORTING THROUGH REDIS'):]
        example = section[section.index('.Bd -literal\n') + len('.Bd -literal\n'):section.index('.Ed\n')]
        self.assertIn('cut -c1-13', example)
        script = 'set -eu\nredis-cli() { command redis-cli -p %d "$@"; }\n' % number + example
        process.wait_until(lambda: subprocess.run(['redis-cli', '-p', str(number), 'PING'], capture_output=True).returncode == 0,
                           10, 'redis answers', alive=[redis])
        for _ in range(2):  # the second is newer by its sequence alone
            result = subprocess.run(['bash', '-c', script], capture_output=True, text=True)
            self.assertEqual(result.returncode, 0, result.stderr)
        self.wait_load(lambda load: (load['source'], load['in_flight'], load['waiting']) == ('its reporter', 12, 3),
                       'the fact is believed')
        self.assertAlmostEqual(self.endpoint()['load']['utilisation'], 15 / 64)


lab.main()
