#!/usr/bin/env python3
# fleet.py - one real meridiand among many played PoPs on one real Redis server: what sharing costs, and how it grows.
# SPDX-License-Identifier: Apache-2.0
"""fleet.py [--seconds N] [--only NAME...]

Prints a table in Markdown. See README.md for what is played. BUILD (build/release) and WORK (build/bench) are environment variables."""
import argparse
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lab'))
BUILD = pathlib.Path(os.environ.get('BUILD', 'build/release')).resolve()
os.environ['MERIDIAN_BUILD'] = str(BUILD)
import process  # noqa: E402
import servers  # noqa: E402

# name: PoPs, regions, endpoints of each, PoPs that probe each (0: all), how loads travel
PLAYS = {
    'alone': (1, 50, 20, 5, 'report'),
    '25-pops': (25, 50, 20, 5, 'report'),
    '50-pops': (50, 50, 20, 5, 'report'),
    '100-pops': (100, 50, 20, 5, 'report'),
    '250-endpoints': (200, 50, 5, 5, 'report'),
    '500-endpoints': (200, 50, 10, 5, 'report'),
    'full': (200, 50, 20, 5, 'report'),
    'full-orca': (200, 50, 20, 5, 'probe'),
    'all-probe': (200, 50, 20, 0, 'report'),
}
SETTLE_S = 12  # two readings from end to end, and everybody's first votes
ALONE_PROBED = 25  # what is left for each of 200 PoPs when five probe each of 1,000 endpoints
FLEET = 'bench'


def place(generator):
    return round(generator.uniform(-50, 60), 3), round(generator.uniform(-180, 180), 3)


