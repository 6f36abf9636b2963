"""Each stage alone, with the profile's real engines: latency and real-time factor by length and by callers.

    python -m benchmarks.stages                     under 5 minutes on two cores
    python -m benchmarks.stages --only recognition --runs 40

Engines are loaded and warmed, and each case runs once before it counts. ``at once`` is how many callers ask the same
engine, each again as soon as it has been answered; what they wait for a free worker is part of their latency, for the
profile says how many there are. The real-time factor is seconds waited over seconds of sound. Recordings are of people,
cut to length from their beginning; a cut inside a word makes the recognizer doubt more often than a caller would, and a
doubtful recognition is done again in the full window.
"""

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from math import ceil
from pathlib import Path
from statistics import mean, median, quantiles
from typing import Annotated, Any

import anyio
import typer
from rich.console import Console
from rich.table import Table

from benchmarks import machine
from benchmarks.report.results import write_result
from benchmarks.stage_cases import STAGES, Case, Sample
from benchmarks.wer import RESULTS
from pipeline.cli.screen import opened, told
from pipeline.core.clock import Clock, MonotonicClock
from pipeline.models.store import Store
from pipeline.settings import Settings

PROMISED = "3 s"
"""Length at which the short context is promised to be three times as fast as the full window."""


def spread(seconds: Sequence[float]) -> dict[str, float] | None:
    """Return the 50th and the 95th percentile in milliseconds; None for no value. Pure."""
    if not seconds:
        return None
    high = quantiles(seconds, n=20, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]
    return {"p50": _digits(1000 * median(seconds)), "p95": _digits(1000 * high)}


def _digits(value: float) -> float:
    """Return ``value`` with the digits that mean something: microseconds below 10 ms."""
    return round(value, 3 if value < 10 else 1)


def figures(samples: Sequence[Sample], wall: float) -> dict[str, Any]:
    """Return the figures of one case; ``wall`` is how long all its samples took together. Pure."""
    audio = sum(sample.audio or 0.0 for sample in samples)
    found = {
        "samples": len(samples),
        "took_ms": spread([sample.took for sample in samples]),
        "first_ms": spread([sample.first for sample in samples if sample.first is not None]),
        "rtf": round(sum(sample.took for sample in samples) / audio, 4) if audio else None,
        "sound_per_second": round(audio / wall, 1) if audio and wall else None,
        "tokens_per_second": _rounded([sample.rate for sample in samples if sample.rate is not None]),
        "tokens_read": _rounded([float(sample.read) for sample in samples if sample.read is not None]),
    }
    return {name: value for name, value in found.items() if value is not None}


def _rounded(values: Sequence[float]) -> float | None:
    return round(mean(values), 1) if values else None


async def measured(case: Case, at_once: int, runs: int, clock: Clock) -> dict[str, Any]:
    """Let ``at_once`` callers work until ``runs`` are done, after one run of each that is not counted."""
    samples: list[Sample] = []
    callers = [case.work() for _ in range(at_once)]
    for work in callers:
        await work()
    began = clock.now()

    async def call(number: int) -> None:
        for _ in range(ceil(min(runs, case.most_runs or runs) / at_once)):
            samples.extend(await callers[number]())

    async with anyio.create_task_group() as tasks:
        for number in range(at_once):
            tasks.start_soon(call, number)
    return figures(samples, clock.now() - began)


async def measure(
    settings: Settings, store: Store, only: Sequence[str], runs: int, clock: Clock
) -> dict[str, list[dict[str, Any]]]:
    """Measure the stages named. Raises ModelError when a model is not here."""
    found: dict[str, list[dict[str, Any]]] = {}
    with Console(stderr=True).status("measuring") as status:
        for name in only:
            async for case in STAGES[name](settings, store, clock):
                for at_once in case.at_once:
                    status.update(f"{case.stage}, {case.input}, {at_once} at once")
                    row = {"input": case.input, "at_once": at_once}
                    found.setdefault(case.stage, []).append(row | await measured(case, at_once, runs, clock))
    return found


def times_as_fast(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, float]:
    """Return, by length, the full window's median over that of the short context, for a caller alone. Pure."""
    medians = [
        {row["input"]: row["took_ms"]["p50"] for row in found.get(f"recognition_{context}", ()) if row["at_once"] == 1}
        for context in ("short", "full")
    ]
    return {length: round(full / medians[0][length], 2) for length, full in medians[1].items() if length in medians[0]}


def table(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> Table:
    """Return the figures as a table."""
    drawn = Table(title="milliseconds, p50 / p95")
    for heading in ("stage", "input", "at once", "first part", "whole", "rtf", "tokens/s"):
        drawn.add_column(heading, justify="left" if heading in {"stage", "input"} else "right", no_wrap=True)
    for stage, rows in found.items():
        for row in rows:
            pairs = (f"{row[key]['p50']} / {row[key]['p95']}" if key in row else "" for key in ("first_ms", "took_ms"))
            others = (str(row.get(key, "")) for key in ("rtf", "tokens_per_second"))
            drawn.add_row(stage, row["input"], str(row["at_once"]), *pairs, *others)
    return drawn


def engines(settings: Settings, store: Store) -> dict[str, Any]:
    """Return which engines run and with what: the first model of each kind that is present. Raises ModelError."""
    recognizer = store.first_present(settings.recognition.models)
    writes = store.first_present(settings.dialog.models)
    return {
        "recognition": settings.recognition.model_dump(mode="json", exclude={"models"}) | {"model": recognizer},
        "dialog": settings.dialog.model_dump(mode="json", exclude={"models"}) | {"model": writes},
        "speaking": settings.speaking.model_dump(mode="json"),
    }


def main(
    *,
    only: Annotated[list[str] | None, typer.Option(help="Only these stages; may be repeated.")] = None,
    runs: Annotated[int, typer.Option(help="Runs of each case; fewer where one takes seconds.", min=1)] = 12,
    profile: Annotated[str, typer.Option(help="Whose engines.")] = "cpu",
    out: Annotated[Path | None, typer.Option(help="The result's file; default: benchmarks/results/.")] = None,
) -> None:
    """Measure, print the table and keep the figures as JSON."""
    unknown = sorted(set(only or ()) - set(STAGES))
    if unknown:
        raise typer.BadParameter(f"{unknown[0]}; there are: {', '.join(STAGES)}")
    described = machine.described()
    with told():
        settings, store = opened(profile, None)
        chosen = engines(settings, store)
        found = anyio.run(partial(measure, settings, store, only or list(STAGES), runs, MonotonicClock()))
    ratios = times_as_fast(found)
    result = {
        "benchmark": "stages",
        "profile": profile,
        "machine": described,
        "settings": chosen,
        "runs": runs,
        "times_as_fast": ratios,
        "measured": found,
    }
    file = out or RESULTS / f"stages-{profile}.json"
    write_result(file, result)
    Console(width=120).print(table(found))
    ratio = ratios.get(PROMISED)
    sys.stdout.write(f"short context at {PROMISED}: {ratio} times as fast\n" if ratio else "")
    sys.stdout.write(f"{file}\n")


if __name__ == "__main__":
    typer.run(main)
