"""A business system on the loopback."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import anyio
from anyio.abc import SocketStream

from tests.dialog.scripted_server import Answer


class Shop:
    """A server that gives each request the next of its answers, the last one for ever, and keeps what was asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[bytes] = []

    def lines(self) -> list[str]:
        return [request.split(b"\r\n")[0].decode() for request in self.asked]

    def headers(self) -> Mapping[str, str]:
        head = self.asked[-1].partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in head)}


@asynccontextmanager
async def shop(*answers: Answer) -> AsyncIterator[Shop]:
    """Serve the answers, one a connection."""
    left = list(answers)

    async def handle(client: SocketStream) -> None:
        async with client:
            request = await client.receive()
            while b"\r\n\r\n" not in request:
                request += await client.receive()
            head = request.partition(b"\r\n\r\n")[0].lower()
            if b"content-length: " in head:
                length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
                while len(request) < len(head) + 4 + length:
                    request += await client.receive()
            served.asked.append(request)
            answer = left.pop(0) if len(left) > 1 else left[0]
            with suppress(anyio.BrokenResourceError, anyio.EndOfStream, anyio.ClosedResourceError):
                await answer(client)

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as tasks:
        served = Shop(f"http://127.0.0.1:{listener.extra(anyio.abc.SocketAttribute.local_port)}")  # noqa: S610
        tasks.start_soon(listener.serve, handle)
        yield served
        tasks.cancel_scope.cancel()
