#!/usr/bin/env python3
# grid.py - the worst cells of a grid over what a fleet may be: TTL, lag, load, regions, PoPs, and what goes wrong.
# SPDX-License-Identifier: Apache-2.0
#
#   grid.py [--policy balanced,score] [--cells N] [--worst N] [--seed N]
#
# Each cell is drawn by chance from the axes below (the whole grid has a hundred thousand). A cell that has no room for its demand whatever
# is done, or none for the clients of its one large resolver, is judged by what is over capacity beyond that.
import argparse
import concurrent.futures
import json
import os
import random
import sys

import scene

AXES = dict(
    ttl_s=(5, 10, 30, 60, 120, 300),
    lag_s=(1, 3, 10, 30),
    load=(0.30, 0.50, 0.70, 0.85, 0.95),
    regions=(2, 4, 8, 16, 50),
    pops=(1, 3, 8, 20),
    unequal=(1, 10, 50),          # largest capacity over the smallest
    resolver=(0, 0.3),            # share of all demand behind one resolver
    ignoring=(0, 0.3),            # share of resolvers that keep answers ten times longer
    wrong=(1, 1.3, 0.7),          # what half of the regions report, of their capacity
    happens=('nothing', 'step', 'loss'),
)
MINUTES = 40


def draw(dice):
    return {axis: dice.choice(values) for axis, values in AXES.items()}


def capacities(cell, dice):
    """Between 1 and `unequal`, the largest and the smallest always there; in all 100 a region."""
    raw = [cell['unequal'] ** dice.random() for _ in range(cell['regions'])]
    raw[0], raw[-1] = 1, cell['unequal']
    dice.shuffle(raw)
    return [value * 100 * cell['regions'] / sum(raw) for value in raw]


def resolvers(cell):
    rest = 1 - cell['resolver']
    out = [dict(share=rest * (1 - cell['ignoring']))]
    if cell['ignoring']:
        out.append(dict(share=rest * cell['ignoring'], ttl_factor=10))
    if cell['resolver']:
        out.append(dict(share=cell['resolver'], single=True, location=dict(latitude=39.0, longitude=-77.5)))
    return out


