#!/usr/bin/env python3
# test_packages.py - the Debian packages on a fresh Debian 12: installed, run, upgraded while queries come, removed, purged.
# SPDX-License-Identifier: Apache-2.0
#
# The fresh machine is a chroot by debootstrap, whose archive of the day is kept in build/packages; packages come from where this machine's
# come from. From then on it has no network but a loopback of its own, so the daemon takes port 53 and the examples stand as they are shipped.
# systemd cannot be its first process: a systemctl that writes down what it is told, and knows whether the daemon lives, stands in for it.
# Mounts and processes are of namespaces whose first process this is: however it ends, they end with it.
import ctypes
import datetime
import gzip
import hashlib
import json
import os
import pathlib
import re
import selectors
import shlex
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
from process import program, wait_until  # noqa: E402
from succession import alive  # noqa: E402

HOME = process.SOURCE / 'build/packages'
ROOT = HOME / 'root'
PACKAGES = ('meridian', 'meridiand')
UNIT = 'lib/systemd/system/meridiand.service'
ENABLED = 'etc/systemd/system/multi-user.target.wants/meridiand.service'
CONFIG = ROOT / 'etc/meridian/meridian.yaml'
EXAMPLES = 'usr/share/doc/meridiand/examples'
SERVER = ('127.0.0.1', 53)
CLONE_NEWNET = 0x40000000
# What systemd and dbus, on which meridiand depends, write as they are installed.
OTHERS = re.compile(r'etc/(machine-id|mtab|rc\d\.d/.*dbus)$|root/\.ssh$|var/lib/(private|dbus/machine-id)$|var/lib/systemd/(?!.*meridian)|'
                    r'etc/systemd/system/(sysinit\.target\.wants|.*timesync[^/]*)$')
STREAM_PERIOD_S = 0.0005
LOST_S = 3
SYSTEMCTL = '''#!/bin/sh
echo "$*" >>/var/log/systemctl.calls
daemon=$(cat /run/meridiand.pid 2>/dev/null || echo none)
case " $* " in
*" --root="*) exec /usr/bin/systemctl "$@" ;; # it links files, and needs no first process
*" is-active "*meridiand*) kill -0 "$daemon" 2>/dev/null ;;
*" is-enabled "*meridiand*) [ -e /etc/systemd/system/multi-user.target.wants/meridiand.service ] ;;
*" stop "*meridiand*) kill "$daemon" ;;
esac
'''


