#!/usr/bin/env python3
# test_packages.py - the Debian packages on a fresh Debian 12: installed, run, upgraded while queries come, purged.
# SPDX-License-Identifier: Apache-2.0
#
# The fresh machine is a chroot by debootstrap, whose archive is kept in build/packages; packages come from where this machine's come from.
# systemd cannot be its first process: a systemctl that writes down what it is told, and knows whether the daemon lives, stands in for it.
# All is mounted in a mount namespace of this process and gone with it.
import json
import os
import pathlib
import re
import selectors
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lab'))
import dns  # noqa: E402
import process  # noqa: E402
from process import wait_until  # noqa: E402

HOME = process.SOURCE / 'build/packages'
ROOT, BASE = HOME / 'root', HOME / 'base.tar'
PACKAGES = ('meridian', 'meridiand')
SYSTEMCTL = '''#!/bin/sh
echo "$*" >>/var/log/systemctl.calls
case "$*" in
*is-active*) kill -0 "$(cat /run/meridiand.pid 2>/dev/null || echo none)" 2>/dev/null ;;
*) exit 0 ;;
esac
'''


def require():
    if os.geteuid() != 0:
        process.skip('a chroot needs root')
    for name in ('debootstrap', 'dpkg-deb', 'apt-get'):
        if shutil.which(name) is None:
            process.skip('%s is not installed' % name)
    if os.environ.get('MERIDIAN_MOUNTS') is None:
        if subprocess.run(['unshare', '--mount', 'true'], capture_output=True).returncode != 0:
            process.skip('mount namespaces cannot be made here')
        os.environ['MERIDIAN_MOUNTS'] = 'own'
        os.execvp('unshare', ['unshare', '--mount', sys.executable, '-B'] + sys.argv)


def mirror():
    """Where this machine's Debian packages come from, by apt's own lists."""
    text = subprocess.run(['apt-get', 'indextargets', '--format', '$(ORIGIN) $(CODENAME) $(COMPONENT) $(REPO_URI)', 'Created-By: Packages'],
                          capture_output=True, text=True).stdout
    found = re.search(r'^Debian bookworm main (\S+)$', text, re.M)
    return found.group(1) if found else process.skip('apt knows of no mirror of Debian 12')


def run(*words, timeout=600, **keywords):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL, **keywords)
    return done.returncode, done.stdout + done.stderr


def must(*words, **keywords):
    code, text = run(*words, **keywords)
    assert code == 0, '%s: %d\n%s' % (words, code, text[-3000:])
    return text


def inside(*words, **keywords):
    """In the chroot, with an environment of its own."""
    return run('chroot', ROOT, 'env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C',
               *('%s=%s' % entry for entry in os.environ.items() if entry[0].lower().endswith('_proxy')), *words, **keywords)


def inside_must(*words, **keywords):
    code, text = inside(*words, **keywords)
    assert code == 0, '%s: %d\n%s' % (words, code, text[-3000:])
    return text


def built():
    """The packages of this tree, made anew where they are older than it."""
    def found():
        return {name: path for name in PACKAGES for path in (process.SOURCE / 'build/package').glob(name + '_*.deb')}
    sources = [path for folder in ('dnsd', 'router', 'geo', 'state', 'deploy') for path in (process.SOURCE / folder).rglob('*')]
    newest = max(path.stat().st_mtime for path in sources + [process.SOURCE / 'CMakeLists.txt'])
    if len(found()) < len(PACKAGES) or min(path.stat().st_mtime for path in found().values()) < newest:
        must(process.SOURCE / 'deploy/package.sh')
    return found()


def make_base(site):
    """Once; then it is there. An archive that is half written counts for nothing."""
    if BASE.exists():
        return
    shutil.rmtree(ROOT, ignore_errors=True)
    code, text = run('debootstrap', '--variant=minbase', '--include=ca-certificates', 'bookworm', ROOT, site)
    if code != 0:
        process.skip('debootstrap cannot make a Debian 12 here: ' + text.strip().splitlines()[-1])
    must('tar', '-C', ROOT, '-cf', str(BASE) + '.new', '.')
    os.replace(str(BASE) + '.new', BASE)


def files_of(root):
    """Everything but what programs write as they run."""
    out = set()
    for folder, names, files in os.walk(root):
        names[:] = [name for name in names if os.path.join(folder, name) not in {str(root / other) for other in (
            'proc', 'sys', 'dev', 'run', 'tmp', 'var/cache', 'var/lib/apt', 'var/lib/dpkg', 'var/log', 'var/lib/systemd')}]
        out |= {os.path.relpath(os.path.join(folder, name), root) for name in names + files}
    return out