def happens(cell, regions):
    """A step leads to the cell's load from a fifth of it; the largest region dies."""
    if cell['happens'] == 'step':
        return [dict(at_s=0, kind='demand', factor=0.2), dict(at_s=60 * MINUTES // 2, kind='demand', factor=1)]
    if cell['happens'] == 'loss':
        largest = max(regions, key=lambda region: region['capacity_rps'])
        return [dict(at_s=60 * MINUTES // 2, kind='region_down', regions=[largest['name']])]
    return []


def scenario(number, cell, seed):
    dice = random.Random('%d %d' % (seed, number))
    regions = scene.cloud_regions(cell['regions'])
    for region, capacity in zip(regions, capacities(cell, dice)):
        region['capacity_rps'] = round(capacity, 2)
    name = 'grid-%d' % number
    scene.write(name + '-world.yaml', scene.world(regions, ttl_s=cell['ttl_s'], ttl_min_s=min(cell['ttl_s'], 5)
                                                  if cell['happens'] == 'loss' else cell['ttl_s']))
    pops = scene.cloud_regions(cell['pops'])
    return scene.write(name + '.yaml', dict(
        world=name + '-world.yaml', title='grid cell %d' % number, seed=number, duration_s=60 * MINUTES, start_hour=dice.randrange(24),
        clients=dict(places=str(scene.DATA / 'client_points_500.csv'), limit=200, cache_phases=6), resolvers=resolvers(cell),
        demand=dict(load=cell['load'], day=str(scene.DATA / 'burstgpt_sessions_by_hour.csv'), keep_total=True),
        servers=[dict(region=region['name'], processing_ms=dice.randrange(750, 900), capacity_rps=region['capacity_rps'],
                      claim=cell['wrong'] if i % 2 == 0 else 1) for i, region in enumerate(regions)],
        reports=dict(lag_s=cell['lag_s']),
        pops=[dict(name='pop-%d' % i, location=dict(latitude=pop['latitude'], longitude=pop['longitude'])) for i, pop in enumerate(pops)],
        events=happens(cell, regions),
        phases=[dict(name='settling', from_s=0), dict(name='settled', from_s=60 * MINUTES // 4),
                dict(name='change', from_s=60 * MINUTES // 2), dict(name='after', from_s=60 * MINUTES * 3 // 4)]))


def lump_percent(path, cell):
    """What of all demand one resolver's clients are beyond the largest region that is left: nobody can better that, they have one answer."""
    capacity = sorted(server['capacity_rps'] for server in json.loads(path.read_text())['servers'])
    demand = cell['load'] * sum(capacity)
    largest = capacity[-2] if cell['happens'] == 'loss' else capacity[-1]
    return 100 * max(0, cell['resolver'] * demand - largest) / demand


def rest(report, cell):
    """From five TTLs after the change on, and as long as reports take: % over capacity beyond what is lacking, and % moved a minute."""
    series, begin = report['series'], 60 * MINUTES // 2 + 5 * cell['ttl_s'] + 2 * cell['lag_s']
    at = [i for i, second in enumerate(series['t_s']) if second >= begin]
    if not at:
        return 0, 0
    capacity = [sum(region['capacity_rps'][i] for region in series['regions']) for i in at]
    over = sum(max(0, series['over_percent'][i] - max(0, 100 - 100 * room / series['demand_rps'][i])) for i, room in zip(at, capacity))
    return over / len(at), sum(series['moved_percent_per_minute'][i] for i in at) / len(at)


def run(job):
    number, cell, policy, seed = job
    path = scenario(number, cell, seed)
    report = scene.simulate(path, policy)
    phases = {phase['name']: phase for phase in report['phases']}
    after = phases['after']
    rest_over, rest_moved = rest(report, cell)
    return number, cell, policy, dict(
        rest_over=rest_over, rest_moved=rest_moved, over=max(after['over_percent'] - max(after['lacking_percent'], lump_percent(path, cell)), 0),
        change=max(phases['change']['over_percent'] - phases['change']['lacking_percent'], 0),
        moved=after['moved_percent_per_minute'], ratio=after['cost_ratio'] or 0)


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def print_policy(policy, results, worst):
    print('\n%s, %d cells, the last quarter of %d minutes' % (policy, len(results), MINUTES))
    for key, title in (('over', 'over capacity, %'), ('change', 'over capacity around the change, %'), ('moved', 'moved, %/min'),
                       ('ratio', 'cost / optimum')):
        values = [figures[key] for _, _, figures in results]
        print('  %-36s median %8.3f   90 %% %8.3f   worst %8.3f' % (title, quantile(values, 0.5), quantile(values, 0.9), max(values)))
    for key, title in (('over', 'over capacity'), ('moved', 'moved')):
        print('  worst by %s:' % title)
        for number, cell, figures in sorted(results, key=lambda result: -result[2][key])[:worst]:
            print('    over %6.2f  moved %6.1f  ratio %5.3f  cell %d: %s' % (figures['over'], figures['moved'], figures['ratio'], number,
                  ' '.join('%s=%s' % item for item in cell.items())))


def main():
    parser = argparse.ArgumentParser(description='The worst cells of a grid over what a fleet may be.')
    parser.add_argument('--policy', default='balanced,score', help='with commas between')
    parser.add_argument('--cells', type=int, default=60)
    parser.add_argument('--worst', type=int, default=3)
    parser.add_argument('--seed', type=int, default=int(os.environ.get('MERIDIAN_SEED', 1)))
    parser.add_argument('--over', type=float, help='exit status 1 when any cell of the first policy has more over capacity, in percent')
    options = parser.parse_args()
    print('MERIDIAN_SEED=%d' % options.seed)
    dice = random.Random(options.seed)
    cells = [draw(dice) for _ in range(options.cells)]
    policies = options.policy.split(',')
    jobs = [(number, cell, policy, options.seed) for number, cell in enumerate(cells) for policy in policies]
    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, (os.cpu_count() or 2) // 2)) as pool:
        done = list(pool.map(run, jobs))
    for policy in policies:
        print_policy(policy, [(number, cell, figures) for number, cell, by, figures in done if by == policy], options.worst)
    first = [figures['over'] for _, _, by, figures in done if by == policies[0]]
    sys.exit(1 if options.over is not None and max(first) > options.over else 0)


if __name__ == '__main__':
    main()
