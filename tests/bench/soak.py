#!/usr/bin/env python3
# soak.py - full load while everything changes: soak.sh starts this inside a network namespace.
# SPDX-License-Identifier: Apache-2.0
"""soak.py BUILD MINUTES"""
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from statistics import median

import ask

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, '../data/maxmind-test/databases/GeoIP2-City-Test.mmdb')
BLAST = 'bench_blast'
PORT, ADMIN_PORT, PROBE_PORT = 5353, 8053, 8080
STEP_S = 3            # from one change to the next
BLAST_S = 20          # one run of the generator; the next follows at once
TIMEOUT_S = 20        # later is lost; under TSan and a dozen other processes some answers took more than 5 s
MEMORY_GROWTH = 1.2   # of the second quarter's median, at the end
REPORT = re.compile(r'ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|assertion|SUMMARY:', re.I)
REGIONS = {name: '127.0.1.%s' % address.rsplit('.', 1)[1] for name, address in ask.REGIONS.items()}
CONFIG = '''pop: {{name: soak}}
listen: ["127.0.0.1@{port}"]
workers: 2
admin: {{listen: 127.0.0.1@{admin}}}
zones:
  - {{origin: example.com, file: example.com.zone}}
geo: {{database: location.mmdb, check_s: 1}}
regions:
{regions}
services:
  - {{name: api.example.com, ttl_s: {ttl}, policy: {policy}}}
policies:
  - {{name: near, steering: nearest}}
  - {{name: best, steering: score}}
'''
REGION = '''  - name: {name}
    location: {{latitude: {latitude}, longitude: {longitude}}}
    ramp_s: 0
    endpoints:
      - name: {name}-a
        addresses: [{address}, "2001:db8::{last}"]
        capacity_rps: 100
        probe: {{kind: http, url: "http://{probe}:{port}/health", interval_ms: 200, timeout_ms: 100}}
'''
PLACES = {'us-east-1': (38.9, -77.5), 'us-west-2': (45.8, -119.7), 'eu-west-1': (53.3, -6.3), 'ap-southeast-1': (1.35, 103.8)}


