#!/usr/bin/env python3
# probe.py - one client's questions: so many a second, to each address; who answered, and when.
# SPDX-License-Identifier: Apache-2.0
#
#   probe.py OUT NAME LINGER-S ADDRESS...      until SIGTERM, then so long for what is on its way
#
# OUT: {"4": [[sent, received or null, PoP or null], ...], "6": ...}, seconds of the monotonic clock, which all namespaces share.
import json
import pathlib
import selectors
import signal
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'lab'))
import dns  # noqa: E402

RATE, NSID, PORTS = 100, 3, 16


class Side:
    def __init__(self, address, query):
        self.family = 6 if ':' in address else 4
        family = socket.AF_INET6 if self.family == 6 else socket.AF_INET
        self.sockets = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(PORTS)]  # in turn: a worker has some of them
        for sock in self.sockets:
            sock.setblocking(False)
        self.target, self.query, self.rows, self.open = (address, 53), query, [], {}

    def ask(self, number):
        identifier = number % 65536
        self.rows.append([time.monotonic(), None, None])
        self.open[identifier] = len(self.rows) - 1
        try:
            self.sockets[number % PORTS].sendto(identifier.to_bytes(2, 'big') + self.query[2:], self.target)
        except OSError:
            pass  # no route: it is lost

    def hear(self, sock):
        try:
            data = sock.recv(4096)
        except OSError:
            return
        now, row = time.monotonic(), self.open.pop(int.from_bytes(data[:2], 'big'), None)
        if row is None:
            return
        message = dns.Message(data)
        if message.rcode == 0 and message.addresses():
            self.rows[row][1:] = [now, (message.option(NSID) or b'').decode()]


def main():
    out, name, linger_s, *addresses = sys.argv[1:]
    query = dns.with_edns(dns.question(name, 'A'), 1232, [(NSID, b'')])
    sides, selector, ended = [Side(address, query) for address in addresses], selectors.DefaultSelector(), []
    for side in sides:
        for sock in side.sockets:
            selector.register(sock, selectors.EVENT_READ, side)
    signal.signal(signal.SIGTERM, lambda *_: ended.append(time.monotonic()))
    due, number = time.monotonic(), 0
    while not ended or time.monotonic() < ended[0] + float(linger_s):
        if not ended and time.monotonic() >= due:
            for side in sides:
                side.ask(number)
            number += 1
            due += 1 / RATE
        for key, _ in selector.select(max(0.0, min(due - time.monotonic(), 0.1)) if not ended else 0.05):
            key.data.hear(key.fileobj)
    pathlib.Path(out).write_text(json.dumps({side.family: side.rows for side in sides}))


if __name__ == '__main__':
    main()
