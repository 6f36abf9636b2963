"""What callers hear while strangers send pictures: the gap and the sound of calls, with and without a hundred at once.

    python -m benchmarks.crowd                    a stub for a language model; about eight minutes on two cores
    python -m benchmarks.crowd --turns 9 --at-once 20

Calls over gRPC as in ``benchmarks.gap``, in turn quiet and with a crowd: as soon as such a call is open, ``--at-once``
receipts are sent to it at the same moment, and again EVERY seconds after the last of them was answered. None is shown
to the call: its answers would wait for it. Most are refused, as ``vision.waiting`` says; those that are not are decoded
and read on the same processor, which the crowd uses too. A reply has stalled where its next sound was not in time.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import anyio
import httpx
import typer
import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import machine
from benchmarks.calls import WEB, Measured, Model, about, as_json, call, figures, served
from benchmarks.gap import kept
from benchmarks.peers.measure import Block
from benchmarks.peers.run import blocks
from benchmarks.vision_pictures import cases
from pipeline.caller.live import CallOpened, LiveEvent
from pipeline.cli.screen import told
from pipeline.cli.service import Service

EVERY = 4.0
MANY = "[vision]\nper_call = 100000\n"
"""Settings with which one call may be sent as many pictures as the crowd likes."""
QUIET, CROWDED = "quiet", "crowded"


class Crowd:
    """Sends one picture many times at once to whatever call is open."""

    def __init__(self, web: str, picture: bytes, at_once: int) -> None:
        """Send ``picture``, a PNG file, to the service at ``web``."""
        self.answers: Counter[str] = Counter()
        """Status and reason of all answers, and how often each came."""
        self._web = web
        self._picture = picture
        self._at_once = at_once

    async def call(self, block: Block, server: str) -> list[Measured]:
        """Place a call and send pictures to it until it is over."""
        opened, name = anyio.Event(), ""

        def tell(event: LiveEvent) -> None:
            nonlocal name
            if isinstance(event, CallOpened):
                name = event.call_id
                opened.set()

        async def send() -> None:
            await opened.wait()
            await self._storm(f"/v1/conversations/{name}/media?attach=false")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(send)
            found = await call(block, server, tell)
            tasks.cancel_scope.cancel()
        return found

    async def _storm(self, path: str) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with httpx.AsyncClient(base_url=f"http://{self._web}", limits=limits, timeout=60.0) as client:

            async def one() -> None:
                answer = await client.post(path, content=self._picture, headers={"Content-Type": "image/png"})
                reason = "" if answer.is_success else f" {answer.json()['reason']}"
                self.answers[f"{answer.status_code}{reason}"] += 1

            while True:
                async with anyio.create_task_group() as tasks:
                    for _ in range(self._at_once):
                        tasks.start_soon(one)
                await anyio.sleep(EVERY)


async def measure(calls: Sequence[Block], service: Service, at_once: int, bar: Progress) -> dict[str, Any]:
    """Place every call twice and return what became of both."""
    crowd = Crowd(service.web, next(cases())[2], at_once)
    found: dict[str, list[Measured]] = {QUIET: [], CROWDED: []}
    warm = Block("warm", 0, calls[0].sayings[:1])
    await call(warm, service.grpc)
    await crowd.call(warm, service.grpc)
    crowd.answers.clear()
    task = bar.add_task("calling", total=2 * len(calls))
    for number, block in enumerate(calls):
        for kind in (QUIET, CROWDED) if number % 2 == 0 else (CROWDED, QUIET):
            place = crowd.call if kind == CROWDED else call
            found[kind] += await place(block, service.grpc)
            bar.advance(task)
    return {
        "measured": {kind: figures(entries) for kind, entries in found.items()},
        "answers": dict(crowd.answers.most_common()),
        "turns": [{"with": kind, **as_json(entry)} for kind, entries in found.items() for entry in entries],
    }


def table(result: dict[str, Any]) -> Table:
    """Return the figures as a table."""
    drawn = Table("", "turns", "gap p50", "p95", "stalled", "stalled ms p95", "no answer", "word errors")
    for kind, entry in result["measured"].items():
        gap, stalled = entry["gap_ms"] or {}, entry["stalled_ms"] or {}
        cells = (entry["turns"], gap.get("p50"), gap.get("p95"), entry["stalled"], stalled.get("p95"))
        drawn.add_row(kind, *map(str, (*cells, entry["no_answer"], entry["word_error_rate"])))
    return drawn


def main(
    *,
    turns: Annotated[int, typer.Option(help="Sayings of one breath.", min=1)] = 30,
    at_once: Annotated[int, typer.Option(help="Pictures that are sent at the same moment.", min=1)] = 100,
    profile: Annotated[str, typer.Option(help="The service's profile.")] = "cpu",
    seed: Annotated[int, typer.Option(help="Chooses the recordings.")] = 1,
    folder: Annotated[Path, typer.Option(help="For the service's log and settings.")] = Path("out/crowd"),
    out: Annotated[Path | None, typer.Option(help="The result's file; default: benchmarks/results/.")] = None,
) -> None:
    """Measure, print the table and keep every turn as JSON."""
    described, bar = machine.described(), Progress(console=Console(stderr=True), refresh_per_second=1)
    with told(), served(Model.STUB, profile, folder, WEB + MANY) as (service, settings), bar:
        found = uvloop.run(measure(blocks(turns, 0, seed), service, at_once, bar))
    result = {"benchmark": "crowd", **about(Model.STUB, profile, settings), "machine": described, "seed": seed}
    Console(width=110).print(table(found))
    sys.stdout.write(f"{found['answers']}\n")
    kept({**result, "at_once": at_once, **found}, out, "crowd")


if __name__ == "__main__":
    typer.run(main)
