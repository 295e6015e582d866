# lab.py - an end-to-end test's way to tests/lab, and its end.
# SPDX-License-Identifier: Apache-2.0
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lab'))
import dns  # noqa: E402, F401
import fleet  # noqa: E402, F401
import process  # noqa: E402, F401
import servers  # noqa: E402, F401


def main():
    """Run the calling file's cases; say why one was left out; the daemons that still run must end well, too."""
    program = unittest.main(module='__main__', verbosity=2, exit=False)
    for case, reason in program.result.skipped:
        print('SKIP: %s: %s' % (case.id().replace('__main__.', ''), reason))
    well = servers.stop_all() and program.result.wasSuccessful()
    sys.stdout.flush()
    sys.exit(0 if well else 1)