def require():
    """What this needs, and the namespaces: the rest runs as their first process."""
    if os.geteuid() != 0:
        process.skip('a chroot needs root')
    for name in ('debootstrap', 'dpkg-deb', 'apt-get', 'unshare', 'ip', 'dig'):
        if shutil.which(name) is None:
            process.skip('%s is not installed' % name)
    if os.environ.get('MERIDIAN_NAMESPACES') is None:
        own = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
        done = subprocess.run(own + ['unshare', '--net', 'true'], capture_output=True, text=True)
        if done.returncode != 0:
            process.skip('namespaces cannot be made here: ' + done.stderr.strip())
        os.environ['MERIDIAN_NAMESPACES'] = 'own'
        os.execvp('unshare', own + [sys.executable, '-B'] + sys.argv)


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
    return run('chroot', ROOT, 'env', '-i', 'PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C',
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


def put(name, text, mode=0o644):
    path = ROOT / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def make_base(site, debs):
    """A minimal Debian 12 that has fetched what the packages depend on, and installed none of it but their database. Once a day, and anew
    for other dependencies; then it is there. An archive that is half written counts for nothing."""
    wanted = [site] + [must('dpkg-deb', '-f', path, 'Depends', 'Recommends') for path in debs.values()]
    name = 'base-%s-%s.tar' % (datetime.date.today(), hashlib.sha256('\n'.join(wanted).encode()).hexdigest()[:8])
    if (HOME / name).exists():
        return HOME / name
    code, text = run('debootstrap', '--variant=minbase', '--include=ca-certificates', 'bookworm', ROOT, site)
    if code != 0:
        process.skip('debootstrap cannot make a Debian 12 here: ' + text.strip().splitlines()[-1])
    run('umount', ROOT / 'proc')  # debootstrap's own
    must('mount', '-t', 'proc', 'proc', ROOT / 'proc')
    put('etc/apt/sources.list', 'deb %s bookworm main\n' % site)
    settings = subprocess.run(['apt-config', 'dump'], capture_output=True, text=True).stdout
    ways = {'etc/resolv.conf': pathlib.Path('/etc/resolv.conf').read_text(),
            'etc/apt/apt.conf.d/90proxy': ''.join(re.findall(r'(?im)^Acquire::\S*proxy\S* .*\n', settings)),
            'usr/sbin/policy-rc.d': '#!/bin/sh\nexit 101\n'}
    for path, content in ways.items():
        put(path, content, 0o755)
    code, text = inside('apt-get', 'update')
    if code != 0 or re.search(r'^(Err|W:)', text, re.M):
        process.skip('the chroot cannot reach the packages that this machine can: ' + text.strip().splitlines()[-1])
    for path in debs.values():
        shutil.copy(path, ROOT / 'tmp')
    paths = ['/tmp/' + path.name for path in debs.values()]
    inside_must('apt-get', 'install', '--simulate', *paths)
    # meridiand recommends tor-geoipdb, which depends on tor: policy-rc.d keeps that from being started.
    for words in (['tor-geoipdb', '--no-install-recommends'], ['--download-only', *paths]):
        code, text = inside('apt-get', 'install', '-y', *words)
        if code != 0:
            process.skip('the chroot cannot fetch %s: %s' % (words[0], text.strip().splitlines()[-1]))
    for path in [ROOT / path for path in ways] + [ROOT / path.lstrip('/') for path in paths]:
        path.unlink()
    for old in HOME.glob('base*.tar*'):
        old.unlink()
    must('tar', '-C', ROOT, '--one-file-system', '-cf', HOME / (name + '.new'), '.')
    must('umount', ROOT / 'proc')
    os.replace(HOME / (name + '.new'), HOME / name)
    return HOME / name


def no_network():
    """From now on this thread, and whom it starts, has a loopback of its own and nothing else."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), 'unshare')
    must('ip', 'link', 'set', 'lo', 'up')


def files_of(root):
    """Everything but what programs write as they run, and dpkg's own records, for which dpkg is asked."""
    out = set()
    for folder, names, files in os.walk(root):
        names[:] = [name for name in names if os.path.join(folder, name) not in {str(root / other) for other in (
            'proc', 'sys', 'dev', 'run', 'tmp', 'var/cache', 'var/lib/apt', 'var/lib/dpkg', 'var/log')}]
        out |= {os.path.relpath(os.path.join(folder, name), root) for name in names + files}
    return out


class Stream:
    """2,000 questions a second, each asked once; an answer is one with the address."""

    def __init__(self):
        self.running, self.ended, self.sent, self.lost, self.wrong = True, False, 0, 0, 0
        self.thread = threading.Thread(target=self.ask, daemon=True)
        self.thread.start()

    def ask(self):
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(16)]
        selector = selectors.DefaultSelector()
        for sock in sockets:
            sock.connect(SERVER)
            sock.setblocking(False)
            selector.register(sock, selectors.EVENT_READ)
        waiting, due = {}, time.monotonic()
        while self.running or waiting:  # the last question is lost after LOST_S
            now = time.monotonic()
            if self.running and now >= due:
                due = max(due + STREAM_PERIOD_S, now - 0.1)
                self.sent += 1
                waiting[self.sent % 65536] = now
                try:
                    sockets[self.sent % 16].send(dns.question('www.example.com', identifier=self.sent % 65536))
                except OSError:
                    pass
            for key, _ in selector.select(max(0.0, due - time.monotonic()) if self.running else 0.01):
                try:
                    message = dns.Message(key.fileobj.recv(4096))
                except OSError:
                    continue
                if waiting.pop(message.identifier, None) is not None:
                    self.wrong += message.addresses() != ['192.0.2.80']
            while waiting and now - next(iter(waiting.values())) > LOST_S:  # oldest first
                del waiting[next(iter(waiting))]
                self.lost += 1
        for sock in sockets:
            sock.close()
        self.ended = True

    def stop(self):
        self.running = False
        self.thread.join(10 * LOST_S)


