# succession.py - the processes that follow one another by `meridian upgrade`, and an end for the last of them.
# SPDX-License-Identifier: Apache-2.0
import atexit
import ctypes
import os
import re
import signal
import time

SUBREAPER = 36

# Whoever outlives the process that started it becomes our child, so that its end can be waited for.
ctypes.CDLL(None, use_errno=True).prctl(SUBREAPER, 1, 0, 0, 0)
_lines = []


class Line:
    """Of one meridiand: the process that was started, and those that took over from it."""

    def __init__(self, daemon):
        self.daemon = daemon
        _lines.append(self)

    def pids(self):
        return [self.daemon.process.pid] + [int(pid) for pid in re.findall(r'"the next process starts" pid=(\d+)', self.daemon.process.log())]

    def living(self):
        return [pid for pid in self.pids() if alive(pid)]

    def newest(self):
        return self.pids()[-1]

    def stop(self, number=signal.SIGTERM, timeout=20.0):
        """End all that live. True: they ended by themselves."""
        for pid in self.living():
            os.kill(pid, number)
        deadline = time.monotonic() + timeout
        while self.living() and time.monotonic() < deadline:
            time.sleep(0.02)
        left = self.living()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        return not left


def alive(pid):
    """Running, and no zombie; ours are reaped."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
    try:
        with open('/proc/%d/stat' % pid) as file:
            return file.read().rpartition(')')[2].split()[0] != 'Z'
    except FileNotFoundError:
        return False


def stop_all():
    for line in _lines:
        line.stop(signal.SIGKILL)


atexit.register(stop_all)
