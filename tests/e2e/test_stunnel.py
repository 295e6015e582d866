#!/usr/bin/env python3
# test_stunnel.py - a fleet's Redis server as deploy/redis sets it up: TLS by stunnel at both ends, access lists, redis.conf.
# SPDX-License-Identifier: Apache-2.0
import re
import signal
import socket
import ssl
import subprocess
import unittest

import lab
from lab import fleet, process, servers

EXAMPLES = process.SOURCE / 'deploy/redis'
HOST = 'redis-1.example.net'
POPS = ('pop-eu', 'pop-us')


def openssl(*words, folder):
    subprocess.run([process.program('openssl'), *words], cwd=folder, check=True, capture_output=True, stdin=subprocess.DEVNULL)


def authority(folder, name='ca'):
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
            '-subj', '/CN=a fleet', '-keyout', name + '.key', '-out', name + '.pem', folder=folder)


def certificate(folder, name, host, signer='ca'):
    (folder / (name + '.ext')).write_text('subjectAltName=DNS:%s\n' % host)
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=' + host,
            '-keyout', name + '.key', '-out', name + '.csr', folder=folder)
    openssl('x509', '-req', '-in', name + '.csr', '-CA', signer + '.pem', '-CAkey', signer + '.key', '-CAcreateserial', '-days', '2',
            '-extfile', name + '.ext', '-out', name + '.pem', folder=folder)


def example(name, changes):
    """An example's text with another host's paths and ports; each must occur."""
    text = (EXAMPLES / name).read_text()
    for before, after in changes.items():
        assert before in text, '%s has no %s' % (name, before)
        text = text.replace(before, str(after))
    return text