class Soak:
    def __init__(self, build, minutes):
        self.bin = os.path.abspath(os.path.join(build, 'bin'))
        self.end = time.monotonic() + 60 * minutes
        self.work = os.path.abspath(os.path.join(build, 'soak'))
        self.faults, self.counts, self.memory = [], {}, []
        self.regions, self.stopping, self.serial = {}, threading.Event(), 1
        self.random = random.Random(int(os.environ.get('SEED', '0')) or None)
        self.lock = threading.Lock()

    def count(self, what, amount=1):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + amount

    def fault(self, text):
        with self.lock:
            if len(self.faults) < 50:
                self.faults.append(text)
                print('FAULT: ' + text, flush=True)

    # What changes.

    def configure(self):
        """Write the zone and the configuration, another one each time."""
        self.serial += 1
        regions = ''.join(REGION.format(name=name, latitude=PLACES[name][0], longitude=PLACES[name][1], address=address,
                                        last=address.rsplit('.', 1)[1], probe=REGIONS[name], port=PROBE_PORT)
                          for name, address in ask.REGIONS.items())
        text = CONFIG.format(port=PORT, admin=ADMIN_PORT, regions=regions, ttl=30 + self.serial % 2,
                             policy='best' if self.serial % 3 else 'near')
        with open(os.path.join(HERE, 'peers/example.com.zone')) as zone:
            zone = zone.read().replace('hostmaster 1 ', 'hostmaster %d ' % self.serial)
        zone += ''.join('extra%d A 192.0.2.%d\n' % (n, n % 250 + 1) for n in range(self.random.randrange(2000)))
        self.replace('example.com.zone', zone.encode())
        self.replace('meridian.yaml', text.encode())

    def replace(self, name, data):
        path = os.path.join(self.work, name)
        with open(path + '.new', 'wb') as out:
            out.write(data)
        os.replace(path + '.new', path)

    def reload(self):
        self.configure()
        self.server.send_signal(signal.SIGHUP)

    def reload_nonsense(self):
        self.replace('meridian.yaml', b'listen: [nowhere\n')
        self.server.send_signal(signal.SIGHUP)

    def swap_database(self):
        self.replace('location.mmdb', self.random.choice(self.databases))

    def swap_broken_database(self):
        data = self.random.choice(self.databases)
        self.replace('location.mmdb', data[:self.random.randrange(len(data))])

    def start_region(self, name):
        self.regions[name] = subprocess.Popen([os.path.join(self.bin, 'demo_region'), name, REGIONS[name], str(PROBE_PORT)],
                                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def toggle_region(self):
        name = self.random.choice(list(REGIONS))
        if self.regions[name].poll() is None:
            self.regions[name].kill()
            self.regions[name].wait()
            self.count('regions killed')
        else:
            self.start_region(name)

    # What is asked meanwhile.

    def blast(self):
        """The generator, one run after the other; what it lost must have been dropped by a socket."""
        kinds = [['--subnets', self.subnets, 'api.example.com'], ['www.example.com'], ['--single', '%.example.com']]
        for turn in range(1 << 30):
            seconds = min(BLAST_S, self.end - time.monotonic())
            if seconds < 1 or self.stopping.is_set():
                return
            before = self.kernel_drops()
            command = [os.path.join(self.bin, BLAST), '--port', str(PORT), '--seconds', '%.0f' % seconds, '--warmup', '0',
                       '--timeout', str(TIMEOUT_S)] + kinds[turn % len(kinds)]
            run = subprocess.run(command, capture_output=True, text=True)
            if run.returncode:
                return self.fault('blast: ' + run.stderr)
            line = dict(item.split('=') for item in run.stdout.split())
            drops = self.kernel_drops() - before + int(line['own_drops'])
            self.count('answers over UDP', int(line['answered']))
            self.count('dropped by sockets', drops)
            if int(line['lost']) > drops:
                self.fault('%s answers lost, %d dropped by sockets: %s' % (line['lost'], drops, ' '.join(command[-2:])))
            for key in ('servfail', 'refused'):
                if int(line[key]):
                    self.fault('%s %s' % (line[key], key))
            if turn % len(kinds) < 2 and line['with_answer'] != line['answered']:
                self.fault('%d of %s answers held nothing' % (int(line['answered']) - int(line['with_answer']), line['answered']))

    def kernel_drops(self):
        """Of the server's sockets, by the last column of /proc/net/udp."""
        with open('/proc/net/udp') as lines:
            return sum(int(fields[-1]) for fields in map(str.split, lines) if fields[1].endswith(':%04X' % PORT))

    def ask_by_tcp(self):
        """Connections of 20 to 400 pipelined questions; each is answered."""
        question = ask.question(1, 'api.example.com', ask.A, '81.2.69.0/24')
        frame = struct.pack('>H', len(question)) + question
        while not self.stopping.is_set():
            count = self.random.randrange(20, 400)
            try:
                with socket.create_connection(('127.0.0.1', PORT), TIMEOUT_S) as client:
                    client.sendall(frame * count)
                    stream = client.makefile('rb')
                    for _ in range(count):
                        reply = stream.read(struct.unpack('>H', stream.read(2))[0])
                        rcode, addresses = ask.answer_of(reply)
                        if rcode or not set(addresses) <= set(ask.REGIONS.values()) or not addresses:
                            self.fault('over TCP: rcode %d, %s' % (rcode, addresses))
                self.count('answers over TCP', count)
            except (OSError, struct.error) as error:
                self.fault('TCP: %r' % error)
            time.sleep(0.02)

    def watch(self):
        """Resident memory every second, and the log for what a sanitizer says."""
        with open('/proc/%d/statm' % self.server.pid) as numbers:
            self.memory.append(int(numbers.read().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 1048576)

    # The whole.

    def prepare(self):
        if subprocess.run(['ip', 'link', 'set', 'lo', 'up']).returncode:
            sys.exit('soak.py: start it by soak.sh, as root')
        shutil.rmtree(self.work, ignore_errors=True)
        os.makedirs(self.work)
        self.subnets = os.path.join(self.work, 'subnets')
        synthetic = os.path.join(self.work, 'synthetic.mmdb')
        subprocess.run([sys.executable, '-B', os.path.join(HERE, 'mmdb.py'), 'write', synthetic, self.subnets, '20000', '0.6'],
                       check=True, stdout=subprocess.DEVNULL)
        self.databases = [open(path, 'rb').read() for path in (DATA, synthetic)]
        self.swap_database()
        self.configure()
        for name in REGIONS:
            self.start_region(name)

    def start(self):
        options = {'ASAN_OPTIONS': 'quarantine_size_mb=8:detect_leaks=1:exitcode=99', 'TSAN_OPTIONS': 'exitcode=99',
                   'UBSAN_OPTIONS': 'print_stacktrace=1'}
        self.log = os.path.join(self.work, 'log')
        with open(self.log, 'wb') as log:
            self.server = subprocess.Popen([os.path.join(self.bin, 'meridiand'), '--config', os.path.join(self.work, 'meridian.yaml')],
                                           stdout=log, stderr=log, env={**options, **os.environ})
        client = ask.connect('127.0.0.1', PORT, 0.2)
        for _ in range(300):
            try:
                if ask.ask(client, 1, 'www.example.com')[1] == [ask.WWW]:
                    return
            except OSError:
                time.sleep(0.1)
        sys.exit('soak.py: no answer; see ' + self.log)

    def run(self):
        self.prepare()
        self.start()
        threads = [threading.Thread(target=target, daemon=True) for target in (self.blast, self.ask_by_tcp)]
        for thread in threads:
            thread.start()
        changes = [self.reload, self.toggle_region, self.swap_database, self.toggle_region, self.reload_nonsense, self.reload,
                   self.swap_broken_database, self.toggle_region, self.swap_database]
        turn = 0
        while time.monotonic() < self.end - 1 and self.server.poll() is None and len(self.faults) < 50:
            if turn % STEP_S == 0:
                change = changes[turn // STEP_S % len(changes)]
                change()
                self.count(change.__name__.replace('_', ' '))
            time.sleep(1)
            turn += 1
            self.watch()
            if turn % 60 == 0:
                print('%d min: %s, %.0f MiB' % (turn // 60, self.counts, self.memory[-1]), flush=True)
        self.stopping.set()
        for thread in threads:
            thread.join(BLAST_S + 3 * TIMEOUT_S)
        return self.finish()

    def finish(self):
        if self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
        try:
            code = self.server.wait(60)
        except subprocess.TimeoutExpired:
            self.server.kill()
            code = 'none: it did not stop'
        if code != 0:
            self.fault('exit code %s' % code)
        for region in self.regions.values():
            region.kill()
        with open(self.log, errors='replace') as lines:
            for line in lines:
                if REPORT.search(line):
                    self.fault(line.strip())
        quarter = len(self.memory) // 4
        if quarter >= 10:
            early, late = median(self.memory[quarter:2 * quarter]), median(self.memory[-quarter // 2:])
            print('memory: %.1f MiB in the second quarter, %.1f at the end, %.1f at most' % (early, late, max(self.memory)))
            if late > early * MEMORY_GROWTH:
                self.fault('memory grows')
        print('; '.join('%s: %s' % item for item in self.counts.items()))
        print('soak: %s' % ('FAILED, %d faults; log %s' % (len(self.faults), self.log) if self.faults else 'passed'))
        return 1 if self.faults else 0


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(Soak(sys.argv[1], float(sys.argv[2])).run())
