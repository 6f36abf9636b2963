"""Answers every call with a script, until its input ends: ``python -m tests.caller.answering`` prints HOST:PORT.

A process of its own: gRPC's asyncio does not bear two event loops in one, and a command under test has one.
"""

import sys

import anyio
from anyio import to_thread

from tests.caller.server import ServedCall, scripted, tone


async def answer(call: ServedCall) -> None:
    """Hear a turn, reply, and wait for the end."""
    await call.start()
    await call.turn(1, "hello")
    await call.reply(1, 1, "Good day.", tone(0.1, 16_000))
    await call.end()


async def main() -> None:
    """Do it."""
    async with scripted(answer) as (where, _):
        sys.stdout.write(f"{where}\n")
        sys.stdout.flush()
        await to_thread.run_sync(sys.stdin.read)


if __name__ == "__main__":
    anyio.run(main)
