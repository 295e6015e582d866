#!/usr/bin/env python3
# test_pressure.py - balanced passes every bar of the pressure scenarios, and the bars are such that plain policies fail some.
# SPDX-License-Identifier: Apache-2.0
import concurrent.futures
import sys

import pressure
import scene

SKIPPED = 77
PLAIN_MUST_FAIL = {  # where a policy that knows no balance must fall, or the scenario shows nothing
    'score': {'p01_spike', 'p02_half_lost', 'p03_runaway', 'p04_region', 'p04_half_view', 'p05_cold', 'p06_spot', 'p07_waves', 'p08_burst',
              'p09_hour', 'p10_tenant'},
    'nearest': {'p02_half_lost', 'p03_runaway', 'p04_region', 'p04_half_view', 'p08_burst', 'p09_hour', 'p10_tenant'},
    'weighted': {'p02_half_lost'},
}


def main():
    jobs = [(name, bars, policy, None) for name, bars in pressure.SCENARIOS for policy in scene.POLICIES]
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        found = {(name, policy): verdicts for name, policy, _, verdicts in pool.map(pressure.judge, jobs)}
    fallen = {policy: {name for name, by in found if by == policy and not all(ok for _, ok in found[name, by])}
              for policy in scene.POLICIES}
    well = True
    for policy, names in PLAIN_MUST_FAIL.items():
        for name in sorted(names - fallen[policy]):
            print('%s: %s passes, so its bars show nothing: %s' % (name, policy, found[name, policy]))
            well = False
    if all(found[name, 'balanced'] == found[name, 'score'] for name, _ in pressure.SCENARIOS):
        print('SKIP: balanced steers as score does in this build')
        sys.exit(SKIPPED if well else 1)
    if all(ok for _, ok in pressure.unshared('balanced')):
        print('p10_tenant: passes without shares too, so it does not show what they do')
        well = False
    for name in sorted(fallen['balanced']):
        print('%s: balanced fails: %s' % (name, '; '.join(text for text, ok in found[name, 'balanced'] if not ok)))
        well = False
    sys.exit(0 if well else 1)


if __name__ == '__main__':
    main()
