#!/usr/bin/env python3
# check_deploy.py - what stands around the daemon is understood by the programs that read it: systemd, nft, BIRD, promtool, the kernel.
# SPDX-License-Identifier: Apache-2.0
#
# What cannot be asked here is said and left out: a kernel without nf_tables, a program that is not installed.
import pathlib
import re
import shutil
import subprocess
import tempfile

import tree

EXPOSURE_MOST = 2.0
DEPLOY = tree.SOURCE / 'deploy'
asked = []


def run(*words):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60)


def ask(where, *words, fine=None):
    """Findings unless the program is content. `fine`: a pattern of complaints that are of this machine, not of the file."""
    if shutil.which(words[0]) is None:
        print('not asked: %s is not installed' % words[0])
        return None
    done = run(*words)
    text = done.stdout + done.stderr
    if done.returncode != 0 and fine is not None and re.search(fine, text):
        print('not asked of %s: %s' % (where, re.search(fine, text).group(0)))
        return None
    asked.append(where)
    if done.returncode != 0:
        for line in text.splitlines():
            tree.finding(where, line)
    return text


def check_unit():
    unit = DEPLOY / 'systemd/meridiand.service'
    text = ask('meridiand.service', 'systemd-analyze', 'security', '--offline=true', '--no-pager', unit)
    if text is None:
        return
    exposure = float(re.search(r'exposure level for \S+ (\d+\.\d)', text).group(1))
    print('meridiand.service: exposure %.1f' % exposure)
    if exposure > EXPOSURE_MOST:
        tree.finding('meridiand.service', 'exposure %.1f, more than %.1f' % (exposure, EXPOSURE_MOST))
    # The programs it names are installed by the package and need not be here.
    text = run('systemd-analyze', 'verify', unit).stderr
    for line in text.splitlines():
        if 'meridian' in line and not re.search(r'is not executable|Command .man ', line):
            tree.finding('meridiand.service', line)


def check_daemonset():
    """Debian has no program that knows Kubernetes' words: what is Meridian's own in it is asked of meridiand."""
    text = (DEPLOY / 'container/daemonset.yaml').read_text()
    files = dict(re.findall(r'^  (\S+): \|\n((?:    .*\n)+)', text, re.M))
    program = tree.SOURCE / 'build/release/bin/meridiand'
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        secret = re.search(r'password_file: (/run/secrets/\S+/)(\w+)', files['meridian.yaml'])
        if not re.search(r'mountPath: %s, readOnly: true' % secret.group(1).rstrip('/'), text):
            tree.finding('daemonset.yaml', 'nothing is mounted at %s' % secret.group(1))
        (folder / secret.group(2)).write_text('a password\n')
        for name, content in files.items():
            (folder / name).write_text(re.sub(r'^    ', '', content, flags=re.M).replace(secret.group(1), str(folder) + '/').replace('user: meridian', 'user: nobody'))
        if program.exists():
            ask('daemonset.yaml', program, '--check', '--config', folder / 'meridian.yaml', fine=r'tor/geoip\S*: .*')
        else:
            print('not asked of daemonset.yaml: build/release is not built')
    drain, grace = (int(re.search(word + r': (\d+)', text).group(1)) for word in ('drain_s', 'terminationGracePeriodSeconds'))
    if grace < drain + 15:
        tree.finding('daemonset.yaml', 'pods are killed after %d s, and a drain with the last queries takes up to %d' % (grace, drain + 15))
    if set(re.findall(r'host: (\S+), port: (\d+), path: (\S+)}', text)) != {('127.0.0.1', '8053', '/healthz')}:
        tree.finding('daemonset.yaml', 'probes ask elsewhere than at the admin interface')


def check_sysctl():
    names = re.findall(r'^([a-z][\w./-]*) *=', (DEPLOY / 'pop/sysctl.conf').read_text(), re.M)
    for name in names:
        if not pathlib.Path('/proc/sys/' + name.replace('.', '/')).exists():
            tree.finding('sysctl.conf', '%s is no setting of this kernel' % name)
    asked.append('sysctl.conf')


def main():
    check_unit()
    check_sysctl()
    check_daemonset()
    ask('nftables.conf', 'unshare', '--net', 'nft', '-c', '-f', DEPLOY / 'pop/nftables.conf',
        fine=r'Operation not permitted|Unable to initialize Netlink socket|Protocol not supported|No such file or directory: .*|unshare: .*')
    for name in ('bfd.conf', 'bird.conf'):
        ask(name, 'bird', '-p', '-c', DEPLOY / 'pop' / name)
    ask('frr.conf', 'vtysh', '-C', '-f', DEPLOY / 'pop/frr.conf')
    ask('meridian.rules.yml', 'promtool', 'check', 'rules', DEPLOY / 'pop/meridian.rules.yml')
    ask('meridian.rules.test.yml', 'promtool', 'test', 'rules', DEPLOY / 'pop/meridian.rules.test.yml')
    ask('prometheus.yml', 'promtool', 'check', 'config', DEPLOY / 'pop/prometheus.yml')
    sysusers = (DEPLOY / 'systemd/meridian.sysusers').read_text()
    if not re.search(r'^u meridian ', sysusers, re.M):
        tree.finding('meridian.sysusers', 'makes no user meridian, whom the unit names')
    tree.end('%d files: %s' % (len(asked), ', '.join(asked)))


main()
