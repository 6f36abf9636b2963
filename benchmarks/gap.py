"""The response gap of whole calls over gRPC, measured in the client's sound, and where each turn's time went.

    python -m benchmarks.gap                       a stub for a language model: the pipeline alone
    python -m benchmarks.gap --llm smollm2         a real Ollama server; also --llm qwen
    python -m benchmarks.gap --llm embedded        the profile's own model in the service's process
    python -m benchmarks.gap --turns 10 --pauses 0
    python -m benchmarks.gap --entrance webrtc     the same sayings over gRPC and from a real Chromium, in turn

The gap is the time from the last sample over -40 dBFS of a recording to the first one of the answer, both on the
client's line: mu-law at 8 kHz, in real time. A filler is no answer; it has a column of its own. An answer that begins
before the recording is over is a false cut-off and has no part in the percentiles. Spans are the service's own.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import entrances, machine
from benchmarks.calls import Measured, Model, about, as_json, call, kinds, served
from benchmarks.peers.measure import Block
from benchmarks.peers.run import blocks
from benchmarks.process import speculations
from benchmarks.report.results import write_result
from benchmarks.wer import RESULTS
from pipeline.cli.screen import told
from pipeline.core.latency import SPANS


class Entrance(StrEnum):
    """Over what calls come."""

    GRPC = "grpc"
    WEBRTC = "webrtc"
    """Over gRPC as well, to compare."""


async def run(calls: Sequence[Block], server: str, progress: Progress) -> list[Measured]:
    """Place all calls, after one that is not counted."""
    await call(Block("warm", 0, calls[0].sayings[:1]), server)
    bar = progress.add_task("calling", total=len(calls))
    found: list[Measured] = []
    for block in calls:
        found += await call(block, server)
        progress.advance(bar)
    return found


def table(measured_kinds: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return the figures as a table."""
    drawn = Table(title="milliseconds, p50 / p95")
    drawn.add_column("span")
    for kind in measured_kinds:
        drawn.add_column(kind, justify="right")
    rows = {"gap as heard": "gap_ms", **{name: name for name in SPANS}, "filler as heard": "filler_ms"}
    for title, key in rows.items():
        cells = []
        for entry in measured_kinds.values():
            found = entry[key] if key in entry else entry["spans_ms"].get(key)
            cells.append(f"{found['p50']} / {found['p95']}" if found else "")
        if any(cells):
            drawn.add_row(title, *cells)
    for name in ("turns", "answered", "false_cut_offs", "split", "no_answer", "fillers", "word_error_rate"):
        drawn.add_row(name.replace("_", " "), *(str(entry[name]) for entry in measured_kinds.values()))
    return drawn


def main(  # noqa: PLR0913  a command's options are its arguments
    *,
    llm: Annotated[Model, typer.Option(help="What answers.")] = Model.STUB,
    turns: Annotated[int, typer.Option(help="Sayings of one breath.", min=1)] = 60,
    pauses: Annotated[int, typer.Option(help="Sayings with a pause inside.", min=0)] = 20,
    profile: Annotated[str, typer.Option(help="The service's profile.")] = "cpu",
    seed: Annotated[int, typer.Option(help="Chooses the recordings.")] = 1,
    folder: Annotated[Path, typer.Option(help="For the service's log and settings.")] = Path("out/gap"),
    entrance: Annotated[Entrance, typer.Option(help="Over what calls come.")] = Entrance.GRPC,
    out: Annotated[Path | None, typer.Option(help="The result's file; default: benchmarks/results/.")] = None,
) -> None:
    """Measure, print the table and keep every turn as JSON."""
    calls = blocks(turns, pauses, seed)
    described = machine.described()
    if entrance is Entrance.WEBRTC:
        kept(entrances.placed(calls, llm, profile, folder) | {"machine": described, "seed": seed}, out, f"webrtc-{llm}")
        return
    with told(), served(llm, profile, folder) as (service, settings):
        metrics = f"http://{service.http}/metrics"
        before = httpx.get(metrics).text
        with Progress(console=Console(stderr=True), refresh_per_second=1) as progress:
            found = uvloop.run(run(calls, service.grpc, progress))
        after = httpx.get(metrics).text
    result = {
        "benchmark": "gap",
        **about(llm, profile, settings),
        "machine": described,
        "seed": seed,
        "measured": kinds(found),
        "speculations": speculations(before, after),
        "turns": [as_json(entry) for entry in found],
    }
    Console(width=110).print(table(kinds(found)))
    sys.stdout.write(f"speculations: {json.dumps(result['speculations'])}\n")
    kept(result, out, f"gap-{llm}")


def kept(result: Mapping[str, Any], out: Path | None, name: str) -> None:
    """Write a result's file, and say where it is."""
    file = out or RESULTS / f"{name}.json"
    write_result(file, result)
    sys.stdout.write(f"{file}\n")


if __name__ == "__main__":
    typer.run(main)
