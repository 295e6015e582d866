#!/usr/bin/env python3
# test_image.py - the container image: built by buildah from deploy/container/Containerfile, run with the DaemonSet's configuration and rights.
# SPDX-License-Identifier: Apache-2.0
#
#   test_image.py      by hand, some two minutes, four without the base of the day; wants root, buildah (of Debian) and the network while it builds
#
# The base is a Debian 12 by debootstrap, so no registry is asked. The image runs in a network namespace with the addresses of the example, as
# root with the capabilities that deploy/container/daemonset.yaml leaves, its files read-only. A cluster is not here.
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / 'lab'), str(pathlib.Path(__file__).resolve().parent)]
import process  # noqa: E402
import test_packages as packages  # noqa: E402
from process import wait_until  # noqa: E402

HOME = packages.HOME / 'image'
CONTAINER = process.SOURCE / 'deploy/container'
IMAGE, BASE = 'localhost/meridiand', 'localhost/debian:bookworm'
BUILDAH = ['buildah', '--root', HOME / 'storage', '--runroot', HOME / 'run', '--storage-driver', 'vfs']
ADDRESS = '192.0.2.53'


def buildah(*words):
    return packages.must(*BUILDAH, *words, timeout=1800).strip()


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.environ['BUILDAH_ISOLATION'] = 'chroot'  # no runtime for containers is needed
        for folder in (HOME, packages.ROOT):
            shutil.rmtree(folder, ignore_errors=True)
        (HOME / 'secret').mkdir(parents=True)
        (HOME / 'secret/bgp').write_text('a password\n')
        (HOME / 'config').mkdir()
        cls.text = (CONTAINER / 'daemonset.yaml').read_text()
        for name, content in re.findall(r'^  (\S+): \|\n((?:    .*\n)+)', cls.text, re.M):
            (HOME / 'config' / name).write_text(re.sub(r'^    ', '', content, flags=re.M))
        base = buildah('from', 'scratch')
        buildah('add', base, packages.make_base(packages.mirror(), packages.built()), '/')
        buildah('commit', base, BASE)
        buildah('build', '--build-arg', 'BASE=' + BASE, '-t', IMAGE, '-f', CONTAINER / 'Containerfile', process.SOURCE)
        cls.container = buildah('from', IMAGE)
        packages.no_network()
        for address in (ADDRESS, '198.51.100.7'):
            packages.must('ip', 'addr', 'add', address + '/32', 'dev', 'lo')

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(HOME / 'storage', ignore_errors=True)

    def inside(self, *words):
        return [*BUILDAH, 'run', '--network', 'host', '-v', '%s:/etc/meridian:ro' % (HOME / 'config'), '-v', '%s:/run/secrets/meridian:ro' % (HOME / 'secret'),
                self.container, '--', *words]

    def ask(self, *more):
        return packages.run('dig', '+short', '+norec', '+time=1', '+tries=1', *more, '@' + ADDRESS, 'api.example.com', 'A')[1].split()

    def test_image(self):
        config = buildah('inspect', '--format', '{{.OCIv1.Config.Entrypoint}} {{.OCIv1.Config.Cmd}}', self.container)
        command = re.sub(r'[\[\]]', '', config).split()
        self.assertEqual(command[0], '/usr/sbin/meridiand')
        kept = re.search(r'drop: \[ALL], add: \[(.*)]', self.text).group(1).lower().split(', ')
        rights = ['setpriv', '--bounding-set=-all,+' + ',+'.join(kept), '--inh-caps=-all', '--no-new-privs']
        with open(HOME / 'daemon.log', 'wb') as log:
            child = subprocess.Popen(self.inside(*rights, *command), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until(lambda: self.ask() == ['192.0.2.30'], 20, 'the image answers')
            self.assertEqual(self.ask('+tcp'), ['192.0.2.30'])
            daemon = int(packages.must('pgrep', '-f', '^' + command[0]))
            status = pathlib.Path('/proc/%d/status' % daemon).read_text()
            self.assertNotRegex(status, r'Uid:.*\b0\b')
            self.assertRegex(status, r'CapEff:\t0{16}\n')
            self.assertIn('ok:', packages.must('curl', '-sf', 'http://127.0.0.1:8053/healthz'))
            self.assertIn('announced', packages.run(*self.inside('meridian', 'anycast'))[1])
            os.kill(daemon, signal.SIGTERM)
            self.assertEqual(child.wait(30), 0, (HOME / 'daemon.log').read_text())
            self.assertIn('what=withdraw', (HOME / 'daemon.log').read_text())
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()


if __name__ == '__main__':
    if shutil.which('buildah') is None:
        process.skip('buildah is not installed (deploy/packages.txt, section image)')
    packages.require()
    unittest.main(verbosity=2)
