"""Sends one picture many times at once, for ``benchmarks.crowd``: ``python -m benchmarks.storm WEB PICTURE AT_ONCE``.

A process of its own that lets all others go first: strangers compute elsewhere. A line on standard input is the path to
send to, until an empty line; which is answered with how often each status and reason came, as JSON.
"""

import json
import os
import sys
from collections import Counter
from pathlib import Path

import anyio
import httpx
import uvloop

EVERY = 4.0
"""Seconds from the last answer to the next storm."""
NICE = 19


async def storm(client: httpx.AsyncClient, path: str, picture: bytes, at_once: int, answers: Counter[str]) -> None:
    """Send the picture ``at_once`` times, and again EVERY seconds after the last answer, until cancelled."""

    async def one() -> None:
        answer = await client.post(path, content=picture, headers={"Content-Type": "image/png"})
        reason = "" if answer.is_success else f" {answer.json()['reason']}"
        answers[f"{answer.status_code}{reason}"] += 1

    while True:
        async with anyio.create_task_group() as tasks:
            for _ in range(at_once):
                tasks.start_soon(one)
        await anyio.sleep(EVERY)


async def main(web: str, picture: bytes, at_once: int) -> None:
    """Serve standard input until its end."""
    lines = anyio.wrap_file(sys.stdin)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    while path := (await lines.readline()).strip():
        answers: Counter[str] = Counter()
        client = httpx.AsyncClient(base_url=f"http://{web}", limits=limits, timeout=60.0)
        async with client, anyio.create_task_group() as tasks:
            tasks.start_soon(storm, client, path, picture, at_once, answers)
            await lines.readline()
            tasks.cancel_scope.cancel()
        sys.stdout.write(json.dumps(answers) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    os.nice(NICE)
    uvloop.run(main(sys.argv[1], Path(sys.argv[2]).read_bytes(), int(sys.argv[3])))
