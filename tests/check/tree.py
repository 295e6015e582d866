# tree.py - the files of the repository and how a check speaks.
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get('MERIDIAN_BUILD', SOURCE / 'build/release')).resolve()
SKIPPED = 77

_findings = []


def files(*suffixes):
    """Paths relative to the repository's top, sorted; without build/ and hidden folders. Works without git."""
    found = []
    for folder, folders, names in os.walk(SOURCE):
        folders[:] = [name for name in folders if not name.startswith('.') and name != '__pycache__' and
                      not (name == 'build' and pathlib.Path(folder) == SOURCE)]
        found += [(pathlib.Path(folder) / name).relative_to(SOURCE) for name in names if name.endswith(suffixes)]
    return sorted(found)


def read(path):
    return (SOURCE / path).read_text(errors='replace')


def finding(where, what):
    _findings.append('%s: %s' % (where, what))


def skip(reason):
    print('SKIP: ' + reason)
    sys.exit(SKIPPED)


def end(summary):
    """Print and exit: 1 when there is any finding."""
    for line in _findings:
        print(line)
    print('%s: %d findings' % (summary, len(_findings)))
    sys.exit(1 if _findings else 0)
