#!/usr/bin/env python3
# test_peers.py - probe peers that misbehave: each costs a bounded verdict, and the others, the answers and the memory do not notice.
# SPDX-License-Identifier: Apache-2.0
import os
import re
import socket
import ssl
import struct
import subprocess
import threading
import unittest

import lab
from lab import fleet, process

TIMEOUT_MS = 1000  # a well one must make it under a sanitizer on a loaded machine
CHUNK = b'x' * 65536
HEAD = b'HTTP/1.1 200 OK\r\n'
END = threading.Event()


# What a peer does with one connection. Each returns when it is done with it; the connection is closed then.

def request(sock):
    """Read one request; False when the peer has left."""
    data = b''
    while b'\r\n\r\n' not in data:
        more = sock.recv(4096)
        if not more:
            return False
        data += more
    return True


def well(sock):
    while request(sock):
        sock.sendall(HEAD + b'Content-Length: 2\r\n\r\nok')


def hang(sock):
    while sock.recv(4096):
        pass


def drip(sock, text, pause=0.05):
    for byte in text:
        sock.sendall(bytes([byte]))
        if END.wait(pause):
            return


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))


def after_request(act):
    return lambda sock: request(sock) and act(sock)


def flood(head, piece):
    """A head, then a piece again and again until the other side has enough."""
    def act(sock):
        if request(sock):
            sock.sendall(head)
            while not END.is_set():
                sock.sendall(piece)
    return act


def reply(text):
    return after_request(lambda sock: sock.sendall(text))


