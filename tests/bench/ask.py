#!/usr/bin/env python3
# ask.py - the load test's own small DNS client: starts servers, checks that what will be measured is right.
# SPDX-License-Identifier: Apache-2.0
"""ask.py start ADDRESS PORT SECONDS LOG COMMAND...   start a server; prints its process id and the ms to its first right answer
ask.py check ADDRESS PORT LIST COUNT                  the names, then api.example.com for COUNT subnets of LIST; prints what is wrong"""
import ipaddress
import socket
import struct
import subprocess
import sys
import time

A, AAAA, OPT, ECS = 1, 28, 41, 8
REGIONS = {'us-east-1': '192.0.2.1', 'us-west-2': '192.0.2.2', 'eu-west-1': '192.0.2.3', 'ap-southeast-1': '192.0.2.4'}
WWW = '192.0.2.80'


def question(number, name, qtype=A, subnet=None):
    labels = b''.join(bytes([len(label)]) + label.encode() for label in name.split('.'))
    message = struct.pack('>6H', number, 0, 1, 0, 0, 1 if subnet else 0) + labels + struct.pack('>BHH', 0, qtype, 1)
    if subnet:
        octets = ipaddress.ip_network(subnet, strict=False).network_address.packed[:3]
        message += struct.pack('>BHHIHHHHBB', 0, OPT, 1232, 0, 11, ECS, 7, 1, 24, 0) + octets
    return message


def skip_name(message, at):
    while message[at] and message[at] < 192:
        at += message[at] + 1
    return at + (2 if message[at] else 1)


def answer_of(message):
    """(rcode, addresses of the answer section)"""
    flags, _, count = struct.unpack('>HHH', message[2:8])
    at, addresses = skip_name(message, 12) + 4, []
    for _ in range(count):
        at = skip_name(message, at)
        rtype, _, _, size = struct.unpack('>HHIH', message[at:at + 10])
        if rtype in (A, AAAA):
            addresses.append(str(ipaddress.ip_address(message[at + 10:at + 10 + size])))
        at += 10 + size
    return flags & 15, addresses


def connect(address, port, timeout):
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.settimeout(timeout)
    client.connect((address, int(port)))
    return client


def ask(client, *arguments):
    message = question(*arguments)
    client.send(message)
    for _ in range(100):
        reply = client.recv(4096)
        if reply[:2] == message[:2] and reply[2] & 0x80:
            return answer_of(reply)
    raise OSError('no answer with this id')


def start(address, port, seconds, log, command):
    client = connect(address, port, 0.001)
    begin = time.monotonic()
    with open(log, 'ab') as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True)
    while time.monotonic() < begin + float(seconds) and process.poll() is None:
        try:
            addresses = ask(client, 7, 'www.example.com')[1]
            if addresses == [WWW] or 'bench_echo' in ' '.join(command):
                print(process.pid, '%.1f' % ((time.monotonic() - begin) * 1000))
                return 0
        except ConnectionRefusedError:
            time.sleep(0.0005)
        except OSError:
            pass
    process.kill()
    print('%s: no answer; see %s' % (' '.join(command), log), file=sys.stderr)
    return 1


def check(address, port, path, count):
    client = connect(address, port, 2.0)
    wrong = []

    def expect(what, got, expected):
        if got != expected:
            wrong.append('%s: %s, expected %s' % (what, got, expected))

    expect('www', ask(client, 1, 'www.example.com'), (0, [WWW]))
    expect('nxdomain', ask(client, 2, 'nosuchname.example.com')[0], 3)
    expect('api AAAA', len(ask(client, 3, 'api.example.com', AAAA)[1]), 1)
    with open(path) as lines:
        for number, line in zip(range(int(count)), lines):
            subnet, region = line.split()
            expect(subnet, ask(client, number & 0xffff, 'api.example.com', A, subnet), (0, [REGIONS[region]]))
    print('%d of %d wrong%s' % (len(wrong), int(count) + 3, ''.join('; ' + text for text in wrong[:3])))
    return 1 if wrong else 0


if __name__ == '__main__':
    if len(sys.argv) > 6 and sys.argv[1] == 'start':
        sys.exit(start(*sys.argv[2:6], sys.argv[6:]))
    elif len(sys.argv) == 6 and sys.argv[1] == 'check':
        sys.exit(check(*sys.argv[2:]))
    sys.exit(__doc__)
