"""Calls at once until the gap breaks its budget: what the gap, the answers and the processor become meanwhile.

    python -m benchmarks.load                             a stub for a language model: the pipeline alone
    python -m benchmarks.load --llm smollm2               a real Ollama server; also --llm qwen, --llm embedded
    python -m benchmarks.load --calls 1,2 --minutes 1

A step keeps so many calls going, each telephone placing one after the other, the first ones spread over SPREAD seconds.
A call that has begun when the step's time is up is counted to its end; the telephones that are free by then place
calls that are not counted, so that the load stays. The last step is the first one in which the gap's 95th percentile
(sayings of one breath) is over the budget: ``--budget-ms``, or the profile's for the response gap. Gaps and cut-offs
are those of ``benchmarks.gap``. The telephones, and the language model if it has a server, use the same processor.
"""

import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Annotated, Any

import anyio
import typer
import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import machine
from benchmarks.calls import Measured, Model, about, call, kinds, measured, served
from benchmarks.peers.measure import Block
from benchmarks.peers.run import blocks
from benchmarks.process import Look, counted, look, scrape, speculations
from benchmarks.report.results import write_result
from benchmarks.wer import RESULTS
from pipeline.caller.errors import CallError
from pipeline.cli.screen import told
from pipeline.cli.service import Service
from pipeline.core.clock import LoopClock

STEPS = "1,2,3,4,6,8,12,16"
SPREAD = 10.0
"""Seconds over which the first calls of a step begin: about a turn, so that telephones do not speak in chorus."""
SAMPLING = 2.0
"""Seconds between two looks at the service's process."""
SETTLING = 3.0
"""Seconds between two steps."""


@dataclass(slots=True)
class Tally:
    """What became of a step's calls."""

    calls: int = 0
    """Those that are counted and have begun."""
    going_on: int = 0
    found: list[Measured] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    """Counted calls that broke off, and why."""
    call_seconds: float = 0.0
    """Of all calls, counted or not."""


@dataclass(frozen=True, slots=True)
class Watched:
    """The service over a step."""

    looks: Sequence[Look]
    before: str
    """Its metrics."""
    after: str
    client_cpu: float
    """Seconds of processor time of the telephones, which are this process."""


class Step:
    """Some calls at once, for some time."""

    def __init__(self, service: Service, calls: Sequence[Block], at_once: int, minutes: float) -> None:
        """Place ``calls`` in their order, over and over."""
        self._service = service
        self._calls = cycle(calls)
        self._at_once = at_once
        self._clock = LoopClock()
        self._until = self._clock.now() + 60 * minutes
        self.tally = Tally()

    async def run(self) -> dict[str, Any]:
        """Keep the calls going and return the step's figures."""
        began_at, used = self._clock.now(), os.times()
        before, looks = await scrape(self._service.http), list[Look]()

        async def watch() -> None:
            while True:
                looks.append(await self._look(began_at))
                await anyio.sleep(SAMPLING)

        async with anyio.create_task_group() as watching:
            watching.start_soon(watch)
            async with anyio.create_task_group() as calling:
                for number in range(self._at_once):
                    calling.start_soon(self._telephone, number, calling.cancel_scope)
            watching.cancel_scope.cancel()
        looks.append(await self._look(began_at))
        now = os.times()
        client_cpu = now.user + now.system - used.user - used.system
        return summary(self._at_once, self.tally, Watched(looks, before, await scrape(self._service.http), client_cpu))

    async def _look(self, began_at: float) -> Look:
        return await look(self._clock.now() - began_at, self._service.http, self._service.process.pid)

    async def _telephone(self, number: int, step: anyio.CancelScope) -> None:
        """Place one call after the other; the end of the last one that is counted is the end of the step."""
        tally = self.tally
        await anyio.sleep(SPREAD * number / self._at_once)
        while True:
            counts = self._clock.now() < self._until
            tally.calls += counts
            tally.going_on += counts
            await self._place(next(self._calls), counts=counts)
            tally.going_on -= counts
            if not tally.going_on and self._clock.now() >= self._until:
                step.cancel()

    async def _place(self, block: Block, *, counts: bool) -> None:
        began_at = self._clock.now()
        found: list[Measured] = []
        try:
            found = await call(block, self._service.grpc)
        except CallError as error:
            found = measured(error.report, block) if error.report else []
            if counts:
                self.tally.lost.append(f"{error.code}: {error}")
        finally:
            self.tally.call_seconds += self._clock.now() - began_at
        if counts:
            self.tally.found += found


def mixed(calls: Sequence[Block]) -> list[Block]:
    """Return the calls with their kinds spread evenly, so that a short step has some of each. Pure."""
    sizes = Counter(block.kind for block in calls)
    return sorted(calls, key=lambda block: (block.number + 0.5) / sizes[block.kind])


