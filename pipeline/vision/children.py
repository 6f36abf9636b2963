"""Children: processes that work on what strangers have sent, so that nothing that happens to them happens to us."""

import os
import subprocess
import sys
from contextlib import suppress

import anyio
from anyio.abc import ByteReceiveStream, Process

from pipeline.core.errors import VisionError

SCRUB_SECONDS = 10.0
"""Longest that decoding may take, waiting for a processor included. A picture of 12 megapixels takes 0.5 s."""
LONGEST_SCRUBBED = 32 << 20
"""Bytes of a picture that was written anew; 2000 x 2000 pixels of noise have 9 MB."""


async def started(module: str, *arguments: int) -> Process:
    """Return a new process that runs a module of this package; it sees nothing of our environment.

    It is in no session of ours, so that a Ctrl-C at a terminal leaves it alone; with our end its input ends.
    """
    command = [sys.executable, "-B", "-P", "-m", f"pipeline.vision.{module}", *map(str, arguments)]
    with anyio.CancelScope(shield=True):  # a process whose start is cancelled would be nobody's; it takes milliseconds
        child = await anyio.open_process(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )
    return child  # noqa: RET504  for all that mypy knows, a scope swallows what is raised in it


async def ended(child: Process) -> None:
    """Kill a process, if it still runs, and wait until it is gone."""
    with suppress(ProcessLookupError):
        child.kill()
    with anyio.CancelScope(shield=True):
        await child.aclose()


async def scrubbed(data: bytes, side: int, pixels: int) -> bytes:
    """Return a picture, decoded and written anew as JPEG with no side longer than ``side``; see ``scrub.py``.

    Cancelling kills the process. Raises VisionError ``broken-picture``.
    """
    try:
        with anyio.fail_after(SCRUB_SECONDS):
            async with await started("scrub", side, pixels) as child:
                assert child.stdout is not None  # noqa: S101  it was asked for
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(_feed, child, data)
                    written = await _all_of(child.stdout, LONGEST_SCRUBBED)
                status = await child.wait()
    except TimeoutError as error:
        raise VisionError("broken-picture", f"the picture could not be decoded in {SCRUB_SECONDS:g} s") from error
    if status or not written:
        what = f"the picture cannot be decoded: it is damaged, or takes too much memory (status {status})"
        raise VisionError("broken-picture", what)
    return written


async def _feed(child: Process, data: bytes) -> None:
    assert child.stdin is not None  # noqa: S101  it was asked for
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):  # it has given up
        await child.stdin.send(data)
        await child.stdin.aclose()


async def _all_of(stream: ByteReceiveStream, most: int) -> bytes:
    """Return all that comes; nothing once that is more than ``most`` bytes."""
    pieces: list[bytes] = []
    left = most
    with suppress(anyio.EndOfStream):
        while left > 0:
            pieces.append(await stream.receive())
            left -= len(pieces[-1])
    return b"".join(pieces) if left > 0 else b""
