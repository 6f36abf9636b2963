"""Holds calls for minutes: is one lost, does anything stay behind, does memory grow?

python -m benchmarks.hold --calls 8 --minutes 5
"""

import json
import random
import sys
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import linear_regression
from typing import Annotated, Any

import anyio
import typer
import uvloop

from benchmarks import machine
from benchmarks.process import Look, look
from benchmarks.report.results import write_result
from benchmarks.wer import RESULTS, chosen, percentiles
from pipeline.audio.wav import read_wav
from pipeline.caller.errors import CallError
from pipeline.caller.place import place_call
from pipeline.caller.plan import CallPlan, Encoding, Utterance
from pipeline.cli.screen import told
from pipeline.cli.service import running
from pipeline.core.clock import LoopClock

SAMPLING = 5.0
"""Seconds between two looks at the service's process."""
SETTLING = 20.0
"""Seconds after the last call before the last look."""
PER_CALL = 3
"""Utterances of one call."""


@dataclass(slots=True)
class Tally:
    """What became of the calls."""

    placed: int = 0
    turns: int = 0
    unanswered: int = 0
    """Turns without a transcript or without a reply."""
    lost: list[str] = field(default_factory=list)
    """Calls that broke off, and why."""
    statuses: Counter[str] = field(default_factory=Counter)
    notices: Counter[str] = field(default_factory=Counter)
    gaps: list[float] = field(default_factory=list)


async def caller(number: int, server: str, until: float, tally: Tally) -> None:
    """Place one call after the other until the time is up."""
    clock, choice = LoopClock(), random.Random(number)
    prompts = chosen(100, "en", seed=1)
    while clock.now() < until:
        said = tuple(Utterance(prompt.name, read_wav(prompt.path)) for prompt in choice.sample(prompts, PER_CALL))
        plan = CallPlan(utterances=said, server=server, encoding=Encoding.MULAW, rate=8000, patience=120.0)
        tally.placed += 1
        try:
            report = await place_call(plan)
        except CallError as error:
            tally.lost.append(f"{error.code}: {error}")
            continue
        tally.turns += len(report.turns)
        tally.unanswered += sum(not (turn.transcript and turn.reply) for turn in report.turns)
        tally.statuses.update(turn.status for turn in report.turns)
        tally.notices.update(notice.reason for notice in report.notices)
        tally.gaps += [turn.gap_ms for turn in report.turns if turn.gap_ms is not None]


async def hold(server: str, http: str, pid: int, calls: int, minutes: float) -> tuple[Tally, list[Look]]:
    """Keep ``calls`` calls going for so many minutes; return what became of them, and the looks taken meanwhile."""
    clock, tally, looks = LoopClock(), Tally(), []
    began_at = clock.now()

    async def watch() -> None:
        while True:
            looks.append(await look(clock.now() - began_at, http, pid))
            await anyio.sleep(SAMPLING)

    looks.append(await look(0.0, http, pid))
    async with anyio.create_task_group() as watching:
        watching.start_soon(watch)
        async with anyio.create_task_group() as calling:
            for number in range(calls):
                calling.start_soon(caller, number, server, began_at + 60 * minutes, tally)
        await anyio.sleep(SETTLING)
        watching.cancel_scope.cancel()
    looks.append(await look(clock.now() - began_at, http, pid))
    return tally, looks


def summary(tally: Tally, looks: list[Look]) -> dict[str, Any]:
    """Return the figures of a run. Memory's slope is over the second half, when every path has been warmed."""
    later = [entry for entry in looks[len(looks) // 2 :] if entry.calls]
    slope = (
        linear_regression([entry.at for entry in later], [entry.rss_mib for entry in later]).slope if later[1:] else 0.0
    )
    return {
        "calls": tally.placed,
        "turns": tally.turns,
        "lost": tally.lost,
        "unanswered_turns": tally.unanswered,
        "statuses": dict(tally.statuses),
        "notices": dict(tally.notices),
        "gap_ms": percentiles(tally.gaps),
        "before": asdict(looks[0]),
        "after": asdict(looks[-1]),
        "most_threads": max(entry.threads for entry in looks),
        "rss_mib_per_minute": round(60 * slope, 2),
    }


def main(
    *,
    calls: Annotated[int, typer.Option(help="Calls at once.", min=1)] = 8,
    minutes: Annotated[float, typer.Option(help="For how long.", min=0.1)] = 5.0,
    profile: Annotated[str, typer.Option(help="The service's profile.")] = "cpu",
    config: Annotated[Path | None, typer.Option(help="The service's settings.")] = None,
    log: Annotated[Path, typer.Option(help="The service's log.")] = Path("out/hold.log"),
    out: Annotated[Path, typer.Option(help="The result's file.")] = RESULTS / "hold.json",
) -> None:
    """Start the service, hold calls, print the figures and keep them as JSON."""
    with told(), running(profile=profile, config=config, log=log) as service:
        tally, looks = uvloop.run(hold(service.grpc, service.http, service.process.pid, calls, minutes))
    measured = {**summary(tally, looks), "looks": [asdict(entry) for entry in looks]}
    about = {"calls_at_once": calls, "minutes": minutes, "profile": profile}
    result = {"benchmark": "hold", "machine": machine.described(), **about, "measured": measured}
    write_result(out, result)
    sys.stdout.write(json.dumps({key: value for key, value in measured.items() if key != "looks"}, indent=2) + "\n")


if __name__ == "__main__":
    typer.run(main)
