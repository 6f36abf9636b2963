"""What callers hear while strangers send pictures: the gap and the sound of calls, with and without a hundred at once.

    python -m benchmarks.crowd                    a stub for a language model; a quarter of an hour
    python -m benchmarks.crowd --turns 9 --at-once 20

Calls over gRPC as in ``benchmarks.gap``, in turn quiet and with a crowd: as soon as such a call is open, ``--at-once``
receipts are sent to it at the same moment, and again some seconds after the last of them was answered
(``benchmarks.storm``). None is shown to the call: its answers would wait for it. Most are refused, as
``vision.waiting`` says; those that are not are decoded and read on the same processor, which the crowd uses too, after
all others. A reply has stalled where its next sound was not in time.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

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

MANY = "[vision]\nper_call = 100000\n"
"""Settings with which one call may be sent as many pictures as the crowd likes."""
QUIET, CROWDED = "quiet", "crowded"


class Crowd:
    """Sends one picture many times at once to whatever call is open, from a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        """Have ``process`` send, which runs ``benchmarks.storm``."""
        self.answers: Counter[str] = Counter()
        """Status and reason of all answers, and how often each came."""
        self._process = process

    async def call(self, block: Block, server: str) -> list[Measured]:
        """Place a call and send pictures to it until it is over."""

        def tell(event: LiveEvent) -> None:
            if isinstance(event, CallOpened):
                self._say(f"/v1/conversations/{event.call_id}/media?attach=false")

        found = await call(block, server, tell)
        self._say("")
        assert self._process.stdout is not None  # noqa: S101  it was asked for
        self.answers.update(json.loads(self._process.stdout.readline()))
        return found

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None  # noqa: S101  it was asked for
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()


@contextmanager
def gathered(web: str, folder: Path, at_once: int) -> Iterator[Crowd]:
    """Gather a crowd before the service at ``web``, while the context lasts; its picture lies in ``folder``."""
    picture = folder / "picture.png"
    picture.write_bytes(next(cases())[2])
    command = [sys.executable, "-m", "benchmarks.storm", web, str(picture), str(at_once)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Crowd(process)


async def measure(calls: Sequence[Block], server: str, crowd: Crowd, bar: Progress) -> dict[str, Any]:
    """Place every call twice and return what became of both."""
    found: dict[str, list[Measured]] = {QUIET: [], CROWDED: []}
    warm = Block("warm", 0, calls[0].sayings[:1])
    await call(warm, server)
    await crowd.call(warm, server)
    crowd.answers.clear()
    task = bar.add_task("calling", total=2 * len(calls))
    for number, block in enumerate(calls):
        for kind in (QUIET, CROWDED) if number % 2 == 0 else (CROWDED, QUIET):
            place = crowd.call if kind == CROWDED else call
            found[kind] += await place(block, server)
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
    with (
        told(),
        served(Model.STUB, profile, folder, WEB + MANY) as (service, settings),
        gathered(service.web, folder, at_once) as crowd,
        bar,
    ):
        found = uvloop.run(measure(blocks(turns, 0, seed), service.grpc, crowd, bar))
    result = {"benchmark": "crowd", **about(Model.STUB, profile, settings), "machine": described, "seed": seed}
    Console(width=110).print(table(found))
    sys.stdout.write(f"{found['answers']}\n")
    kept({**result, "at_once": at_once, **found}, out, "crowd")


if __name__ == "__main__":
    typer.run(main)
