#!/usr/bin/env python3
# report.py - the load test's table in Markdown, from what run.sh measured.
# SPDX-License-Identifier: Apache-2.0
"""report.py DIRECTORY"""
import os
import platform
import sys
import time
from statistics import median

SCENARIOS = [
    ('static', 'www.example.com A'), ('source', 'api.example.com A by the address of 32 clients'),
    ('ecs', 'api.example.com A by client subnet, 600 subnets, test database'),
    ('ecs-big', 'api.example.com A by client subnet, 200,000 subnets, 2.5 million networks'),
    ('nxdomain', 'random names that do not exist'),
    ('static-single', 'www.example.com A, every query sent as a packet of its own')]
RATES = [('rate-static', 'static'), ('rate-ecs-big', 'ecs-big')]


def read(name):
    path = os.path.join(sys.argv[1], name)
    if not os.path.exists(path):
        return []
    with open(path) as lines:
        return [dict(item.split('=', 1) for item in line.split()) for line in lines]


def machine():
    with open('/proc/cpuinfo') as lines:
        model = next((line.split(':')[1].strip() for line in lines if line.startswith('model name')), platform.machine())
    return '%s, %d processors, Linux %s' % (model, os.cpu_count(), platform.release())


samples = read('samples')


def values(scenario, server, key='qps'):
    return {s['round']: float(s[key]) for s in samples if s['scenario'] == scenario and s['server'] == server}


def spread(numbers, form='%.2f'):
    numbers = list(numbers)
    if not numbers:
        return '-'
    return '%s (%s-%s)' % tuple(form % number for number in (median(numbers), min(numbers), max(numbers)))


def thousands(numbers):
    return spread([number / 1000 for number in numbers], '%.0f')


def ratios(scenario, server, reference, key='qps'):
    own, other = values(scenario, server, key), values(scenario, reference, key)
    return [own[n] / other[n] for n in own if other.get(n)]


print('Measured %s on %s, with %s rounds.' % (time.strftime('%d %B %Y', time.gmtime()), machine(), max(
    (int(s['round']) for s in samples), default=0)))
print('Server on one processor with one worker, load generator on the other, loopback.')
print('Medians, in brackets the least and the greatest; ratios are of samples of the same round.')

if any(s['scenario'] == 'static' for s in samples):
    print('\n| thousand answers a second | echo | gdnsd | Meridian | Meridian / gdnsd | Meridian / echo | lost % |')
    print('|---|---:|---:|---:|---:|---:|---:|')
    for scenario, _ in SCENARIOS:
        mine = [s for s in samples if s['scenario'] == scenario and s['server'] == 'meridian']
        lost = sum(float(s['lost']) for s in mine) / max(1, sum(float(s['sent']) for s in mine))
        print('| %s | %s | %s | %s | **%s** | %s | %.2f |' % (
            scenario, *(thousands(values(scenario, server).values()) for server in ('echo', 'gdnsd', 'meridian')),
            spread(ratios(scenario, 'meridian', 'gdnsd')), spread(ratios(scenario, 'meridian', 'echo')), 100 * lost))
    runs = values('static', 'echo-runs').values()
    if runs:
        print('\nAn echo that receives and sends runs (UDP_GRO, UDP_SEGMENT) does %s thousand.' % thousands(runs))
    print()
    for scenario, text in SCENARIOS:
        print('- %s: %s' % (scenario, text))

if any(s['scenario'].startswith('rate') for s in samples):
    print('\n| at 50,000 queries a second | server | p50 us | p99 us | p99 / echo | p99 us, whole sample | lost % |')
    print('|---|---|---:|---:|---:|---:|---:|')
    for scenario, text in RATES:
        for server in ('echo', 'gdnsd', 'meridian'):
            mine = [s for s in samples if s['scenario'] == scenario and s['server'] == server]
            lost = sum(float(s['lost']) for s in mine) / max(1, sum(float(s['sent']) for s in mine))
            print('| %s | %s | %s | %s | %s | %s | %.2f |' % (
                text, server, *(spread(values(scenario, server, key).values(), '%.0f') for key in ('p50_us', 'slice_p99_us')),
                spread(ratios(scenario, server, 'echo', 'slice_p99_us')), spread(values(scenario, server, 'p99_us').values(), '%.0f'),
                100 * lost))
    print('\np99 is the median of the 99th percentiles of all 100 ms of a sample: a pause of the machine spoils one of them.')

instructions = read('instructions')
if instructions:
    names = [scenario for scenario, _ in SCENARIOS if any(i['scenario'] == scenario for i in instructions)]
    order = ['static', 'static-single', 'source', 'ecs', 'ecs-big', 'nxdomain']
    names.sort(key=order.index)
    print('\n| user instructions per query (callgrind, the whole process) | %s |' % ' | '.join(names))
    print('|---|%s' % ('---:|' * len(names)))
    for server in ('gdnsd', 'meridian'):
        found = {i['scenario']: int(i['instructions']) for i in instructions if i['server'].startswith(server)}
        print('| %s | %s |' % (server, ' | '.join('{:,}'.format(found[name]) if name in found else '-' for name in names)))

footprint = read('footprint')
if footprint:
    print('\n| server and database | start to first answer, ms | PSS idle, MiB | PSS after load, MiB |\n|---|---:|---:|---:|')
    for server in dict.fromkeys(f['server'] for f in footprint):
        rows = [f for f in footprint if f['server'] == server]
        memory = next(f for f in rows if 'idle_kib' in f)
        print('| %s | %s | %.1f | %.1f |' % (server.replace('-zones', ', 10,000 zones').replace('-', ', '), spread((float(f['start_ms']) for f in rows if 'start_ms' in f), '%.0f'),
                                           int(memory['idle_kib']) / 1024, int(memory['loaded_kib']) / 1024))