class Play:
    """The server, the crowd and the real PoP of one size."""

    def __init__(self, name, folder):
        self.pops, self.regions, self.each, self.probers, self.loads = PLAYS[name]
        self.folder, generator = folder / name, random.Random(1)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.redis_port, self.http_port = process.port(), process.port()
        self.places = [place(generator) for _ in range(self.pops)]
        self.regions_at = [place(generator) for _ in range(self.regions)]
        self.redis = self.crowd = None
        if self.pops > 1:
            self.redis = process.Process('redis', [process.program('redis-server'), '--port', self.redis_port, '--bind', '127.0.0.1',
                                                   '--save', '', '--dir', self.folder, '--maxclients', 10000], self.folder)
            process.wait_until(lambda: self.redis_cli('ping') == 'PONG', 10, 'redis')
        self.web = process.Process('web', [process.program('demo_region'), 'web', '127.0.1.1', self.http_port], self.folder)
        self.start_crowd()
        (self.folder / 'example.com.zone').write_text('$ORIGIN example.com.\n$TTL 60\n@ SOA ns1 host 1 1 1 1 1\n@ NS ns1\nns1 A 127.0.0.1\n')
        self.meridian = servers.Meridian(self.folder, self.options(), {'example.com': self.folder / 'example.com.zone'})
        self.control, self.worker = self.threads()

    def redis_cli(self, *words):
        return subprocess.run(['redis-cli', '-p', str(self.redis_port), *words], capture_output=True, text=True).stdout.strip()

    def endpoints(self):
        for region, (latitude, longitude) in enumerate(self.regions_at):
            for number in range(self.each):
                yield 'r%02d-%02d' % (region, number), 'r%02d' % region, latitude, longitude

    def start_crowd(self):
        if self.pops == 1:
            return
        plan = ['pop %s %s %s' % ('pop-test' if i == 0 else 'pop-%03d' % i, *where) for i, where in enumerate(self.places)]
        plan += ['endpoint %s %s %s %s 100' % endpoint for endpoint in self.endpoints()]
        (self.folder / 'plan').write_text('\n'.join(plan) + '\n')
        command = '%s %d %s 1 %d %s < %s' % (process.program('bench_crowd'), self.redis_port, FLEET, self.probers, self.loads,
                                             self.folder / 'plan')
        self.crowd = process.Process('crowd', ['sh', '-c', 'exec ' + command], self.folder)
        process.wait_until(lambda: 'ms=' in self.crowd.log(), 30, 'the crowd plays', alive=[self.crowd])

    def options(self):
        text = ['fleet: %s' % FLEET, 'regions:']
        for region, (latitude, longitude) in enumerate(self.regions_at):
            text += ['  - name: r%02d' % region, '    location: {latitude: %s, longitude: %s}' % (latitude, longitude), '    endpoints:']
            for number in range(self.each):
                probe = ', probe: {url: "http://127.0.1.1:%d/health"%s}' % (
                    self.http_port, ', from: %d' % self.probers if self.probers else '')
                if self.pops == 1 and region * self.each + number >= ALONE_PROBED:
                    probe = ''
                text.append('      - {name: r%02d-%02d, addresses: [10.%d.%d.1], capacity_rps: 100%s}' % (
                    region, number, region, number, probe))
        text += ['services:', '  - {name: api.example.com}', 'probe_concurrency: 256']
        if self.pops > 1:
            text.append('state: {redis: [{address: "127.0.0.1@%d"}]}' % self.redis_port)
        return '\n'.join(text) + '\n'

    def threads(self):
        """The control thread is the first, workers are named."""
        pid, worker = self.meridian.pid, None
        for name in os.listdir('/proc/%d/task' % pid):
            if int(name) != pid and 'worker' in pathlib.Path('/proc/%d/task/%s/comm' % (pid, name)).read_text():
                worker = int(name)
        return pid, worker

    # ---- readings ----

    def cpu_s(self, thread):
        """Time on a processor, by the scheduler's nanoseconds."""
        return int(pathlib.Path('/proc/%d/task/%d/schedstat' % (self.meridian.pid, thread)).read_text().split()[0]) / 1e9

    def reading(self):
        metrics = self.meridian.metrics()
        now = {'s': time.monotonic(), 'control_s': self.cpu_s(self.control),
               'worlds': metrics['meridian_worlds_published_total'], 'facts': metrics.get('meridian_store_facts', 0)}
        if self.redis:
            label = '{server="127.0.0.1@%d"}' % self.redis_port
            for key, name in (('own_commands', 'commands'), ('announcements', 'announcements'), ('own_in', 'received_bytes'),
                              ('own_out', 'sent_bytes')):
                now[key] = metrics['meridian_redis_%s_total%s' % (name, label)]
            info = dict(line.split(':', 1) for line in self.redis_cli('info', 'all').splitlines() if ':' in line)
            now['commands'] = int(info['total_commands_processed'])
            now['bytes_in'], now['bytes_out'] = int(info['total_net_input_bytes']), int(info['total_net_output_bytes'])
            now['redis_s'] = float(info['used_cpu_sys']) + float(info['used_cpu_user'])
            now['memory'] = int(info['used_memory'])
            lines = self.crowd.log().strip().splitlines()
            assert self.crowd.alive(), 'the crowd left: ' + lines[-1]
            crowd = dict(item.split('=') for item in lines[-1].split())
            now.update({'crowd_' + key: float(value) for key, value in crowd.items()})
        return now

    def memory_kb(self):
        with open('/proc/%d/smaps_rollup' % self.meridian.pid) as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith('Pss:'))

    def stop(self):
        assert self.meridian.stop() == 0
        for other in (self.crowd, self.web, self.redis):
            if other:
                other.stop()


def rates(before, after):
    seconds = after['s'] - before['s']
    return {key: (after[key] - before[key]) / seconds for key in after if key in before and key != 's'}


def measure(name, folder, seconds):
    play = Play(name, folder)
    time.sleep(SETTLE_S)
    slices, first = [], play.reading()
    before = first
    for _ in range(3):
        time.sleep(seconds / 3)
        after = play.reading()
        slices.append(rates(before, after)['control_s'] * 100)
        before = after
    result = rates(first, before)
    result.update(name=name, pops=play.pops, endpoints=play.regions * play.each, probers=play.probers, loads=play.loads, slices=slices,
                  facts=before['facts'], memory=play.memory_kb() / 1024, redis_memory=before.get('memory', 0) / 1e6)
    status = play.meridian.status()
    live = sum(pop['live'] for pop in status['pops'])
    up = sum(endpoint['up'] for endpoint in status['endpoints'])
    result['well'] = live == play.pops - 1 and up == play.regions * play.each
    play.stop()
    return result


