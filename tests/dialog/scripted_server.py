"""A server on the loopback that says what a test tells it, whatever HTTP thinks of that."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
from anyio.abc import SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

Answer = Callable[[SocketStream], Awaitable[None]]

STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n\r\n"


@asynccontextmanager
async def scripted_server(answer: Answer, requests: list[Any] | None = None) -> AsyncIterator[str]:
    """Serve ``answer`` to whoever connects, once the request has been read; yield the base URL."""

    async def handle(client: SocketStream) -> None:
        async with client:
            request = await _request(client)
            if requests is not None:
                requests.append(request)
            with suppress(anyio.BrokenResourceError, anyio.EndOfStream):
                await answer(client)

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, handle)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610  this is no Django query
        yield f"http://127.0.0.1:{port}"
        tasks.cancel_scope.cancel()


def whole(status: str, body: bytes, kind: str = "application/json") -> Answer:
    """Answer with one complete response."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return written(head.encode() + body)


def written(*pieces: bytes) -> Answer:
    """Write the pieces, then hang up."""

    async def answer(client: SocketStream) -> None:
        for piece in pieces:
            await client.send(piece)

    return answer


def hanging(*pieces: bytes) -> Answer:
    """Write the pieces, then say nothing until the client is gone."""

    async def answer(client: SocketStream) -> None:
        for piece in pieces:
            await client.send(piece)
        await client.receive()

    return answer


def endless(piece: bytes) -> Answer:
    """Write the same thing again and again."""

    async def answer(client: SocketStream) -> None:
        await client.send(STREAM_HEAD)
        while True:
            await client.send(piece)

    return answer


def part(text: str, **fields: Any) -> bytes:
    """Return a line of a chat stream."""
    line = {"model": "m", "message": {"role": "assistant", "content": text}, "done": False, **fields}
    return json.dumps(line).encode() + b"\n"


async def _request(client: SocketStream) -> Any:
    stream = BufferedByteReceiveStream(client)
    head = (await stream.receive_until(b"\r\n\r\n", 65536)).decode().lower()
    length = next((int(line.split(":")[1]) for line in head.splitlines() if line.startswith("content-length:")), 0)
    return json.loads(await stream.receive_exactly(length)) if length else None
