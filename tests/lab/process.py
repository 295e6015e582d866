# process.py - programs under test: ports of their own, a directory of their own, bounded waits, and always an end.
# SPDX-License-Identifier: Apache-2.0
import atexit
import fcntl
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get('MERIDIAN_BUILD', SOURCE / 'build/release')).resolve()
SLOW = float(os.environ.get('MERIDIAN_SLOW', '1'))  # factor on every deadline, for sanitizers and loaded machines
SKIPPED = 77  # ctest's SKIP_RETURN_CODE of these tests

_running, _locks = [], []


def skip(reason):
    """End the whole test: it cannot run here."""
    print('SKIP: ' + reason, flush=True)
    sys.exit(SKIPPED)


def program(name):
    """Path of a program of this build, or of an installed one (servers live in sbin)."""
    built = BUILD / 'bin' / name
    found = str(built) if built.exists() else shutil.which(name, path=os.environ.get('PATH', '') + ':/usr/sbin:/sbin')
    if found is None:
        skip('%s is neither built nor installed' % name)
    return found


def directory(name):
    """A new empty directory for one test below the build folder, kept for reading until the next run."""
    path = BUILD / 'lab' / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def port():
    """A port that is free for UDP and TCP on IPv4 and IPv6, and that no other test takes while this one lives. Below the range
    the kernel picks from; reserved by a lock, because SO_REUSEPORT would let two daemons share a port in silence."""
    folder = BUILD / 'lab/ports'
    folder.mkdir(parents=True, exist_ok=True)
    for _ in range(200):
        number = random.SystemRandom().randrange(15000, 32000)
        lock = open(folder / str(number), 'w')
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for family, address in ((socket.AF_INET, '0.0.0.0'), (socket.AF_INET6, '::')):
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    with socket.socket(family, kind) as sock:
                        if family == socket.AF_INET6:
                            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                        sock.bind((address, number))
        except OSError:
            lock.close()
            continue
        _locks.append(lock)
        return number
    raise RuntimeError('no free port in 200 tries')


class Process:
    """A child with its output in a file. Ended at the latest when the test ends."""

    def __init__(self, name, arguments, folder, env=None, cwd=None):
        self.name, self.log_path = name, folder / (name + '.log')
        with open(self.log_path, 'ab') as log:
            self.child = subprocess.Popen([str(a) for a in arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          env={**os.environ, **(env or {})}, cwd=cwd)
        self.pid = self.child.pid
        _running.append(self)

    def log(self):
        return self.log_path.read_text(errors='replace')

    def alive(self):
        return self.child.poll() is None

    def send(self, number):
        self.child.send_signal(number)

    def wait(self, timeout=10.0):
        """Exit status; negative: the signal that ended it. Kills and raises when it does not end in time."""
        try:
            return self.child.wait(timeout * SLOW)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise AssertionError('%s did not end within %.0f s' % (self.name, timeout * SLOW)) from None

    def stop(self, number=signal.SIGTERM, timeout=10.0):
        if self.alive():
            self.send(number)
        return self.wait(timeout)


def end_all():
    for process in _running:
        if process.alive():
            process.child.kill()
            process.child.wait()


atexit.register(end_all)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ctest's time-out: run atexit


def wait_until(condition, timeout, what, alive=()):
    """Ask `condition` until it returns something true and return that; fail after `timeout` seconds, or at once when one of
    `alive` has ended."""
    deadline, pause = time.monotonic() + timeout * SLOW, 0.005
    while True:
        value = condition()
        if value:
            return value
        for process in alive:
            if not process.alive():
                raise AssertionError('%s ended with %s while waiting for %s:\n%s' %
                                     (process.name, process.child.returncode, what, process.log()[-3000:]))
        if time.monotonic() > deadline:
            raise AssertionError('not within %.1f s: %s' % (timeout * SLOW, what))
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
