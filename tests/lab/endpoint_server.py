#!/usr/bin/env python3
# endpoint_server.py - the endpoints of a test's regions: real HTTP servers that behave as the test says.
# SPDX-License-Identifier: Apache-2.0
#
# One process serves all of them (the program below, an asyncio loop); a connection takes commands, a line each:
#
#   NAME up              200
#   NAME down            nobody listens any more, connections are reset: what a killed server looks like
#   NAME hang            takes connections and says nothing
#   NAME status 503      answers with that
#   NAME slow 250        answers after so many ms
#   NAME deaf WORD       resets the connections of who has WORD in the path it asks for, answers others
#
# and answers each with the time (CLOCK_MONOTONIC, the same for all processes of a host) at which it was done.
import asyncio
import json
import socket
import sys
import time

TEXT = b'HTTP/1.1 %d X\r\nContent-Length: 4\r\n\r\nwell'


class Server:
    def __init__(self, address, number):
        self.address, self.number, self.listener, self.mode, self.word = address, number, None, 'up', ''
        self.connections = set()

    async def listen(self):
        if self.listener is None:
            loop = asyncio.get_running_loop()
            self.listener = await loop.create_server(lambda: Connection(self), self.address, self.number, reuse_address=True,
                                                     backlog=256)

    async def behave(self, mode, word=''):
        self.mode, self.word = mode, word
        if mode == 'down' and self.listener is not None:
            self.listener.close()
            self.listener = None
            for connection in list(self.connections):
                connection.transport.abort()
        if mode != 'down':
            await self.listen()


class Connection(asyncio.Protocol):
    def __init__(self, server):
        self.server, self.data = server, b''

    def connection_made(self, transport):
        self.transport = transport
        self.server.connections.add(self)

    def connection_lost(self, _error):
        self.server.connections.discard(self)

    def data_received(self, data):
        self.data += data
        while b'\r\n\r\n' in self.data:
            head, self.data = self.data.split(b'\r\n\r\n', 1)
            self.answer(head)

    def answer(self, head):
        mode, word = self.server.mode, self.server.word
        if mode == 'hang':
            return
        if mode == 'deaf' and word.encode() in head.split(b'\r\n')[0]:
            self.transport.abort()
        elif mode == 'slow':
            asyncio.get_running_loop().call_later(int(word) / 1000, self.write, 200)
        else:
            self.write(int(word) if mode == 'status' else 200)

    def write(self, status):
        if not self.transport.is_closing():
            self.transport.write(TEXT % status)


async def serve(places, control):
    servers = {name: Server(address, number) for name, (address, number) in places.items()}
    for server in servers.values():
        await server.listen()

    async def obey(reader, writer):
        while line := await reader.readline():
            name, *words = line.decode().split()
            await servers[name].behave(*words)
            writer.write(b'%.6f\n' % time.monotonic())
    await asyncio.start_server(obey, *control)
    await asyncio.Event().wait()


class Endpoints:
    """The test's side. places: name to (address, port)."""

    def __init__(self, folder, places, control=('127.0.0.1', None), prefix=()):
        import process
        control = (control[0], control[1] or process.port())
        self.modes = {name: ('up', '') for name in places}
        self.process = process.Process('endpoints', [*prefix, sys.executable, '-B', __file__, json.dumps(places),
                                                     json.dumps(control)], folder)
        self.line = process.wait_until(lambda: self.connect(control), 10, 'endpoints listen', alive=[self.process])

    @staticmethod
    def connect(control):
        try:
            return socket.create_connection(control).makefile('rw')
        except ConnectionRefusedError:
            return None

    def set(self, name, mode, word=''):
        """Returns when it was done, on time.monotonic's clock."""
        self.line.write('%s %s %s\n' % (name, mode, word))
        self.line.flush()
        return float(self.line.readline())


if __name__ == '__main__':
    asyncio.run(serve(json.loads(sys.argv[1]), json.loads(sys.argv[2])))