# Name: (what it does with a connection, the expected verdict, what the detail must say)
HTTP = {
    'well': (well, True, r'200 in'),
    'hang': (hang, False, r'timed out after 1000 ms waiting for an answer'),
    'drip-headers': (after_request(lambda sock: drip(sock, HEAD + b'X: ' + b'y' * 1000)), False, r'timed out .*reading headers'),
    'drip-body': (after_request(lambda sock: (sock.sendall(HEAD + b'Content-Length: 1000\r\n\r\n'), drip(sock, b'z' * 1000))), False,
                  r'timed out .*reading the body'),
    'reset': (reset, False, r'reset|closed without'),
    'reset-after-request': (after_request(reset), False, r'reset'),
    'reset-in-body': (after_request(lambda sock: (sock.sendall(HEAD + b'Content-Length: 1000\r\n\r\nabc'), reset(sock))), False, r'reset'),
    'close-in-body': (reply(HEAD + b'Content-Length: 1000\r\n\r\nabc'), False, r'closed before the end'),
    'close': (after_request(lambda sock: None), False, r'closed without an answer'),
    'redirect': (reply(b'HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n'), False, r'status 302, expected 200-299'),
    'gigabyte': (flood(HEAD + b'Content-Length: 1073741824\r\n\r\n', CHUNK), True, r'200 in'),
    'endless-chunks': (flood(HEAD + b'Transfer-Encoding: chunked\r\n\r\n', b'10000\r\n' + CHUNK + b'\r\n'), True, r'200 in'),
    'endless-headers': (flood(HEAD, b'X-More: ' + b'y' * 1000 + b'\r\n'), False, r'headers beyond 65536 bytes'),
    'endless-header-line': (flood(HEAD + b'X-More: ', CHUNK), False, r'header'),
    'endless-continue': (flood(b'', b'HTTP/1.1 100 Continue\r\n\r\n'), False, r'headers beyond 65536 bytes'),
    'endless-trailers': (flood(HEAD + b'Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n', b'X-More: ' + b'y' * 1000 + b'\r\n'), False, r'headers beyond 65536 bytes'),
    'endless-trailer-line': (flood(HEAD + b'Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-More: ', CHUNK), False, r'.'),
    'garbage': (reply(b'\0\1\2\3 nonsense\r\n\r\n'), False, r'not HTTP'),
    'bad-length': (reply(HEAD + b'Content-Length: -1\r\n\r\n'), False, r'not HTTP'),
    'bad-chunk': (reply(HEAD + b'Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx'), False, r'chunk'),
    'switching': (reply(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'), False, r'closed without an answer'),
    'unauthorised': (reply(b'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n'), False, r'status 401'),
}
TLS = {
    'tls-well': ('good', well, True, r'200 in'),
    'tls-self-signed': ('alone', well, False, r'certificate: self.signed certificate'),
    'tls-expired': ('expired', well, False, r'certificate: certificate has expired'),
    'tls-other-name': ('other', well, False, r'certificate: .*(name|address)'),
    'tls-hang': (None, hang, False, r'timed out after 1000 ms in the TLS handshake'),
    'tls-plain': (None, reply(HEAD + b'Content-Length: 0\r\n\r\n'), False, r'TLS|timed out'),
    'tls-garbage': (None, lambda sock: sock.sendall(os.urandom(4096)), False, r'TLS'),
    'tls-flood': (None, lambda sock: [sock.sendall(CHUNK) for _ in range(1000)], False, r'TLS'),
}


class Peer:
    """Accepts on an address of its own and lets `act` deal with each connection, one thread each."""

    accepted = 0  # by all of them

    def __init__(self, address, act, context=None):
        family = socket.AF_INET6 if ':' in address else socket.AF_INET
        self.act, self.context = act, context
        self.listener = socket.create_server((address, 0), family=family, backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock = self.listener.accept()[0]
            except OSError:
                return
            Peer.accepted += 1
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        try:
            with sock:
                sock.settimeout(10)
                if self.context is None:
                    self.act(sock)
                else:
                    with self.context.wrap_socket(sock, server_side=True) as secure:
                        self.act(secure)
        except OSError:
            pass


def openssl(*arguments):
    subprocess.run([process.program('openssl'), *[str(argument) for argument in arguments]], check=True, capture_output=True,
                   timeout=60 * process.SLOW)


def certificates(folder):
    """An authority, and server contexts: good, alone (signed by itself), expired, other (another name)."""
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', 2, '-subj', '/CN=authority',
            '-keyout', folder / 'ca.key', '-out', folder / 'ca.pem')
    contexts = {}
    for name, host, days in (('good', 'peer.example', 2), ('expired', 'peer.example', -1), ('other', 'elsewhere.example', 2)):
        key, text, cert = folder / (name + '.key'), folder / (name + '.csr'), folder / (name + '.pem')
        (folder / (name + '.ext')).write_text('subjectAltName=DNS:%s\n' % host)
        openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=' + host, '-keyout', key, '-out', text)
        openssl('x509', '-req', '-in', text, '-CA', folder / 'ca.pem', '-CAkey', folder / 'ca.key', '-CAcreateserial', '-days', days,
                '-extfile', folder / (name + '.ext'), '-out', cert)
        contexts[name] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        contexts[name].load_cert_chain(cert, key)
    contexts['alone'] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', 2, '-subj', '/CN=peer.example',
            '-addext', 'subjectAltName=DNS:peer.example', '-keyout', folder / 'alone.key', '-out', folder / 'alone.pem')
    contexts['alone'].load_cert_chain(folder / 'alone.pem', folder / 'alone.key')
    return contexts


class Peers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = process.directory('peers')
        contexts = certificates(folder)
        cls.expected, lines = {}, ['regions:', '  - name: region', '    location: {latitude: 0, longitude: 0}', '    endpoints:']
        for name, (act, up, detail) in HTTP.items():
            port = Peer('127.0.5.1', act).port
            cls.add(lines, name, 'kind: http, url: "http://127.0.5.1:%d/"' % port, up, detail)
        for name, (context, act, up, detail) in TLS.items():
            port = Peer('127.0.5.1', act, contexts.get(context)).port
            cls.add(lines, name, 'kind: http, url: "https://127.0.5.1:%d/", tls_name: peer.example, ca_file: ca.pem' % port, up, detail)
        cls.add(lines, 'http6', 'kind: http, url: "http://[::1]:%d/"' % Peer('::1', well).port, True, r'200 in')
        cls.add(lines, 'name', 'kind: http, url: "http://localhost:%d/"' % Peer('127.0.0.1', well).port, True, r'200 in')
        cls.meridian = fleet.Meridian(folder, '\n'.join(lines) + '\nservices:\n  - {name: api.example.com, regions: [region]}\n',
                                      {'example.com': fleet.write_zone(folder)},
                                      env={'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':quarantine_size_mb=1'})

    @classmethod
    def tearDownClass(cls):
        END.set()

    @classmethod
    def add(cls, lines, name, probe, up, detail):
        number = len(cls.expected) + 1
        cls.expected[name] = (up, detail)
        lines += ['      - name: %s' % name, '        addresses: [192.0.2.%d]' % number,
                  '        probe: {%s, interval_ms: 1200, timeout_ms: %d, rise: 1, fall: 1}' % (probe, TIMEOUT_MS)]

    def endpoints(self):
        return {endpoint['name']: endpoint for endpoint in self.meridian.status()['endpoints']}

    def unexpected(self):
        """Those whose verdict or detail is not (yet) what is expected."""
        return {name: endpoint['detail'] for name, endpoint in self.endpoints().items() if endpoint['reason'] == 'assumed' or
                endpoint['up'] != self.expected[name][0] or not re.search(self.expected[name][1], endpoint['detail'])}

    def resources(self):
        """(resident KiB, descriptors) of the daemon."""
        with open('/proc/%d/status' % self.meridian.pid) as file:
            resident = next(int(line.split()[1]) for line in file if line.startswith('VmRSS:'))
        return resident, len(os.listdir('/proc/%d/fd' % self.meridian.pid))

    def test_each_peer_gets_its_verdict(self):
        try:
            process.wait_until(lambda: not self.unexpected(), 20, 'every verdict is as expected')
        except AssertionError:
            self.fail('not as expected: %s' % self.unexpected())
        self.assertEqual(self.meridian.ask('www.example.com').addresses(), ['192.0.2.80'])

    def test_they_cost_no_more_with_time(self):
        """Five more rounds of all of them: the memory and the descriptors stay."""
        process.wait_until(lambda: not self.unexpected(), 20, 'verdicts')
        resident, descriptors = self.resources()
        accepted = Peer.accepted
        process.wait_until(lambda: Peer.accepted > accepted + 5 * len(self.expected), 60, 'five more rounds')
        after_resident, after_descriptors = self.resources()
        self.assertLess(after_resident, resident + 4096 * process.SLOW)
        self.assertLess(after_descriptors, descriptors + len(self.expected))


lab.main()
