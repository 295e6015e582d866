#!/usr/bin/env python3
# pressure.py - ten scenarios of pressure, by policy, against the bars that they must pass.
# SPDX-License-Identifier: Apache-2.0
#
#   pressure.py                      the table: every scenario by every policy
#   pressure.py --check balanced     exit status 1 when that policy fails any
#   pressure.py p01 p09              these scenarios alone
#   pressure.py --table              policies by scenarios, as the README has it
import argparse
import concurrent.futures
import os
import sys

import scene

CAPACITY_ROOM = 1.05  # "above capacity": more than what a second's chance does to a flow that fits


def phase(report, name):
    return next(p for p in report['phases'] if p['name'] == name)


def since(report, key, from_s, to_s=1e9):
    series = report['series']
    return [v for t, v in zip(series['t_s'], series[key]) if from_s <= t < to_s and v is not None]


def spike(r):
    p = phase(r, 'spike')
    yield 'P95 %.0f ms' % p['p95_ms'], p['p95_ms'] < 3000
    yield 'failed %.2f %%' % r['whole']['failed_percent'], r['whole']['failed_percent'] < 1
    yield 'signal %s s' % p['first_signal_s'], p['first_signal_s'] is not None and p['first_signal_s'] <= 60


def half_lost(r):
    p, after = phase(r, 'lost'), phase(r, 'after')
    settled = max(since(r, 'over_percent', 130, 420))  # failures come later: whoever waited long enough in a queue
    yield 'over %.2f %% in the worst second after 10 s' % settled, settled < 1
    yield 'failed %.2f %%' % p['failed_percent'], p['failed_percent'] < 5
    yield 'P95 after 5 min %.0f ms' % after['p95_ms'], after['p95_ms'] < 2000 and after['failed_percent'] == 0


def runaway(r):
    p = phase(r, 'claim')
    liar = next(x for x in p['regions'] if x['name'] == 'ap-northeast-1')
    share = liar['load_rps'] / liar['capacity_rps']
    yield 'its mean load %.0f %%' % (100 * share), share < 1
    yield 'over %.2f %%' % p['over_percent'], p['over_percent'] < 1
    yield 'failed %.2f %%' % p['failed_percent'], p['failed_percent'] < 1


def region_dies(r):
    p, dies = phase(r, 'without'), phase(r, 'dies')
    worst = max(x['peak_utilisation'] for x in p['regions'] if x['name'] != 'eu-central-1')
    yield 'failed within a minute %.2f %%' % dies['failed_percent'], dies['failed_percent'] < 5
    yield 'failed later %.3f %%' % p['failed_percent'], p['failed_percent'] < 0.1
    yield 'fullest %.0f %%' % (100 * worst), worst <= CAPACITY_ROOM


def cold(r):
    first, full = phase(r, 'first'), phase(r, 'full')
    yield 'first after %.1f s' % first['first_served_s'], first['first_served_s'] <= 30
    yield 'failed %.2f %%' % r['whole']['failed_percent'], r['whole']['failed_percent'] < 1
    yield 'P95 %.0f ms' % full['p95_ms'], full['p95_ms'] < 2000


def spot(r):
    yield 'failed %d' % r['whole']['failed'], r['whole']['failed'] == 0
    p = phase(r, 'interrupted')
    yield 'P95 %.0f ms' % p['p95_ms'], p['p95_ms'] < 2000


def waves(r):
    p = phase(r, 'waves')
    yield 'decided %.0f %%/min' % p['changed_percent_per_minute'], p['changed_percent_per_minute'] < 100
    yield 'failed %.2f %%' % r['whole']['failed_percent'], r['whole']['failed_percent'] < 1
    yield 'P95 %.0f ms' % p['p95_ms'], p['p95_ms'] < 3000


def burst(r):
    p = phase(r, 'burst')
    yield 'failed %d' % r['whole']['failed'], r['whole']['failed'] == 0
    yield 'signal %s s' % p['first_signal_s'], p['first_signal_s'] is not None and p['first_signal_s'] <= 10
    left = max(since(r, 'waiting', 120))
    yield 'waiting after a minute %d' % left, left < 100


def hour(r):
    worst = max(since(r, 'p95_ms', 60))
    yield 'worst P95 %.0f ms' % worst, worst < 2000


