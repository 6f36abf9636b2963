"""A TCP relay that breaks: between a client and a service, over real sockets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import anyio
from anyio.abc import SocketAttribute, SocketStream


@dataclass
class Relay:
    """Passes on what connections say, until they are cut or frozen; later ones pass again."""

    target: str = ""
    """HOST:PORT of it."""
    _kill: anyio.Event = field(default_factory=anyio.Event)
    _open: list[bool] = field(default_factory=lambda: [True])

    def cut(self) -> None:
        """Close all connections, without a word of HTTP/2."""
        self._kill.set()
        self._kill = anyio.Event()

    def freeze(self) -> None:
        """Let nothing through any more of the connections that are open, and tell nobody."""
        self._open[0] = False
        self._open = [True]

    async def pass_on(self, near: SocketStream, port: int) -> None:
        """Relay one connection."""
        kill, flows = self._kill, self._open

        async def pump(source: SocketStream, sink: SocketStream) -> None:
            with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                async for piece in source:
                    if flows[0]:
                        await sink.send(piece)

        async with near, await anyio.connect_tcp("127.0.0.1", port) as far, anyio.create_task_group() as pumps:
            pumps.start_soon(pump, near, far)
            pumps.start_soon(pump, far, near)
            await kill.wait()
            pumps.cancel_scope.cancel()


@asynccontextmanager
async def relay(port: int) -> AsyncIterator[Relay]:
    """Relay TCP to a port of this machine."""
    made = Relay()

    async def pass_on(near: SocketStream) -> None:
        await made.pass_on(near, port)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, pass_on)
        local_port = listener.listeners[0].extra(SocketAttribute.local_port)  # noqa: S610 - no database is near
        made.target = f"127.0.0.1:{local_port}"
        yield made
        tasks.cancel_scope.cancel()
