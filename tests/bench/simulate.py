#!/usr/bin/env python3
# simulate.py - how long `meridian simulate` takes, in seconds of processor time.
# SPDX-License-Identifier: Apache-2.0
#
#   simulate.py [POLICY...]         default score balanced
import pathlib
import resource
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'scenario'))
import scene  # noqa: E402

CASES = ((8, 1), (50, 1), (50, 24))  # regions, hours


def write(regions, hours):
    chosen = scene.cloud_regions(regions)
    for i, region in enumerate(chosen):
        region['capacity_rps'] = 50 + i * 37 % 100
    scene.write('bench-world.yaml', scene.world(chosen))
    return scene.write('bench.yaml', dict(
        world='bench-world.yaml', duration_s=3600 * hours, clients=dict(places=str(scene.DATA / 'client_points_500.csv')),
        demand=dict(load=0.7, day=str(scene.DATA / 'burstgpt_sessions_by_hour.csv')), reports=dict(lag_s=3)))


for regions, hours in CASES:
    for policy in sys.argv[1:] or ('score', 'balanced'):
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        scene.simulate(write(regions, hours), policy)
        spent = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        print('%2d regions, 496 places, %2d h, %-9s %6.2f s' % (regions, hours, policy, spent), flush=True)