def tenant(r):
    before = {s['name']: s['p95_ms'] for s in phase(r, 'before')['services']}
    worst = max(s['p95_ms'] / before[s['name']] for s in phase(r, 'high')['services'] if s['name'] != 'api.example.com')
    high = phase(r, 'high')
    others = max(s['failed_percent'] for s in high['services'] if s['name'] != 'api.example.com')
    yield "others' P95 %+.1f %%" % (100 * (worst - 1)), worst < 1.05
    yield "others' failed %.2f %%" % others, others < 0.1
    yield 'moved %.0f %%/min' % high['moved_percent_per_minute'], high['moved_percent_per_minute'] < 20


SCENARIOS = [('p01_spike', spike), ('p02_half_lost', half_lost), ('p03_runaway', runaway), ('p04_region', region_dies),
             ('p04_half_view', region_dies), ('p05_cold', cold), ('p06_spot', spot), ('p07_waves', waves), ('p08_burst', burst),
             ('p09_hour', hour), ('p10_tenant', tenant)]


def unshared(policy):
    """What p10_tenant shows of the same world without shares."""
    text = (scene.HERE / 'p10_tenant.yaml').read_text().replace('world4_tenants.yaml', str(scene.HERE / 'world4.yaml'))
    scene.LAB.mkdir(parents=True, exist_ok=True)
    path = scene.LAB / 'p10_unshared.yaml'
    path.write_text(text.replace('../data/scenario/', str(scene.DATA) + '/'))
    return list(tenant(scene.simulate(path, policy)))


def judge(job):
    name, bars, policy, seed = job
    """(scenario, policy, the report, [(what was found, does it hold), ...])"""
    report = scene.simulate(scene.HERE / (name + '.yaml'), policy, seed)
    return name, policy, report, list(bars(report))


def print_row(title, by_policy):
    cells = ['; '.join(text for text, ok in verdicts if not ok) or '**passes**' for verdicts in by_policy]
    print('| %s | %s |' % (title, ' | '.join(cells)))


def print_table(found):
    """Policies by scenarios, as Markdown: what a policy failed, or that it passed."""
    print('| scenario | %s |\n|---|%s' % (' | '.join(scene.POLICIES), '---|' * len(scene.POLICIES)))
    for name, title in dict.fromkeys((name, report['scenario']) for name, _, report, _ in found):
        print_row(title, [next(v for n, policy, _, v in found if n == name and policy == wanted) for wanted in scene.POLICIES])
    if any(name == 'p10_tenant' for name, _, _, _ in found):
        print_row('the same without shares', [unshared(policy) for policy in scene.POLICIES])


def main():
    parser = argparse.ArgumentParser(description='The pressure scenarios, by policy, against their bars.')
    parser.add_argument('--check', metavar='POLICY', help='run this policy alone; exit status 1 when it fails a bar')
    parser.add_argument('--seed', type=int)
    parser.add_argument('--table', action='store_true', help='print a Markdown table of all policies')
    parser.add_argument('names', nargs='*', help='beginnings of scenario names; default all')
    options = parser.parse_args()
    policies = [options.check] if options.check else scene.POLICIES
    chosen = [(n, b) for n, b in SCENARIOS if not options.names or n.startswith(tuple(options.names))]
    jobs = [(name, bars, policy, options.seed) for name, bars in chosen for policy in policies]
    failed, last = 0, None
    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, (os.cpu_count() or 2) // 2)) as pool:
        results = pool.map(judge, jobs)
        if options.table:
            print_table(list(results))
            sys.exit(0)
        for name, policy, report, verdicts in results:
            if name != last:
                print('\n%s (%s.yaml)' % (report['scenario'], name))
            last = name
            well = all(ok for _, ok in verdicts)
            failed += not well
            print('  %-9s %-5s cost %.2f of the optimum; %s' %
                  (policy, 'pass' if well else 'FAIL', report['whole']['cost_ratio'],
                   '; '.join(text if ok else '**%s**' % text for text, ok in verdicts)), flush=True)
    print('\n%d of %d failed' % (failed, len(jobs)))
    sys.exit(1 if options.check and failed else 0)


if __name__ == '__main__':
    main()
