# crowd.py - clients who resolve a name through real resolvers, again for each request, and send it where the answer says.
# SPDX-License-Identifier: Apache-2.0
#
# One thread of asyncio; requests are evenly paced, so that what a region gets is known to a request. The resolvers' caches are what keeps
# answers, nothing here does.
import asyncio
import collections
import threading
import time

import dns


class Answers(asyncio.DatagramProtocol):
    """A socket's questions, by their identifiers."""

    def __init__(self):
        self.waiting, self.next = {}, 0

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        future = self.waiting.pop(int.from_bytes(data[:2], 'big'), None)
        if future is not None and not future.done():
            future.set_result(data)

    async def ask(self, name, subnet, timeout=2.0):
        self.next = (self.next + 1) % 65536
        future = self.waiting[self.next] = asyncio.get_running_loop().create_future()
        query = dns.with_edns(dns.question(name, 'A', identifier=self.next, flags=0x100), 1232, [dns.ecs_option(subnet)])
        self.transport.sendto(query)
        return dns.Message(await asyncio.wait_for(future, timeout)).addresses()


class Crowd:
    """clients: (subnet, resolver's (address, port)), all alike in demand. Counts what came of each second's requests by address."""

    def __init__(self, name, clients, http_port, rate, path='/v1/chat?work_ms=20'):
        self.name, self.clients, self.http_port, self.rate, self.path = name, clients, http_port, rate, path
        self.sent = collections.defaultdict(collections.Counter)    # by second: address -> requests
        self.failed = collections.defaultdict(collections.Counter)  # likewise; address None: no answer by DNS
        self.running = True
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run()), daemon=True)
        self.thread.start()

    def stop(self):
        self.running = False
        self.thread.join(20)

    def shares(self, seconds):
        """Requests a second by address, over the last whole seconds."""
        now, sums = int(time.monotonic()), collections.Counter()
        for second in range(now - seconds, now):
            sums.update(self.sent[second])
        return {address: count / seconds for address, count in sums.items()}

    def failures(self, since):
        return sum(sum(counter.values()) for second, counter in list(self.failed.items()) if second >= since)

    async def run(self):
        loop, asking = asyncio.get_running_loop(), {}
        for resolver in {resolver for _, resolver in self.clients}:
            asking[resolver] = (await loop.create_datagram_endpoint(Answers, remote_addr=resolver))[1]
        begin, count, tasks = loop.time(), 0, set()
        while self.running:
            subnet, resolver = self.clients[count % len(self.clients)]
            task = loop.create_task(self.request(asking[resolver], subnet))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            count += 1
            await asyncio.sleep(max(0, begin + count / self.rate - loop.time()))
        await asyncio.wait(tasks, timeout=5) if tasks else None

    async def request(self, answers, subnet):
        second, address = int(time.monotonic()), None
        try:
            address = (await answers.ask(self.name, subnet))[0]
            self.sent[second][address] += 1
            await asyncio.wait_for(self.get(address), 5)
        except (OSError, asyncio.TimeoutError, IndexError, EOFError):
            self.failed[second][address] += 1

    async def get(self, address):
        reader, writer = await asyncio.open_connection(address, self.http_port)
        try:
            writer.write(('GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' % (self.path, self.name)).encode())
            status = await reader.readline()
            if b' 200 ' not in status:
                raise OSError(status)
            await reader.read()
        finally:
            writer.close()