class Stunnel(unittest.TestCase):
    def setUp(self):
        self.folder = process.directory('stunnel-' + self._testMethodName)
        self.tls, self.redis_port, self.server_port, self.client_port = self.folder / 'tls', *(process.port() for _ in range(3))
        self.tls.mkdir()
        authority(self.tls)
        certificate(self.tls, 'redis', HOST)
        certificate(self.tls, 'pop', 'pop-eu')
        self.start_redis()
        self.server = self.start_server()
        self.client = self.start_client()

    # ---- the server's host ----

    def acl(self, *words):
        return subprocess.run([process.program('meridian'), 'acl', self.folder / 'acl.yaml', '--passwords', self.folder, *words],
                              capture_output=True, text=True, check=True).stdout

    def start_redis(self):
        (self.folder / 'acl.yaml').write_text('fleet: prod\n' + fleet.options() + 'zones: [{origin: example.com, file: zone}]\n')
        for pop in POPS:
            (self.folder / ('pop:' + pop)).write_text('secret of %s\n' % pop)
        (self.folder / 'users.acl').write_text('user default off resetpass resetkeys resetchannels -@all\n' +
                                               ''.join(self.acl('--pop', pop) for pop in POPS))
        (self.folder / 'redis.conf').write_text(example('redis.conf', {
            'port 6379': 'port %d\ndir %s' % (self.redis_port, self.folder), '/etc/redis/users.acl': self.folder / 'users.acl'}))
        self.redis = process.Process('redis', [process.program('redis-server'), self.folder / 'redis.conf'], self.folder)

    def stunnel(self, name, text):
        path = self.folder / (name + '.conf')
        path.write_text(text)
        tunnel = process.Process(name, [process.program('stunnel4'), path], self.folder)
        process.wait_until(lambda: 'Configuration successful' in tunnel.log(), 10, 'stunnel takes its configuration', alive=[tunnel])
        return tunnel

    def start_server(self, name='server'):
        return self.stunnel(name, example('stunnel-server.conf', {
            'accept = 6380': 'accept = 127.0.0.1:%d' % self.server_port, '127.0.0.1:6379': '127.0.0.1:%d' % self.redis_port,
            '/etc/meridian/tls': self.tls}))

    # ---- a PoP's host ----

    def start_client(self, name='client', host=HOST):
        """Its first section alone: one server is what this test has."""
        text = example('stunnel-client.conf', {
            '127.0.0.1:16379': '127.0.0.1:%d' % self.client_port, 'connect = %s:6380' % HOST: 'connect = 127.0.0.1:%d' % self.server_port,
            'checkHost = ' + HOST: 'checkHost = ' + host, '/etc/meridian/tls': self.tls})
        return self.stunnel(name, text[:text.index('[redis-2]')])

    def start_pop(self, pop):
        folder = process.directory('stunnel-%s-%s' % (self._testMethodName, pop))
        rest = ('fleet: prod\nstate: {redis: [{address: "127.0.0.1@%d", user: "pop:%s", password_file: "%s"}]}\n' %
                (self.client_port, pop, self.folder / ('pop:' + pop)))
        return NamedPop(pop, folder, fleet.options(rest=rest), {'example.com': fleet.write_zone(folder)})

    def wait_reachable(self, pop, count):
        process.wait_until(lambda: '%d of 1 servers reachable' % count in pop.status()['store'], 20, '%d servers' % count,
                           alive=[pop.process])

    def live(self, pop):
        return [other['pop'] for other in pop.status()['pops'] if other['live']]

    def test_facts_are_shared_through_tls(self):
        pops = [self.start_pop(pop) for pop in POPS]
        for pop, other in zip(pops, reversed(POPS)):
            self.wait_reachable(pop, 1)
            process.wait_until(lambda pop=pop, other=other: self.live(pop) == [other], 10, 'each hears the other')
        # what is told to one is known to the other
        self.assertEqual(pops[0].command('report', 'eu-west-1', '--load', '7').returncode, 0)
        process.wait_until(lambda: pops[1].metrics().get('meridian_region_load_requests_per_second{region="eu-west-1"}') == 7,
                           10, 'the load reaches the other')
        # the tunnel falls: both go on, say so, and meet again when it is back
        self.client.send(signal.SIGKILL)
        self.client.wait()
        for pop in pops:
            self.wait_reachable(pop, 0)
            self.assertEqual(fleet.region_of(pop.ask('api.example.com', ecs=fleet.GERMANY)), 'eu-west-1')
        self.client = self.start_client('client-again')
        for pop, other in zip(pops, reversed(POPS)):
            self.wait_reachable(pop, 1)
            process.wait_until(lambda pop=pop, other=other: self.live(pop) == [other], 20, 'each hears the other again')
        for pop in pops:
            self.assertEqual(pop.stop(), 0)

    def test_strangers_stay_outside(self):
        context = ssl.create_default_context(cafile=str(self.tls / 'ca.pem'))
        # nobody without a certificate of the fleet; TLS 1.3 says so at the first reading
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            with socket.create_connection(('127.0.0.1', self.server_port), timeout=10 * process.SLOW) as plain:
                with context.wrap_socket(plain, server_hostname=HOST) as secure:
                    secure.sendall(b'PING\r\n')
                    if secure.recv(100) == b'':
                        raise ConnectionError('closed')
        process.wait_until(lambda: re.search('peer did not return a certificate', self.server.log()), 10, 'the refusal')
        # nor is any server taken that is not the one that was asked for
        self.client.stop()
        self.client = self.start_client('client-elsewhere', host='redis-9.example.net')
        pop = self.start_pop('pop-eu')
        process.wait_until(lambda: re.search('CERT: Subject checks failed', self.client.log()), 20, 'the wrong name is seen')
        self.assertIn('0 of 1 servers reachable', pop.status()['store'])
        self.assertEqual(fleet.region_of(pop.ask('api.example.com', ecs=fleet.GERMANY)), 'eu-west-1')
        self.assertEqual(pop.stop(), 0)


class NamedPop(servers.Meridian):
    def __init__(self, pop, *arguments):
        self.pop = pop
        super().__init__(*arguments)

    def configure(self, options):
        super().configure(options)
        self.config_path.write_text(self.config_path.read_text().replace('name: pop-test', 'name: ' + self.pop))


if __name__ == '__main__':
    lab.main()