class Packages(unittest.TestCase):
    """In the order of their names: one machine's life."""

    @classmethod
    def setUpClass(cls):
        site = mirror()
        HOME.mkdir(parents=True, exist_ok=True)
        cls.debs = built()
        shutil.rmtree(ROOT, ignore_errors=True)
        base = make_base(site, cls.debs)
        shutil.rmtree(ROOT, ignore_errors=True)
        ROOT.mkdir()
        must('tar', '-C', ROOT, '-xf', base)
        must('mount', '-t', 'proc', 'proc', ROOT / 'proc')
        no_network()
        # apt gives maintainer scripts a PATH of its own.
        put('etc/apt/apt.conf.d/90path', 'DPkg::Path "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";\n')
        put('usr/local/bin/systemctl', SYSTEMCTL, 0o755)
        (ROOT / 'run/systemd/system').mkdir(parents=True)
        cls.before, cls.log, cls.daemon = files_of(ROOT), ROOT / 'var/log/meridiand.log', None

    @classmethod
    def tearDownClass(cls):
        """Mounts, and whoever is not found here, end with the namespaces."""
        for pid in cls.living():
            os.kill(pid, signal.SIGKILL)

    @classmethod
    def pids(cls):
        """The daemon that was started, and those that took over."""
        if cls.daemon is None:
            return []
        return [cls.daemon.pid] + [int(pid) for pid in re.findall(r'"the next process starts" pid=(\d+)', cls.log.read_text(errors='replace'))]

    @classmethod
    def living(cls):
        return [pid for pid in cls.pids() if alive(pid)]

    def newest_alone(self):
        """The last process is the only one, and the one that systemd would call the main one."""
        wait_until(lambda: self.living() == self.pids()[-1:], 30, 'those before have ended')
        put('run/meridiand.pid', '%d\n' % self.pids()[-1])

    def runs_the_file_that_is_there(self):
        return os.path.samefile('/proc/%d/exe' % self.pids()[-1], ROOT / 'usr/sbin/meridiand')

    def install(self, *paths):
        for path in paths:
            shutil.copy(path, ROOT / 'tmp')
        return inside('apt-get', 'install', '-y', *['/tmp/' + path.name for path in paths])

    def install_must(self):
        code, text = self.install(*self.debs.values())
        self.assertEqual(code, 0, text[-3000:])
        return text

    def repacked(self, name, version):
        """The same package as a later version."""
        tree, out = HOME / 'repack', HOME / ('%s_%s.deb' % (name, version))
        shutil.rmtree(tree, ignore_errors=True)
        must('dpkg-deb', '-R', self.debs[name], tree)
        control = tree / 'DEBIAN/control'
        text = re.sub(r'^Version: .*$', 'Version: ' + version, control.read_text(), flags=re.M)
        control.write_text(re.sub(r'meridian \(= [^)]*\)', 'meridian (= %s)' % version, text))
        must('dpkg-deb', '--root-owner-group', '-b', tree, out)
        shutil.rmtree(tree)
        return out

    def configure(self, extra=''):
        for name in ('example.com.zone', 'minimal.yaml'):
            shutil.copy(ROOT / EXAMPLES / name, CONFIG.parent / (CONFIG.name if name.endswith('.yaml') else name))
        with open(CONFIG, 'a') as config:
            config.write(extra)

    def calls(self):
        """What systemctl was told of the daemon since it was last asked; words alone."""
        path = ROOT / 'var/log/systemctl.calls'
        text = path.read_text() if path.exists() else ''
        path.write_text('')
        return [[word for word in line.split() if not word.startswith('-')][0] for line in text.splitlines() if 'meridiand' in line]

    def left(self):
        """Files that were not there at first and are of no other package."""
        owned = {line.lstrip('/') for path in (ROOT / 'var/lib/dpkg/info').glob('*.list') for line in path.read_text().splitlines()}
        owned |= {'usr/' + path for path in owned}  # /lib is /usr/lib
        return {path for path in files_of(ROOT) - self.before - owned if not OTHERS.match(path)}

    def test_1_install(self):
        """All is where it belongs, as root's, and without a configuration nothing is started."""
        self.assertEqual(set(self.debs), set(PACKAGES))
        self.install_must()
        paths = {line for line in inside_must('dpkg', '-L', *PACKAGES).splitlines() if line.startswith('/') and line != '/.'}
        for name in ('usr/sbin/meridiand', 'usr/bin/meridian', UNIT, 'usr/lib/sysusers.d/meridiand.conf', 'etc/meridian',
                     'usr/share/bash-completion/completions/meridian', 'usr/share/man/man1/meridian.1.gz', 'usr/share/man/man8/meridiand.8.gz',
                     'usr/share/man/man5/meridian.yaml.5.gz', EXAMPLES + '/minimal.yaml'):
            self.assertTrue('/' + name in paths, name)
        for path in sorted(paths):
            is_now = os.lstat(ROOT / path[1:])
            wanted = 0o755 if stat.S_ISDIR(is_now.st_mode) or '/bin/' in path or '/sbin/' in path else 0o644
            if not stat.S_ISLNK(is_now.st_mode):
                self.assertEqual((is_now.st_uid, is_now.st_gid, oct(stat.S_IMODE(is_now.st_mode))), (0, 0, oct(wanted)), path)
        self.assertEqual([path for path in files_of(ROOT) if path.startswith('usr/') and os.lstat(ROOT / path).st_uid != 0], [])
        self.assertEqual(list((ROOT / 'etc/meridian').iterdir()), [])
        self.assertRegex(inside_must('getent', 'passwd', 'meridian'), r'^meridian:.*:/usr/sbin/nologin')
        self.assertEqual(inside_must('dpkg', '--audit') + inside_must('dpkg', '--verify', *PACKAGES), '')
        for command in PACKAGES:
            self.assertEqual(inside_must(command, '--version').split()[0], command)
        for name, title in (('man1/meridian.1', 'MERIDIAN 1'), ('man8/meridiand.8', 'MERIDIAND 8'), ('man5/meridian.yaml.5', 'MERIDIAN.YAML 5')):
            self.assertIn('.Dt ' + title, gzip.open(ROOT / ('usr/share/man/%s.gz' % name), 'rt').read())
        inside_must('bash', '-c', '. /usr/share/bash-completion/completions/meridian && complete -p meridian')
        for folder in ('examples', 'pop', 'redis'):  # a README that names a file finds it as it says
            for path in (process.SOURCE / 'deploy' / folder).iterdir():
                shipped = ROOT / 'usr/share/doc/meridiand' / folder / path.name
                self.assertTrue(shipped.exists() and shipped.read_bytes() == path.read_bytes(), shipped)
        self.assertTrue((ROOT / ENABLED).is_symlink())
        self.assertNotIn('start', self.calls())
        self.assertNotIn('meridiand', [path.read_text().strip() for path in pathlib.Path('/proc').glob('[0-9]*/comm')])

    def test_2_configurations(self):
        """The examples are good where they are; a bad one is refused with its file, line and value."""
        for name in ('minimal.yaml', 'full.yaml'):
            inside_must('meridiand', '--check', '--config', '/%s/%s' % (EXAMPLES, name))
        put('tmp/bad.yaml', 'workers: 9999\n')
        code, text = inside('meridiand', '--check', '--config', '/tmp/bad.yaml')
        self.assertEqual(code, 1)
        self.assertRegex(text, r'bad\.yaml:1: workers: 9999: ')

    def test_3_run(self):
        """As the unit says: its user, its one capability, its command; on port 53, with the example as it is shipped."""
        self.configure()
        unit = dict(re.findall(r'^(\w+)=(.*)$', (ROOT / UNIT).read_text(), re.M))
        self.assertEqual(unit['ConditionPathExists'], '/' + str(CONFIG.relative_to(ROOT)))
        capability = '-all,+' + unit['AmbientCapabilities'].removeprefix('CAP_').lower()
        with open(self.log, 'ab') as log:
            type(self).daemon = subprocess.Popen(
                ['chroot', ROOT, 'setpriv', '--reuid', unit['User'], '--regid', unit['Group'], '--clear-groups', '--no-new-privs',
                 '--bounding-set', capability, '--inh-caps', capability, '--ambient-caps', capability, *shlex.split(unit['ExecStart'])],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: self.daemon.poll() is not None or dns.udp_exchange(SERVER, dns.question('www.example.com'), timeout=0.5),
                   20, 'it answers')
        self.assertIsNone(self.daemon.poll(), self.log.read_text(errors='replace')[-3000:])
        self.assertEqual(pathlib.Path('/proc/%d' % self.daemon.pid).stat().st_uid, int(inside_must('id', '-u', 'meridian')))
        self.assertTrue(self.runs_the_file_that_is_there())
        for words, wanted in ((['www.example.com', 'A'], '192.0.2.80'), (['+tcp', 'api.example.com', 'A'], '192.0.2.30')):
            self.assertEqual(must(program('dig'), '@' + SERVER[0], '+short', '+time=5', *words).strip(), wanted)
        self.newest_alone()

    def upgrade(self, version):
        """What the installation printed, while clients ask."""
        paths = [self.repacked(name, version) for name in PACKAGES]
        self.calls()
        stream = Stream()
        try:
            code, text = self.install(*paths)
            time.sleep(1)  # some questions afterwards, too
        finally:
            stream.stop()
        self.assertEqual(code, 0, text[-3000:])
        print('\nto %s: %d sent, %d lost, %d wrong' % (version, stream.sent, stream.lost, stream.wrong), flush=True)
        self.assertTrue(stream.ended)  # not by an error of its own
        self.assertGreater(stream.sent, 2000)
        self.assertEqual((stream.lost, stream.wrong), (0, 0))
        self.assertEqual(inside_must('dpkg-query', '-W', '-f', '${Version} ${db:Status-Status}\n', *PACKAGES), '%s installed\n' % version * 2)
        self.assertEqual(set(self.calls()) - {'is-active', 'is-enabled'}, set())  # neither stopped nor started by systemd
        return text

    def status(self):
        return json.loads(inside_must('meridian', 'status', '--json'))

    def test_4_upgrade(self):
        """postinst has the new program take over; nobody is left without an answer."""
        started = self.status()['started']
        self.upgrade('9.0.0-1')
        self.assertEqual(len(self.pids()), 2)
        self.newest_alone()
        self.assertTrue(self.runs_the_file_that_is_there())
        self.assertNotEqual(self.status()['started'], started)
        self.assertEqual('meridiand ' + self.status()['version'], inside_must('meridiand', '--version').strip())

    def test_5_upgrade_into_a_bad_configuration(self):
        """The package is installed, the process that runs goes on, and the operator is told."""
        self.configure('workers: 9999\n')
        text = self.upgrade('9.0.1-1')
        self.assertRegex(text, r'meridian\.yaml:\d+: workers: 9999: ')
        self.assertIn('the configuration is wrong for this version; the one that runs goes on. Mend it, then: meridian upgrade', text)
        self.assertEqual(len(self.pids()), 2)
        self.assertEqual(self.living(), self.pids()[-1:])
        self.assertFalse(self.runs_the_file_that_is_there())
        self.configure()
        inside_must('meridian', 'upgrade', '--config', '/etc/meridian/meridian.yaml')
        self.assertEqual(len(self.pids()), 3)  # once it is mended the new one takes over
        self.newest_alone()
        self.assertTrue(self.runs_the_file_that_is_there())

    def test_6_remove_and_install(self):
        """The daemon is stopped before its files go, its configuration stays; who installs it again has it started, if that is good."""
        inside_must('apt-get', 'remove', '-y', *PACKAGES)
        self.assertIn('stop', self.calls())
        wait_until(lambda: not self.living(), 20, 'the daemon has ended')
        (ROOT / 'run/meridiand.pid').unlink()
        self.assertTrue(CONFIG.exists())
        self.install_must()
        self.assertIn('start', self.calls())
        inside_must('apt-get', 'remove', '-y', *PACKAGES)
        self.calls()
        with open(CONFIG, 'a') as config:
            config.write('workers: 9999\n')
        self.assertRegex(self.install_must(), r'meridian\.yaml:\d+: workers: 9999: (.*\n)*meridiand: not started')
        self.assertNotIn('start', self.calls())

    def test_7_purge(self):
        """What the packages brought goes. What the operator wrote stays, for no package made it; so does the user, whose files may be anywhere.
        Where nobody wrote anything, the folder goes, too."""
        for kept in ({'etc/meridian', 'etc/meridian/meridian.yaml', 'etc/meridian/example.com.zone'}, set()):
            inside_must('apt-get', 'purge', '-y', *PACKAGES)
            self.assertEqual(self.left(), kept)
            self.assertEqual(inside('dpkg-query', '-W', *PACKAGES)[1].count('no packages found'), 2)
            self.assertTrue(inside_must('getent', 'passwd', 'meridian'))
            if kept:
                shutil.rmtree(ROOT / 'etc/meridian')
                self.install_must()


if __name__ == '__main__':
    require()
    unittest.main(verbosity=2, failfast=True)
