"""Children: processes that work on what strangers have sent, so that nothing that happens to them happens to us."""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import anyio
from anyio import to_thread
from anyio.abc import SocketStream

from pipeline.core.errors import VisionError

SCRUB_SECONDS = 20.0
"""Longest that decoding may take, waiting for a processor included: at its low priority it gets an eighth of one that
somebody else is busy on. A picture of 12 megapixels takes 0.5 s of it; at 8 s of it the system ends the process.
"""
LONGEST_SCRUBBED = 32 << 20
"""Bytes of a picture that was written anew; 2000 x 2000 pixels of noise have 9 MB."""


@dataclass(frozen=True, slots=True)
class Child:
    """A process, and the socket that is its standard input and output. As a context, it is gone behind it."""

    process: "subprocess.Popen[bytes]"
    pipe: SocketStream

    async def __aenter__(self) -> Self:
        """Return it."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        await self.end()

    async def status(self) -> int:
        """Wait until it has ended of itself; return its exit status, below 0 the signal that ended it."""
        return await to_thread.run_sync(self.process.wait, abandon_on_cancel=True)

    async def end(self) -> None:
        """Kill it, if it still runs, and wait until it is gone."""
        self.process.kill()
        with anyio.CancelScope(shield=True):
            await self.status()
            await self.pipe.aclose()


async def started(module: str, *arguments: int) -> Child:
    """Return a new process that runs a module of this package; it sees nothing of our environment.

    It is in a group of its own, so that a Ctrl-C at a terminal leaves it alone, and in our session: Linux weighs
    sessions against each other before it looks how nice their processes are (man 7 sched, autogroup). With our end its
    input ends. Raises VisionError ``looking-failed``.
    """
    command = [sys.executable, "-B", "-P", "-m", f"pipeline.vision.{module}", *map(str, arguments)]
    ours, its = socket.socketpair()
    with its:
        try:
            with anyio.CancelScope(shield=True):  # a process whose start is cancelled would be nobody's
                process = await to_thread.run_sync(_opened, command, its)
                return Child(process, await SocketStream.from_socket(ours))
        except OSError as error:
            ours.close()
            raise VisionError("looking-failed", f"no process for it: {error}", retryable=True) from error
    raise AssertionError  # for all that mypy knows, a scope swallows what is raised in it


def _opened(command: Sequence[str], its: socket.socket) -> "subprocess.Popen[bytes]":
    """Popen uses vfork. With fork, which uvloop uses, gRPC's and OpenBLAS's handlers would run in both processes."""
    path = os.pathsep.join(filter(None, sys.path))
    return subprocess.Popen(
        command,
        stdin=its.fileno(),
        stdout=its.fileno(),
        stderr=subprocess.DEVNULL,
        env={"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        process_group=0,
    )


async def scrubbed(data: bytes, side: int, pixels: int) -> bytes:
    """Return a picture, decoded and written anew as JPEG with no side longer than ``side``; see ``scrub.py``.

    Cancelling kills the process. Raises VisionError: ``broken-picture``, ``looking-timeout``, ``looking-failed``.
    """
    try:
        with anyio.fail_after(SCRUB_SECONDS):
            async with await started("scrub", side, pixels) as child:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(_feed, child, data)
                    written = await _all_of(child.pipe, LONGEST_SCRUBBED)
                status = await child.status()
    except TimeoutError as error:
        what = f"there was no processor to decode the picture within {SCRUB_SECONDS:g} s"
        raise VisionError("looking-timeout", what, retryable=True) from error
    if status or not written:
        what = f"the picture cannot be decoded: it is damaged, or takes too much memory (status {status})"
        raise VisionError("broken-picture", what)
    return written


async def _feed(child: Child, data: bytes) -> None:
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):  # it has given up
        await child.pipe.send(data)
        await child.pipe.send_eof()


async def _all_of(pipe: SocketStream, most: int) -> bytes:
    """Return all that comes; nothing once that is more than ``most`` bytes."""
    pieces: list[bytes] = []
    left = most
    with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
        while left > 0:
            pieces.append(await pipe.receive())
            left -= len(pieces[-1])
    return b"".join(pieces) if left > 0 else b""
