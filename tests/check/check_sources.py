#!/usr/bin/env python3
# check_sources.py - the arrows between folders, one noun per file, and how a file begins.
# SPDX-License-Identifier: Apache-2.0
import collections
import re

import tree

MAY_INCLUDE = {  # folder: folders it may include
    'router': {'router'}, 'geo': {'router', 'geo'}, 'state': {'router', 'state'}, 'dnsd': {'router', 'geo', 'state', 'dnsd'},
    'deploy': {'deploy'}, 'tests': {'router', 'geo', 'state', 'dnsd', 'tests'},
}
# What the C library gives without touching the outside: router/ is made of pure functions.
PURE_HEADERS = {'assert.h', 'ctype.h', 'errno.h', 'float.h', 'inttypes.h', 'limits.h', 'math.h', 'stdalign.h', 'stdarg.h',
                'stdbool.h', 'stddef.h', 'stdint.h', 'stdio.h', 'stdlib.h', 'stdnoreturn.h', 'string.h', 'strings.h', 'endian.h',
                'arpa/inet.h'}
LIBRARIES = {  # header: folders that may include it (tests may include all)
    r'maxminddb': {'geo'}, r'uv': {'state', 'dnsd'}, r'curl/': {'state', 'dnsd'}, r'jansson': {'state', 'dnsd'},
    r'hiredis': {'state'}, r'ldns/': {'dnsd'}, r'yaml': {'dnsd'}, r'microhttpd': {'dnsd', 'deploy'}, r'openssl/': {'state', 'dnsd'},
}
LINES_MAX = 700

sources = tree.files('.c', '.h')
stems = collections.defaultdict(set)
for path in sources:
    text, folder = tree.read(path), path.parts[0]
    lines = text.splitlines()
    if folder not in MAY_INCLUDE:
        tree.finding(path, 'in no folder of the design')
        continue
    first = '/* %s - ' % path.name
    if not lines or not lines[0].startswith(first):
        tree.finding('%s:1' % path, 'expected "%s..."' % first)
    if not any('SPDX-License-Identifier: Apache-2.0' in line for line in lines[:3]):
        tree.finding('%s:2' % path, 'no SPDX line')
    if len(lines) > LINES_MAX:
        tree.finding(path, '%d lines, more than a sitting (%d)' % (len(lines), LINES_MAX))
    for number, line in enumerate(lines, 1):
        if '\t' in line or line != line.rstrip():
            tree.finding('%s:%d' % (path, number), 'a tab or spaces at the end')
        ours = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if ours:
            target = ours.group(1)
            if not (tree.SOURCE / target).is_file():
                if folder != 'tests' and (tree.SOURCE / path.parent / target).is_file():
                    tree.finding('%s:%d' % (path, number), 'include it by its path from the top: "%s"' % (path.parent / target))
                continue  # generated
            if target.split('/')[0] not in MAY_INCLUDE[folder]:
                tree.finding('%s:%d' % (path, number), '%s/ must not include %s' % (folder, target))
        library = re.match(r'\s*#\s*include\s+<([^>]+)>', line)
        if library and folder == 'router' and library.group(1) not in PURE_HEADERS:
            tree.finding('%s:%d' % (path, number), 'router/ is pure: <%s>' % library.group(1))
        if library and folder != 'tests':
            for header, folders in LIBRARIES.items():
                if re.match(header, library.group(1)) and folder not in folders:
                    tree.finding('%s:%d' % (path, number), '%s/ must not use <%s>' % (folder, library.group(1)))
    stems[path.stem].add(path.parent)
for stem, folders in sorted(stems.items()):
    if len(folders) > 1:
        tree.finding(stem, 'stem is not unique: ' + ', '.join(sorted(str(folder) for folder in folders)))

for path in tree.files('.sh', '.py', '.cmake', 'CMakeLists.txt'):
    if not any('SPDX-License-Identifier: Apache-2.0' in line for line in tree.read(path).splitlines()[:4]):
        tree.finding(path, 'no SPDX line')
for folder in ('router', 'geo', 'state', 'dnsd', 'tests', 'deploy'):
    if not (tree.SOURCE / folder / 'README.md').is_file():
        tree.finding(folder, 'no README.md')
tree.end('%d sources' % len(sources))
