#!/usr/bin/env python3
# check_hot.py - nothing on the packet path allocates, locks, logs, formats or asks for the time.
# SPDX-License-Identifier: Apache-2.0
#
# Compiles the sources that hot.txt names as the build does, but without link-time optimisation and with a section for every
# function, and follows the references from section to section. Tables of function pointers are followed too. So a function of a hot
# file may allocate when it only runs while a world is built, and a hot function may not call one that does.
import collections
import concurrent.futures
import fnmatch
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import tempfile

import tree

HOT = tree.SOURCE / 'tests/check/hot.txt'
MARK = 'symbol of another object: '


def rules():
    kinds = collections.defaultdict(list)
    for line in HOT.read_text().splitlines():
        words = line.partition('#')[0].split()
        if words:
            kinds[words[0]].append(words[1])
    return kinds


def compile_one(entry, output):
    """The build's own command, without LTO, with a section per function."""
    words = entry['arguments'] if 'arguments' in entry else shlex.split(entry['command'])
    kept, skip_next = [], False
    for word in words:
        if skip_next:
            skip_next = False
        elif word in ('-o', '-MF', '-MT', '-MQ'):
            skip_next = True
        elif not re.match(r'-flto|-f(no-)?fat-lto|-MD|-MMD|-fsanitize', word):
            kept.append(word)
    kept += ['-fno-lto', '-ffunction-sections', '-fdata-sections', '-o', str(output)]
    result = subprocess.run(kept, cwd=entry['directory'], capture_output=True, text=True)
    if result.returncode != 0:
        tree.finding(entry['file'], 'does not compile: ' + result.stderr.strip()[:400])


def read_object(path):
    """({section index: name}, {symbol: section index}, {section index: {what it refers to}}) of one object file."""
    text = subprocess.run(['readelf', '-W', '-S', '-s', '-r', str(path)], check=True, capture_output=True, text=True,
                          env={**os.environ, 'LC_ALL': 'C'}).stdout
    sections, symbols, uses, current = {}, {}, collections.defaultdict(set), None
    for line in text.splitlines():
        section = re.match(r'\s*\[\s*(\d+)\]\s+(\S+)\s+(PROGBITS|NOBITS|INIT_ARRAY|FINI_ARRAY|NOTE|RELA)\b', line)
        if section:
            sections[int(section.group(1))] = section.group(2)
        symbol = re.match(r'\s*\d+:\s+[0-9a-f]+\s+\S+\s+(\S+)\s+(\S+)\s+\S+\s+(\d+)\s+(\S+)', line)
        if symbol and symbol.group(1) != 'FILE':
            symbols[symbol.group(4)] = int(symbol.group(3))
        header = re.match(r"Relocation section '\.rela(\S+)'", line)
        if header:
            current = header.group(1)
        relocation = re.match(r'[0-9a-f]+\s+[0-9a-f]+\s+R_\S+\s+[0-9a-f]+\s+(\S+)', line)
        if relocation and current:
            uses[current].add(relocation.group(1))
    return sections, symbols, uses


def main():
    kinds = rules()
    database = tree.BUILD / 'compile_commands.json'
    if not database.is_file():
        tree.skip('no %s: configure the release build first' % database.name)
    if shutil.which('readelf') is None:
        tree.skip('readelf is not installed')
    entries = {str(pathlib.Path(entry['file']).relative_to(tree.SOURCE)): entry for entry in json.loads(database.read_text())
               if pathlib.Path(entry['file']).is_relative_to(tree.SOURCE)}
    ours = sorted(path for path in entries if any(fnmatch.fnmatch(path, glob) for glob in kinds['sources']))
    with tempfile.TemporaryDirectory(dir=tree.BUILD) as folder:
        outputs = {path: pathlib.Path(folder) / (path.replace('/', '_') + '.o') for path in ours}
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(lambda path: compile_one(entries[path], outputs[path]), ours))
        objects = {path: read_object(output) for path, output in outputs.items() if output.is_file()}

    exported = {}
    for path, (sections, symbols, _) in objects.items():
        for symbol, index in symbols.items():
            if index in sections:
                exported.setdefault(symbol, (path, sections[index]))

    def targets(path, section):
        sections, symbols, uses = objects[path]
        for symbol in uses.get(section, ()):
            if symbol in sections.values():  # a section's own symbol: a static function or table
                yield path, symbol
            elif symbols.get(symbol) in sections:
                yield path, sections[symbols[symbol]]
            elif symbol in exported:
                yield exported[symbol]
            else:
                yield path, MARK + symbol

    reached, queue = {}, collections.deque()
    for name in kinds['from']:
        if name not in exported:
            tree.finding('hot.txt', 'no such function: ' + name)
            continue
        reached[exported[name]] = None
        queue.append(exported[name])
    used = set()
    while queue:
        node = queue.popleft()
        for target in targets(*node):
            if target in reached:
                continue
            reached[target] = node
            if not target[1].startswith(MARK):
                queue.append(target)
                continue
            symbol = target[1][len(MARK):]
            allowed = [glob for glob in kinds['call'] if fnmatch.fnmatchcase(symbol, glob)]
            used.update(allowed)
            if not allowed and symbol != '_GLOBAL_OFFSET_TABLE_':
                way, step = [], node
                while step:
                    way.append(re.sub(r'^\.text\.(unlikely\.)?', '', step[1]))
                    step = reached[step]
                tree.finding(node[0], '%s is reached: %s' % (symbol, ' <- '.join(way)))
    functions = sum(1 for _, section in reached if section.startswith('.text'))
    tree.end('%d functions on the packet path of %d sources' % (functions, len(ours)))


main()
