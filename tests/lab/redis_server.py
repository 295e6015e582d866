# redis_server.py - a real redis-server of one test's own, and what may befall it.
# SPDX-License-Identifier: Apache-2.0
import shutil
import signal
import subprocess

from process import Process, SLOW, port, program, wait_until


class RedisServer:
    """Listens on `address`, writes no dumps by itself. `prefix`: words before the program, to start it elsewhere."""

    def __init__(self, folder, name, address='127.0.0.1', arguments=(), prefix=()):
        self.folder, self.name, self.address, self.port = folder / name, name, address, port()
        self.arguments, self.prefix = arguments, list(prefix)
        self.folder.mkdir(exist_ok=True)
        self.start()

    def start(self):
        """With what its folder holds: a dump, when there is one."""
        self.process = Process(self.name, self.prefix + [
            program('redis-server'), '--port', self.port, '--bind', self.address, '--dir', self.folder, '--save', '',
            '--appendonly', 'no', '--protected-mode', 'no', *self.arguments], self.folder)
        wait_until(lambda: self.cli('PING', check=False) == 'PONG', 10, self.name + ' answers', alive=[self.process])

    def cli(self, *words, stdin=None, check=True):
        """redis-cli's output. With check, an error is a failure."""
        result = subprocess.run(self.prefix + [program('redis-cli'), '-h', self.address, '-p', str(self.port),
                                               *[str(word) for word in words]], input=stdin, capture_output=True,
                                timeout=60 * SLOW)
        text = result.stdout.decode(errors='replace').rstrip('\n')
        if check and (result.returncode != 0 or text.startswith('ERR ') or 'NOAUTH' in text):
            raise AssertionError('redis-cli %s: %s%s' % (' '.join(map(str, words[:3])), text[:300], result.stderr[:300]))
        return text

    def kill(self):
        self.process.stop(signal.SIGKILL)

    def freeze(self):
        self.process.send(signal.SIGSTOP)

    def thaw(self):
        self.process.send(signal.SIGCONT)

    def dump(self, path):
        """Write all it holds to a file of ours."""
        self.cli('SAVE')
        shutil.copy(self.folder / 'dump.rdb', path)

    def restart_from(self, path):
        self.kill()
        shutil.copy(path, self.folder / 'dump.rdb')
        self.start()
