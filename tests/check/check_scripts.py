#!/usr/bin/env python3
# check_scripts.py - shell scripts pass shellcheck and can be run.
# SPDX-License-Identifier: Apache-2.0
import os
import shutil
import subprocess

import tree

if shutil.which('shellcheck') is None:
    tree.skip('shellcheck is not installed')
scripts = [path for path in tree.files('.sh')] + [tree.pathlib.Path('.ci/run')]
for path in scripts:
    first = tree.read(path).split('\n', 1)[0]
    if first.startswith('#!') and not os.access(tree.SOURCE / path, os.X_OK):
        tree.finding(path, 'begins with #! but has no run bit')
result = subprocess.run(['shellcheck', '-x', '-f', 'gcc', *map(str, scripts)], cwd=tree.SOURCE, capture_output=True, text=True)
for line in (result.stdout + result.stderr).splitlines():
    tree.finding('shellcheck', line)
if 'tests/run.sh' not in tree.read(tree.pathlib.Path('.ci/run')):
    tree.finding('.ci/run', 'does not call tests/run.sh')
tree.end('%d scripts' % len(scripts))