class Stream:
    """A question when an answer has come, or after 5 ms; each is asked once."""

    def __init__(self, port):
        self.port, self.running, self.sent, self.lost = port, True, 0, 0
        self.thread = threading.Thread(target=self.ask)
        self.thread.start()

    def ask(self):
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(16)]
        selector = selectors.DefaultSelector()
        for sock in sockets:
            sock.connect(('127.0.0.1', self.port))
            sock.setblocking(False)
            selector.register(sock, selectors.EVENT_READ)
        waiting = {}
        while self.running or waiting:
            now = time.monotonic()
            if self.running:
                self.sent += 1
                waiting[self.sent % 65536] = now
                try:
                    sockets[self.sent % 16].send(dns.question('www.example.com', identifier=self.sent % 65536))
                except OSError:
                    pass
            for key, _ in selector.select(0.005):
                try:
                    waiting.pop(dns.Message(key.fileobj.recv(4096)).identifier, None)
                except OSError:
                    pass
            for identifier in [identifier for identifier, at in waiting.items() if now - at > 3]:
                del waiting[identifier]
                self.lost += 1
        for sock in sockets:
            sock.close()

    def stop(self):
        self.running = False
        self.thread.join()


class Packages(unittest.TestCase):
    """In the order of their names: one machine's life."""

    @classmethod
    def setUpClass(cls):
        site = mirror()
        HOME.mkdir(parents=True, exist_ok=True)
        cls.debs = built()
        make_base(site)
        shutil.rmtree(ROOT, ignore_errors=True)
        ROOT.mkdir()
        must('tar', '-C', ROOT, '-xf', BASE)
        must('mount', '-t', 'proc', 'proc', ROOT / 'proc')
        shutil.copy('/etc/resolv.conf', ROOT / 'etc/resolv.conf')
        (ROOT / 'etc/apt/sources.list').write_text('deb %s bookworm main\n' % site)
        (ROOT / 'usr/sbin/policy-rc.d').write_text('#!/bin/sh\nexit 101\n')
        (ROOT / 'usr/sbin/policy-rc.d').chmod(0o755)
        settings = subprocess.run(['apt-config', 'dump'], capture_output=True, text=True).stdout
        (ROOT / 'etc/apt/apt.conf.d/90proxy').write_text(''.join(re.findall(r'(?im)^Acquire::\S*proxy\S* .*\n', settings)))
        code, text = inside('apt-get', 'update')
        if code != 0 or re.search(r'^(Err|W:)', text, re.M):
            process.skip('the chroot cannot reach the packages that this machine can: ' + text.strip().splitlines()[-1])
        inside_must('apt-get', 'install', '-y', 'tor-geoipdb')  # meridiand recommends it
        cls.before = files_of(ROOT)
        cls.port, cls.admin, cls.daemon, cls.log = process.port(), process.port(), None, ROOT / 'var/log/meridiand.log'

    @classmethod
    def tearDownClass(cls):
        for pid in cls.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if cls.daemon is not None:
            cls.daemon.wait()

    @classmethod
    def pids(cls):
        """The daemon that was started, and those that took over."""
        if cls.daemon is None:
            return []
        return [cls.daemon.pid] + [int(pid) for pid in re.findall(r'"the next process starts" pid=(\d+)', cls.log.read_text(errors='replace'))]

    def install(self, *paths):
        for path in paths:
            shutil.copy(path, ROOT / 'tmp')
        return inside('apt-get', 'install', '-y', '--allow-downgrades', *['/tmp/' + path.name for path in paths])

    def repacked(self, name, version):
        """The same package as a later version."""
        tree, out = HOME / 'repack', HOME / ('%s_%s.deb' % (name, version))
        shutil.rmtree(tree, ignore_errors=True)
        must('dpkg-deb', '-R', self.debs[name], tree)
        control = tree / 'DEBIAN/control'
        text = re.sub(r'^Version: .*$', 'Version: ' + version, control.read_text(), flags=re.M)
        control.write_text(re.sub(r'meridian \(= [^)]*\)', 'meridian (= %s)' % version, text))
        must('dpkg-deb', '--root-owner-group', '-b', tree, out)
        return out

    def status(self):
        return json.loads(inside_must('meridian', 'status', '--json', '--admin', '127.0.0.1@%d' % self.admin))

    def calls(self):
        path = ROOT / 'var/log/systemctl.calls'
        return path.read_text() if path.exists() else ''

    def test_1_install(self):
        self.assertEqual(set(self.debs), set(PACKAGES))
        code, text = self.install(*self.debs.values())
        self.assertEqual(code, 0, text[-3000:])
        for name in ('usr/sbin/meridiand', 'usr/bin/meridian', 'lib/systemd/system/meridiand.service', 'usr/lib/sysusers.d/meridiand.conf',
                     'usr/share/bash-completion/completions/meridian', 'usr/share/doc/meridiand/examples/minimal.yaml'):
            self.assertTrue((ROOT / name).exists(), name)
        self.assertRegex(inside_must('getent', 'passwd', 'meridian'), r'^meridian:.*:/usr/sbin/nologin')
        self.assertEqual(inside_must('meridiand', '--version').split()[0], 'meridiand')
        for line in inside_must('dpkg', '-L', *PACKAGES).splitlines():
            path = ROOT / line.lstrip('/')
            if line.startswith('/') and (path.is_file() or path.is_dir()) and not path.is_symlink():
                mode = path.stat()
                self.assertEqual((mode.st_uid, mode.st_gid, mode.st_mode & stat.S_IWOTH), (0, 0, 0), line)
        self.assertEqual(inside_must('dpkg', '--audit'), '')

    def test_2_configurations(self):
        """The examples are good where they are; a bad one is refused with its file, line and value."""
        for name in ('minimal.yaml', 'full.yaml'):
            inside_must('meridiand', '--check', '--config', '/usr/share/doc/meridiand/examples/' + name)
        bad = ROOT / 'tmp/bad.yaml'
        bad.write_text('workers: 9999\n')
        code, text = inside('meridiand', '--check', '--config', '/tmp/bad.yaml')
        self.assertEqual(code, 1)
        self.assertRegex(text, r'bad\.yaml:1: workers: 9999: ')

    def configure(self):
        shutil.copy(ROOT / 'usr/share/doc/meridiand/examples/example.com.zone', ROOT / 'etc/meridian/example.com.zone')
        minimal = (ROOT / 'usr/share/doc/meridiand/examples/minimal.yaml').read_text()
        (ROOT / 'etc/meridian/meridian.yaml').write_text('listen: 127.0.0.1@%d\nadmin: {listen: 127.0.0.1@%d}\n%s' % (self.port, self.admin, minimal))

    def test_3_run(self):
        self.configure()
        with open(self.log, 'ab') as log:
            type(self).daemon = subprocess.Popen(
                ['chroot', '--userspec=meridian:meridian', ROOT, '/usr/sbin/meridiand', '--config', '/etc/meridian/meridian.yaml'],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: dns.udp_exchange(('127.0.0.1', self.port), dns.question('www.example.com'), timeout=0.5), 20, 'it answers')
        (ROOT / 'run/meridiand.pid').write_text('%d\n' % self.daemon.pid)
        self.assertEqual(pathlib.Path('/proc/%d' % self.daemon.pid).stat().st_uid, int(inside_must('id', '-u', 'meridian')))
        (ROOT / 'run/systemd/system').mkdir(parents=True, exist_ok=True)
        (ROOT / 'usr/bin/systemctl').write_text(SYSTEMCTL)
        (ROOT / 'usr/bin/systemctl').chmod(0o755)

    def test_4_upgrade(self):
        """postinst has the new program take over; nobody is left without an answer."""
        paths = [self.repacked(name, '9.0.0-1') for name in PACKAGES]
        stream = Stream(self.port)
        try:
            code, text = self.install(*paths)
            wait_until(lambda: len(self.pids()) == 2, 20, 'another process started')
            time.sleep(1)
        finally:
            stream.stop()
        self.assertEqual(code, 0, text[-3000:])
        print('\nupgrade: %d sent, %d lost' % (stream.sent, stream.lost), flush=True)
        self.assertGreater(stream.sent, 200)
        self.assertEqual(stream.lost, 0)
        self.assertNotRegex(self.calls(), r'(?m)^(re)?start|^stop|^try-restart')
        self.assertNotIn('(deleted)', os.readlink('/proc/%d/exe' % self.pids()[-1]), 'it runs the new file')
        (ROOT / 'run/meridiand.pid').write_text('%d\n' % self.pids()[-1])

    def test_5_upgrade_into_a_bad_configuration(self):
        """The package is installed, the process that runs goes on, and the operator is told."""
        with open(ROOT / 'etc/meridian/meridian.yaml', 'a') as config:
            config.write('workers: 9999\n')
        stream = Stream(self.port)
        try:
            code, text = self.install(*[self.repacked(name, '9.0.1-1') for name in PACKAGES])
            time.sleep(1)
        finally:
            stream.stop()
        self.assertEqual(code, 0, text[-3000:])
        self.assertRegex(text, r'meridian\.yaml:\d+: workers: 9999: ')
        self.assertIn('the one that runs goes on', text)
        self.assertEqual((len(self.pids()), stream.lost), (2, 0))
        self.configure()
        inside_must('meridian', 'upgrade', '--config', '/etc/meridian/meridian.yaml')
        wait_until(lambda: len(self.pids()) == 3, 20, 'once it is mended the new one takes over')
        (ROOT / 'run/meridiand.pid').write_text('%d\n' % self.pids()[-1])

    def test_6_purge(self):
        """What the packages brought goes; what the operator wrote stays, for it is not theirs."""
        (ROOT / 'usr/sbin/policy-rc.d').unlink()  # it forbids the stop, too
        inside_must('apt-get', 'purge', '-y', *PACKAGES)
        self.assertRegex(self.calls(), r'(?m)^(--\S+ )*stop .*meridiand')
        os.kill(self.pids()[-1], signal.SIGTERM)
        left = {name for name in files_of(ROOT) - self.before if not re.match(r'etc/(passwd|group|shadow|gshadow)-?$|usr/bin/systemctl$', name)}
        self.assertEqual({name for name in left if 'meridian' in name},
                         {'etc/meridian', 'etc/meridian/meridian.yaml', 'etc/meridian/example.com.zone'})
        shutil.rmtree(ROOT / 'etc/meridian')


if __name__ == '__main__':
    require()
    unittest.main(verbosity=2)
