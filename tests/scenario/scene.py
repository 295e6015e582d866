# scene.py - worlds and scenarios written by a program, and what `meridian simulate` makes of them.
# SPDX-License-Identifier: Apache-2.0
#
# JSON is YAML, so a world or a scenario is a dictionary here and a file in MERIDIAN_BUILD/lab/scenario/ for the program.
import csv
import json
import os
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parent / 'data/scenario'
BUILD = pathlib.Path(os.environ.get('MERIDIAN_BUILD', HERE.parents[1] / 'build/release')).resolve()
LAB = BUILD / 'lab/scenario'
POLICIES = ('balanced', 'score', 'nearest', 'weighted')


def cloud_regions(count):
    """Real regions of three clouds, each at least as far from those before as the list allows: spread first."""
    table = csv.DictReader((DATA / 'cloud_region_coordinates.csv').read_text().splitlines())
    rows = [row for row in table if row['provider'] in ('aws', 'gcp', 'azure')]
    points, chosen = [(float(row['latitude']), float(row['longitude'])) for row in rows], [0]
    while len(chosen) < count:
        far = max((i for i in range(len(rows)) if i not in chosen),
                  key=lambda i: min(apart(points[i], points[j]) for j in chosen))
        chosen.append(far)
    return [dict(name='%s-%s' % (rows[i]['provider'], rows[i]['region']), latitude=points[i][0], longitude=points[i][1])
            for i in chosen]


def apart(a, b):
    """A measure that grows with distance: the square of the chord."""
    import math
    (p, q), (r, s) = [(math.radians(x), math.radians(y)) for x, y in (a, b)]
    return ((math.cos(p) * math.cos(q) - math.cos(r) * math.cos(s)) ** 2 + (math.cos(p) * math.sin(q) - math.cos(r) * math.sin(s)) ** 2 +
            (math.sin(p) - math.sin(r)) ** 2)


def world(regions, ttl_s=30, ttl_min_s=None, services=('api.example.com',), probe=True, policies=None, ramp_s=None):
    """A configuration. regions: dictionaries with name, latitude, longitude, capacity_rps."""
    def region(i, r):
        endpoint = dict(name=r['name'] + '-a', addresses=['192.0.2.%d' % (i + 1)], capacity_rps=r['capacity_rps'],
                        weight=max(1, min(1000, round(r['capacity_rps']))))
        if probe:
            endpoint['probe'] = dict(kind='tcp', address='192.0.2.%d@443' % (i + 1), interval_ms=1000, timeout_ms=500, rise=2, fall=2)
        out = dict(name=r['name'], location=dict(latitude=r['latitude'], longitude=r['longitude']), endpoints=[endpoint])
        if ramp_s is not None:
            out['ramp_s'] = ramp_s
        return out
    out = dict(zones=[dict(origin='example.com', file='example.com.zone')], regions=[region(i, r) for i, r in enumerate(regions)],
               services=[dict(name=name, ttl_s=ttl_s, ttl_min_s=ttl_s if ttl_min_s is None else ttl_min_s,
                              regions=[r['name'] for r in regions]) for name in services])
    if policies:
        out['policies'] = policies
    return out


def write(name, content):
    LAB.mkdir(parents=True, exist_ok=True)
    path = LAB / name
    path.write_text(json.dumps(content))
    return path


def simulate(path, policy=None, seed=None, svg=None):
    """The report. Raises with the program's words when it has any complaint."""
    command = [str(BUILD / 'bin/meridian'), 'simulate', str(path), '--json']
    for option, value in (('--policy', policy), ('--seed', seed), ('--svg', svg)):
        if value is not None:
            command += [option, str(value)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError('%s: %s' % (path, done.stderr.strip()))
    return json.loads(done.stdout)