def summary(at_once: int, tally: Tally, watched: Watched) -> dict[str, Any]:
    """Return the figures of a step. Pure."""
    used = watched.looks[-1].cpu - watched.looks[0].cpu
    lasted = watched.looks[-1].at - watched.looks[0].at
    seconds = tally.call_seconds or 1.0
    return {
        "calls_at_once": at_once,
        "calls": tally.calls,
        "lost": tally.lost,
        "seconds": round(lasted, 1),
        "call_seconds": round(tally.call_seconds, 1),
        "measured": kinds(tally.found),
        "speculations": speculations(watched.before, watched.after),
        "over_budget": counted(watched.before, watched.after, "voicepipe_over_budget", "span"),
        "degradations": counted(watched.before, watched.after, "voicepipe_degradations", "what"),
        "service_cpu_per_call_second": round(used / seconds, 3),
        "client_cpu_per_call_second": round(watched.client_cpu / seconds, 3),
        "service_cores": round(used / lasted, 2) if lasted else None,
        "rss_mib": max(entry.rss_mib for entry in watched.looks),
        "threads": max(entry.threads for entry in watched.looks),
    }


def p95(step: Mapping[str, Any]) -> float | None:
    """Return the 95th percentile of the gap of a step's sayings of one breath in ms; None where too few were answered.

    Pure.
    """
    gap = step["measured"].get("single", {}).get("gap_ms")
    return float(gap["p95"]) if gap else None


def within(steps: Sequence[Mapping[str, Any]], budget_ms: float) -> int:
    """Return the most calls at once before the first step that broke the budget; 0 if the first one did. Pure."""
    most = 0
    for step in steps:
        gap = p95(step)
        if gap is None or gap > budget_ms:
            break
        most = int(step["calls_at_once"])
    return most


async def climb(
    service: Service, calls: Sequence[Block], counts: Sequence[int], minutes: float, budget_ms: float
) -> list[dict[str, Any]]:
    """Take step after step until the budget breaks."""
    steps: list[dict[str, Any]] = []
    await call(Block("warm", 0, calls[0].sayings[:1]), service.grpc)
    with Progress(console=Console(stderr=True), refresh_per_second=1) as progress:
        bar = progress.add_task("", total=len(counts))
        for at_once in counts:
            progress.update(bar, description=f"{at_once} at once")
            steps.append(await Step(service, calls, at_once, minutes).run())
            progress.advance(bar)
            if within(steps, budget_ms) != at_once:
                break
            await anyio.sleep(SETTLING)
    return steps


def table(steps: Sequence[Mapping[str, Any]]) -> Table:
    """Return the figures as a table."""
    drawn = Table(title="sayings of one breath; gap in milliseconds")
    headings = ("at once", "turns", "p50", "p95", "no answer", "cut off", "over budget", "committed", "CPU", "RSS MiB")
    for heading in headings:
        drawn.add_column(heading, justify="right")
    for step in steps:
        single = step["measured"].get("single", {})
        gap = single.get("gap_ms") or {}
        drawn.add_row(
            *map(str, (step["calls_at_once"], single.get("turns", 0), gap.get("p50", ""), gap.get("p95", ""))),
            str(sum(entry["no_answer"] + entry["cut_off_and_no_answer"] for entry in step["measured"].values())),
            str(sum(entry["false_cut_offs"] for entry in step["measured"].values())),
            f"{step['over_budget'].get('response_gap', 0):.0f}",
            f"{step['speculations']['hit_rate']:.0%}",
            *map(str, (step["service_cpu_per_call_second"], step["rss_mib"])),
        )
    return drawn


def main(
    *,
    llm: Annotated[Model, typer.Option(help="What answers.")] = Model.STUB,
    calls: Annotated[str, typer.Option(help="Calls at once, step by step.")] = STEPS,
    minutes: Annotated[float, typer.Option(help="Of each step.", min=0.1)] = 3.0,
    budget_ms: Annotated[float | None, typer.Option(help="For the gap's p95; default: the profile's.")] = None,
    profile: Annotated[str, typer.Option(help="The service's profile.")] = "cpu",
    seed: Annotated[int, typer.Option(help="Chooses the recordings.")] = 1,
    out: Annotated[Path | None, typer.Option(help="The result's file; default: benchmarks/results/.")] = None,
) -> None:
    """Measure, print the table and keep the figures as JSON."""
    counts, described = [int(number) for number in calls.split(",")], machine.described()
    with told(), served(llm, profile, Path("out/load")) as (service, settings):
        budget = budget_ms or 1000 * settings.budgets["response_gap"].p95
        steps = uvloop.run(climb(service, mixed(blocks(60, 20, seed)), counts, minutes, budget))
    result = {
        "benchmark": "load",
        **about(llm, profile, settings),
        "machine": described,
        "seed": seed,
        "minutes": minutes,
        "budget_ms": budget,
        "within_budget": within(steps, budget),
        "steps": steps,
    }
    file = out or RESULTS / f"load-{llm}.json"
    write_result(file, result)
    Console(width=110).print(table(steps))
    sys.stdout.write(f"within {budget:.0f} ms: {result['within_budget']} at once\n{file}\n")


if __name__ == "__main__":
    typer.run(main)
