# thread_stop.py - one thread of another process stands still while the others go on: a hang on demand, by ptrace.
# SPDX-License-Identifier: Apache-2.0
import ctypes
import os
import pathlib

SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request, thread):
    if libc.ptrace(request, thread, None, None) == -1:
        raise OSError(ctypes.get_errno(), 'ptrace %#x of thread %d' % (request, thread))


def threads(pid):
    """Ids by name, as /proc has them; the first thread, whose name others have too, is 'main'."""
    found = {(task / 'comm').read_text().strip(): int(task.name) for task in pathlib.Path('/proc/%d/task' % pid).iterdir()}
    return dict(found, main=pid)


class Stopped:
    """with Stopped(thread): it stands still. The same thread of this process must begin and end it."""

    def __init__(self, thread):
        self.thread = thread

    def __enter__(self):
        ptrace(SEIZE, self.thread)
        ptrace(INTERRUPT, self.thread)
        os.waitpid(self.thread, WALL)
        return self

    def __exit__(self, *_):
        """Also twice: a process of which a thread is traced cannot be reaped."""
        try:
            ptrace(DETACH, self.thread)
        except OSError:
            pass  # it was killed meanwhile, or is free already