def worker_cost(play, seconds):
    """Processor time of the worker for a query, in ns, and queries a second."""
    answered, spent = play.meridian.metrics(), play.cpu_s(play.worker)
    output = subprocess.run([process.program('bench_blast'), '--port', str(play.meridian.port), '--seconds', str(seconds),
                             'api.example.com'], capture_output=True, text=True).stdout
    key = 'meridian_answers_steered_total'
    count = sum(value for name, value in play.meridian.metrics().items() if name.startswith(key)) - \
        sum(value for name, value in answered.items() if name.startswith(key))
    return (play.cpu_s(play.worker) - spent) / count * 1e9, float(dict(i.split('=') for i in output.split())['qps'])


def compare_workers(folder, rounds=5, seconds=2):
    """The same model alone and in the full fleet, both up, asked in turn."""
    alone, full = Play('alone', folder / 'workers'), Play('full', folder / 'workers')
    time.sleep(SETTLE_S)
    samples = [(worker_cost(alone, seconds), worker_cost(full, seconds)) for _ in range(rounds)]
    alone.stop()
    full.stop()
    return samples


def print_sizes(results):
    print('| PoPs | endpoints | probed by | loads by | announcements/s | Redis commands/s | Redis in, out MB/s | Redis CPU | this PoP: commands/s | '
          'in, out kB/s | facts | memory | worlds/s | control thread |')
    print('|--:|--:|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|')
    for r in results:
        shared = r['pops'] > 1
        print('| %d | %d | %s | %s | %s | %s | %s | %s | %s | %s | %d | %.0f MB | %.2f | %.2f %% (%.2f-%.2f)%s |' % (
            r['pops'], r['endpoints'], r['probers'] or 'all', r['loads'] if shared else '-',
            '%.0f' % r['announcements'] if shared else '-', '%.0f' % r['commands'] if shared else '-',
            '%.2f, %.2f' % (r['bytes_in'] / 1e6, r['bytes_out'] / 1e6) if shared else '-',
            '%.0f %%' % (r['redis_s'] * 100) if shared else '-', '%.0f' % r['own_commands'] if shared else '-',
            '%.0f, %.1f' % (r['own_in'] / 1e3, r['own_out'] / 1e3) if shared else '-', r['facts'], r['memory'], r['worlds'],
            statistics.median(r['slices']), min(r['slices']), max(r['slices']), '' if r['well'] else ' **not well**'))


def print_workers(samples):
    def spread(numbers, form):
        return ('%s (%s-%s)' % (form, form, form)) % (statistics.median(numbers), min(numbers), max(numbers))
    print('\n| worker | alone | in the full fleet | ratio in the same round |')
    print('|---|--:|--:|--:|')
    for index, name, form in (0, 'processor time of a query, ns', '%.0f'), (1, 'queries a second', '%.0f'):
        alone, full = [s[0][index] for s in samples], [s[1][index] for s in samples]
        print('| %s | %s | %s | %s |' % (name, spread(alone, form), spread(full, form),
                                         spread([b / a for a, b in zip(alone, full)], '%.3f')))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--seconds', type=float, default=15)
    parser.add_argument('--only', nargs='*', default=[*PLAYS, 'workers'])
    arguments = parser.parse_args()
    folder = pathlib.Path(os.environ.get('WORK', 'build/bench')).resolve() / 'fleet'
    try:  # a group of the scheduler of our own, before others' work on the machine
        os.setsid()
        pathlib.Path('/proc/self/autogroup').write_text('-20')
    except OSError:
        pass
    results = []
    for name in [name for name in PLAYS if name in arguments.only]:
        results.append(measure(name, folder, arguments.seconds))
        print('# ' + json.dumps({k: v if not isinstance(v, float) else round(v, 4) for k, v in results[-1].items()}), file=sys.stderr)
    if results:
        print_sizes(results)
    if 'workers' in arguments.only:
        print_workers(compare_workers(folder))


main()
