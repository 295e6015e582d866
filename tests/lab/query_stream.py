# query_stream.py - users who ask every PoP all the time, and mind every answer.
# SPDX-License-Identifier: Apache-2.0
#
# A thread of its own asks each PoP in turn for each client, and keeps every answer with its times. An answer is
#
#   empty  when it holds no address, or no NOERROR
#   wrong  when its addresses are none of those that `expect` allows from before it was asked until it came
#   late   when it takes longer than LATE_S, or never comes: by then a resolver asks elsewhere
#
# A PoP that is down on purpose is left alone meanwhile (pause, resume).
import random
import selectors
import socket
import threading
import time

import dns
from process import SLOW

LATE_S = 1.0 * SLOW
QUESTIONS_A_SECOND = 100  # at each PoP


class Answer:
    __slots__ = ('pop', 'client', 'sent', 'received', 'addresses')

    def __init__(self, pop, client, sent, received, addresses):
        self.pop, self.client, self.sent, self.received, self.addresses = pop, client, sent, received, addresses

    def __str__(self):
        return '%s for %s: %s after %.0f ms' % (self.pop, self.client, ' '.join(sorted(self.addresses)) or 'nothing',
                                                (self.received - self.sent) * 1000)


class QueryStream:
    """pops: name to (address, port). clients: name to client subnet."""

    def __init__(self, name, pops, clients):
        self.name, self.clients = name, clients
        self.lock = threading.Lock()
        self.phases = []                   # (from when, {client: set of frozensets of addresses})
        self.last = {}                     # (pop, client): Answer
        self.bad, self.counts, self.worst = [], {}, 0.0
        self.changes = []                  # every answer that differs from the one before of the same (pop, client)
        self.queries = {client: dns.with_edns(dns.question(name, 'A'), 1232, [dns.ecs_option(prefix)])[2:]
                        for client, prefix in clients.items()}
        self.servers, self.paused, self.asked = dict(pops), set(pops), {}
        self.parsed, self.sockets, self.selector = {}, {}, selectors.DefaultSelector()
        self.ended, self.only, self.rate = False, None, QUESTIONS_A_SECOND
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    # ---- what the test says ----

    def expect(self, allowed):
        """From now on these answers are right: {client: frozensets of addresses}; for one PoP's clients (pop, client)."""
        with self.lock:
            self.phases.append((time.monotonic(), allowed))

    def focus(self, client, rate=QUESTIONS_A_SECOND):
        """Ask for this client alone (None: all), at another rate."""
        self.only, self.rate = client, rate

    def pause(self, pop):
        with self.lock:
            self.paused.add(pop)
            self.asked = {key: value for key, value in self.asked.items() if key[0] != pop}
            for client in self.clients:
                self.last.pop((pop, client), None)

    def resume(self, pop):
        with self.lock:
            self.paused.discard(pop)

    def settled(self, wanted, since, pops=None):
        """When the last PoP's last client had an answer that is right by `wanted`; None as long as one has not. Only what was
        asked after `since` counts."""
        with self.lock:
            latest = since
            for pop in pops or [pop for pop in self.servers if pop not in self.paused]:
                for client in [self.only] if self.only else self.clients:
                    answer = self.last.get((pop, client))
                    if answer is None or answer.sent < since or answer.addresses not in wanted[client]:
                        return None
            for answer in self.changes:
                if answer.received > since and (pops is None or answer.pop in pops):
                    latest = max(latest, answer.received)
            return latest

    def stop(self):
        self.ended = True
        self.thread.join()
        for pop in list(self.sockets):
            self.sockets.pop(pop).close()

    def findings(self):
        with self.lock:
            return list(self.bad)

    # ---- the thread ----

    def run(self):
        clients, turn = list(self.clients), 0
        due = time.monotonic()
        while not self.ended:
            now = time.monotonic()
            if now >= due:
                due = max(due + 1.0 / self.rate, now)
                client = self.only or clients[turn % len(clients)]
                turn += 1
                with self.lock:
                    pops = [pop for pop in self.servers if pop not in self.paused]
                for pop in pops:
                    self.ask(pop, client)
                self.look_for_late(now)
            for key, _ in self.selector.select(max(0.0, due - time.monotonic())):
                self.receive(key.data)

    def socket_of(self, pop):
        if pop not in self.sockets:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.connect(self.servers[pop])
            sock.setblocking(False)
            self.sockets[pop] = sock
            self.selector.register(sock, selectors.EVENT_READ, pop)
        return self.sockets[pop]

    def ask(self, pop, client):
        identifier = random.randrange(65536)
        with self.lock:
            if (pop, identifier) in self.asked:
                return
            self.asked[(pop, identifier)] = (client, time.monotonic())
        try:
            self.socket_of(pop).send(identifier.to_bytes(2, 'big') + self.queries[client])
        except ConnectionRefusedError:
            self.refused(pop)

    def refused(self, pop):
        """Nobody listens there (yet): no route leads to such a PoP. That one should live is Stage.look's to see."""
        with self.lock:
            self.asked = {key: value for key, value in self.asked.items() if key[0] != pop}

    def receive(self, pop):
        try:
            data = self.sockets[pop].recv(4096)
        except BlockingIOError:
            return
        except ConnectionRefusedError:
            self.refused(pop)
            return
        now = time.monotonic()
        with self.lock:
            client, sent = self.asked.pop((pop, int.from_bytes(data[:2], 'big')), (None, None))
            if client is None:
                return
            answer = Answer(pop, client, sent, now, self.read(data))
            self.counts[pop] = self.counts.get(pop, 0) + 1
            self.worst = max(self.worst, now - sent)
            before = self.last.get((pop, client))
            if before is None or before.addresses != answer.addresses:
                self.changes.append(answer)
            self.last[(pop, client)] = answer
            if not answer.addresses:
                self.bad.append(('empty', answer))
            elif not self.right(answer):
                self.bad.append(('wrong', answer))
            elif now - sent > LATE_S:
                self.bad.append(('late', answer))

    def read(self, data):
        if data[2:] not in self.parsed:
            message = dns.Message(data)
            well = message.rcode == 0 and message.flag('AA') and message.option(dns.OPTION_ECS) is not None
            self.parsed[data[2:]] = frozenset(message.addresses()) if well else frozenset()
        return self.parsed[data[2:]]

    def right(self, answer):
        for i, (start, allowed) in enumerate(self.phases):
            end = self.phases[i + 1][0] if i + 1 < len(self.phases) else answer.received + 1
            right = allowed.get((answer.pop, answer.client), allowed.get(answer.client))
            if end >= answer.sent and start <= answer.received and answer.addresses in right:
                return True
        return not self.phases

    def look_for_late(self, now):
        with self.lock:
            for key, (client, sent) in list(self.asked.items()):
                if now - sent > LATE_S:
                    del self.asked[key]
                    self.bad.append(('late', Answer(key[0], client, sent, now, frozenset())))
