"""The response gap of whole calls over gRPC, measured in the client's sound, and where each turn's time went.

    python -m benchmarks.gap                       a stub for a language model: the pipeline alone
    python -m benchmarks.gap --llm smollm2         a real Ollama server; also --llm qwen
    python -m benchmarks.gap --llm embedded        the profile's own model in the service's process
    python -m benchmarks.gap --turns 10 --pauses 0

The gap is the time from the last sample over -40 dBFS of a recording to the first one of the answer, both on the
client's line: mu-law at 8 kHz, in real time. A filler is no answer; it has a column of its own. An answer that begins
before the recording is over is a false cut-off and has no part in the percentiles. Spans are the service's own.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import machine
from benchmarks.peers.arms import COMPUTE_TYPE, VOICE, WHISPER
from benchmarks.peers.language import OPTIONS, Choice, language_model
from benchmarks.peers.measure import Block, Turn, of_report, summary
from benchmarks.peers.own import written
from benchmarks.peers.run import blocks
from benchmarks.peers.stub import REPLY
from benchmarks.peers.telephone import PATIENCE, PAUSE
from benchmarks.wer import RESULTS, percentiles
from pipeline import configuration
from pipeline.caller.place import place_call
from pipeline.caller.plan import CallPlan, Encoding, Utterance
from pipeline.caller.report import CallReport
from pipeline.cli.screen import told
from pipeline.cli.service import running
from pipeline.core.latency import SPANS
from pipeline.dialog.agents import load
from pipeline.settings import SHARE


class Model(StrEnum):
    """What answers."""

    STUB = "stub"
    SMOLLM2 = "smollm2"
    QWEN = "qwen"
    EMBEDDED = "embedded"
    """The profile's own, without a server."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One saying, what followed, and where the time of its last turn went."""

    turn: Turn
    spans_ms: Mapping[str, float]
    filler_ms: float | None
    status: str


async def call(block: Block, server: str) -> list[Measured]:
    """Say a block's sayings in one call. Raises CallError."""
    said = tuple(Utterance(block.key(index), saying.sound) for index, saying in enumerate(block.sayings))
    plan = CallPlan(utterances=said, server=server, encoding=Encoding.MULAW, rate=8000, pause=PAUSE, patience=PATIENCE)
    return measured(await place_call(plan), block)


def measured(report: CallReport, block: Block) -> list[Measured]:
    """Return what each saying of a call came to. Pure."""
    found = []
    for index, turn in enumerate(of_report(report, block, "voicepipe").turns):
        made = [entry for entry in report.turns if entry.utterance == block.key(index)]
        last = made[-1] if made else None
        found.append(
            Measured(
                turn,
                spans_ms=dict(last.spans) if last else {},
                filler_ms=last.filler_ms if last else None,
                status=last.status if last else "none",
            )
        )
    return found


async def run(calls: Sequence[Block], server: str, progress: Progress) -> list[Measured]:
    """Place all calls, after one that is not counted."""
    await call(Block("warm", 0, calls[0].sayings[:1]), server)
    bar = progress.add_task("calling", total=len(calls))
    found: list[Measured] = []
    for block in calls:
        found += await call(block, server)
        progress.advance(bar)
    return found


def figures(found: Sequence[Measured]) -> dict[str, Any]:
    """Return the figures of turns of one kind. Pure."""
    answered = [entry for entry in found if entry.turn.gap_ms is not None and entry.turn.cut_off_ms is None]
    fillers = [entry.filler_ms for entry in found if entry.filler_ms is not None]
    return {
        **summary([entry.turn for entry in found]),
        "spans_ms": {
            name: percentiles([entry.spans_ms[name] for entry in answered if name in entry.spans_ms]) for name in SPANS
        },
        "fillers": len(fillers),
        "filler_ms": percentiles(fillers),
        "statuses": {
            status: sum(entry.status == status for entry in found) for status in sorted({e.status for e in found})
        },
    }


def speculations(before: str, after: str) -> dict[str, float]:
    """Return what became of speculative replies between two scrapes, and the share that was committed. Pure."""
    pattern = re.compile(r'^voicepipe_speculations_total\{outcome="(\w+)"\} (\S+)$', re.MULTILINE)
    earlier = {name: float(value) for name, value in pattern.findall(before)}
    counts = {name: float(value) - earlier.get(name, 0.0) for name, value in pattern.findall(after)}
    begun = sum(value for name, value in counts.items() if name != "refused")
    return {**counts, "hit_rate": round(counts.get("committed", 0.0) / begun, 3) if begun else 0.0}


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


def main(
    *,
    llm: Annotated[Model, typer.Option(help="What answers.")] = Model.STUB,
    turns: Annotated[int, typer.Option(help="Sayings of one breath.", min=1)] = 60,
    pauses: Annotated[int, typer.Option(help="Sayings with a pause inside.", min=0)] = 20,
    profile: Annotated[str, typer.Option(help="The service's profile.")] = "cpu",
    seed: Annotated[int, typer.Option(help="Chooses the recordings.")] = 1,
    folder: Annotated[Path, typer.Option(help="For the service's log and settings.")] = Path("out/gap"),
    out: Annotated[Path | None, typer.Option(help="The result's file; default: benchmarks/results/.")] = None,
) -> None:
    """Measure, print the table and keep every turn as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    calls = blocks(turns, pauses, seed)
    with told(), ExitStack() as stack:
        config = _config(llm, folder, stack)
        settings = configuration.load(profile=profile, config=config).public()
        service = stack.enter_context(running(profile=profile, config=config, log=folder / "service.log"))
        scrape = f"http://{service.http}/metrics"
        before = httpx.get(scrape).text
        with Progress(console=Console(stderr=True), refresh_per_second=1) as progress:
            found = uvloop.run(run(calls, service.grpc, progress))
        after = httpx.get(scrape).text
    kinds = {kind: figures([entry for entry in found if entry.turn.kind == kind]) for kind in _kinds(found)}
    parts = ("endpointing", "recognition", "dialog", "speculation", "speaking", "ladder", "playout")
    result = {
        "benchmark": "gap",
        "llm": llm,
        "profile": profile,
        "machine": machine.described(),
        "settings": {name: settings[name] for name in parts},
        "seed": seed,
        "measured": kinds,
        "speculations": speculations(before, after),
        "turns": [
            {**asdict(entry.turn), "gap_ms": entry.turn.gap_ms, "cut_off_ms": entry.turn.cut_off_ms}
            | {"spans_ms": entry.spans_ms, "filler_ms": entry.filler_ms, "status": entry.status}
            for entry in found
        ],
    }
    file = out or RESULTS / f"gap-{llm}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    Console(width=110).print(table(kinds))
    sys.stdout.write(f"speculations: {json.dumps(result['speculations'])}\n{file}\n")


def _kinds(found: Sequence[Measured]) -> list[str]:
    return list(dict.fromkeys(entry.turn.kind for entry in found))


def _config(llm: Model, folder: Path, stack: ExitStack) -> Path | None:
    """Return the service's settings: the same models, prompt and options as in ``benchmarks.peers``."""
    if llm is Model.EMBEDDED:
        file = folder / "voicepipe.toml"
        file.write_text(f'[dialog]\nengine = "llamacpp"\nnum_predict = {OPTIONS["num_predict"]}\n', encoding="utf-8")
        return file
    language = stack.enter_context(language_model(Choice(llm), REPLY))
    return written(folder, load(SHARE / "agents")["shop"], language, WHISPER, COMPUTE_TYPE, VOICE)


if __name__ == "__main__":
    typer.run(main)
