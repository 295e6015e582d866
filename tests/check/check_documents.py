#!/usr/bin/env python3
# check_documents.py - what the documents tell to type exists: files, presets, labels, links.
# SPDX-License-Identifier: Apache-2.0
import json
import re

import tree

LINES_MAX = 60  # of a folder's README: one screen, with a table
PRESETS = {'release', 'asan', 'tsan', 'fuzz'}
LABELS = {'unit', 'fuzz', 'conformance', 'e2e', 'check'}

presets = {entry['name'] for entry in json.loads(tree.read('CMakePresets.json'))['configurePresets']}
for name in sorted(PRESETS - presets):
    tree.finding('CMakePresets.json', 'no preset ' + name)

for line in tree.read('deploy/packages.txt').splitlines():
    if line.strip() and not line.startswith(('#', '[')) and not re.match(r'[a-z0-9][a-z0-9.+-]* +# \S', line):
        tree.finding('deploy/packages.txt', 'expected "package  # reason": ' + line)

documents = tree.files('.md')
for path in documents:
    text = tree.read(path)
    for number, line in enumerate(text.splitlines(), 1):
        where = '%s:%d' % (path, number)
        for link in re.findall(r'\]\(([^)#\s]+)[^)]*\)', line):
            if not re.match(r'[a-z]+:', link) and not (tree.SOURCE / path.parent / link).exists():
                tree.finding(where, 'link to nothing: ' + link)
        for command in re.findall(r'(?<![\w/.-])((?:deploy|tests|\.ci)/[\w./-]*\w)', line):
            if re.search(r'\.(sh|py|txt|md|zone|yaml|c|h)$', command) and \
                    not (tree.SOURCE / command).exists() and not (tree.SOURCE / path.parent / command).exists():
                tree.finding(where, 'no such file: ' + command)
        for preset in re.findall(r'cmake --preset (\w+)', line):
            if preset not in presets:
                tree.finding(where, 'no such preset: ' + preset)
        run = re.search(r'tests/run\.sh((?: [a-z0-9]+)+)', line)
        for label in run.group(1).split() if run and '`' in line else []:
            if label not in LABELS and '`tests/run.sh ' + label in line:
                tree.finding(where, 'no such label: ' + label)
        if re.search(r'(?<![\w.])/(work|farm|root|home)/', line):
            tree.finding(where, 'a path of one machine')
    if path.name == 'README.md' and len(path.parts) == 2 and len(text.splitlines()) > LINES_MAX:
        tree.finding(path, '%d lines, more than a screen' % len(text.splitlines()))
tree.end('%d documents' % len(documents))
