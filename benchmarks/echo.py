"""How well our own voice that comes back on a line is told from the caller, and what it costs.

    python -m benchmarks.echo                      some minutes
    python -m benchmarks.echo --count 3            a quick look

The voice of the profile says replies; a line gives them back, 6 to 20 dB softer and 40 to 400 ms later, by a hybrid, a
telephone's loudspeaker in a room, or a kiosk in one (``tests.echoes``: simulated responses, mu-law both ways on
telephones, late windows, noise at -62 dBFS). Five lines are harder: as loud as our voice, 30 dB softer and so hardly
over the noise, 600 ms late, with clocks that drift apart by 300 ppm, with a delay that grows by 20 ms every two
seconds. People speak over it at -30 to -18 dBFS. The voice detector is the real one. Neither the replies' texts nor the
callers' recordings were used to tune the gate; the voice and this kind of simulation were. No real line was tried.

An onset is 0.096 s of speech in a row, as begins a turn. ``added`` is how much later the caller's onset comes than on
the same line without echo, ``lost`` the share of the caller's speech that was taken for echo: of callers who begin to
speak over a reply, and of those who spoke ``already`` when the echo began.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import machine
from benchmarks.echo_cases import CLEAN, LINES, TEXTS, EchoCase, callers, echo_only, spoken_over
from benchmarks.report.results import write_result
from benchmarks.wer import RESULTS, percentiles
from pipeline.cli.screen import opened, told
from pipeline.core.clock import MonotonicClock
from pipeline.core.pcm import Pcm, joined
from pipeline.core.stages import VAD_RATE, VAD_WINDOW_SAMPLES
from pipeline.hearing.echo import EchoGate
from pipeline.hearing.loudness import Loudness
from pipeline.hearing.silero import Silero
from pipeline.settings import Endpointing
from tests.echoes import BEFORE, EchoCall

WINDOW = VAD_WINDOW_SAMPLES / VAD_RATE
RUN = round(Endpointing().start / WINDOW)
"""Windows of speech in a row that begin a turn."""
LONG = 8
"""Windows in a row that are enough for a barge-in, ``barge_in.min_speech``."""
GRACE = 0.3
"""Seconds behind the caller's last sample up to which an onset counts as theirs."""

Speech = npt.NDArray[np.bool_]
"""For each window whether it counts as speech."""


@dataclass
class Cell:
    """What was found at one attenuation and delay."""

    echo_windows: int = 0
    """Windows that the voice detector takes for speech while only an echo is heard."""
    passed: int = 0
    """Those that the gate lets pass."""
    onsets: int = 0
    onsets_gated: int = 0
    long_gated: int = 0
    """Runs that are enough for a barge-in."""
    seconds: float = 0.0
    """Of replies."""
    added: list[float] = field(default_factory=list)
    """Milliseconds, of the callers who were heard."""
    missed: int = 0
    overs: int = 0
    said: dict[str, int] = field(default_factory=lambda: {"over": 0, "already": 0})
    """Windows of the caller's speech."""
    lost: dict[str, int] = field(default_factory=lambda: {"over": 0, "already": 0})

    def add(self, other: "Cell") -> None:
        """Count in what was found elsewhere."""
        for name in ("echo_windows", "passed", "onsets", "onsets_gated", "long_gated", "seconds", "missed", "overs"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.added += other.added
        for kind in self.said:
            self.said[kind] += other.said[kind]
            self.lost[kind] += other.lost[kind]

    def figures(self) -> dict[str, Any]:
        """Return the figures."""
        minutes = self.seconds / 60
        return {
            "echo_windows": self.echo_windows,
            "echo_passed": _share(self.passed, self.echo_windows),
            "onsets_per_minute": round(self.onsets / minutes, 2) if minutes else None,
            "onsets_per_minute_gated": round(self.onsets_gated / minutes, 2) if minutes else None,
            "barge_ins_per_minute_gated": round(self.long_gated / minutes, 2) if minutes else None,
            "reply_minutes": round(minutes, 2),
            "callers": self.overs,
            "callers_missed": self.missed,
            "added_ms": percentiles(self.added),
            "lost": {kind: _share(self.lost[kind], said) for kind, said in self.said.items()},
        }


class Bench:
    """Hears calls."""

    def __init__(self, silero: Silero) -> None:
        self._silero = silero
        self._clock = MonotonicClock()
        self.took: list[float] = []
        """Seconds of the gate for each window while a reply plays or has just been played."""

    def plain(self, call: EchoCall) -> Speech:
        """Return what is speech without a gate."""
        voice, loudness = self._silero.open(), Loudness()
        return np.array([loudness.weigh(voice.judge(window.data), window) >= 0.5 for window in call.windows()])

    def gated(self, call: EchoCall) -> Speech:
        """Return what is speech with the gate."""
        voice, loudness, gate = self._silero.open(), Loudness(), EchoGate()
        speech = []
        for window, at in call.heard(gate):
            probability = voice.judge(window.data)
            began = self._clock.now()
            probability = gate.weigh(probability, window, at)
            if window.audio_end > BEFORE:
                self.took.append(self._clock.now() - began)
            speech.append(loudness.weigh(probability, window) >= 0.5)
        return np.array(speech)

    def echo(self, case: EchoCase, cell: Cell) -> None:
        """Count what becomes of an echo that nobody speaks over."""
        plain, gated = self.plain(case.call), self.gated(case.call)
        cell.echo_windows += int(plain.sum())
        cell.passed += int((plain & gated).sum())
        cell.onsets += len(runs(plain, RUN))
        cell.onsets_gated += len(runs(gated, RUN))
        cell.long_gated += len(runs(gated, LONG))
        cell.seconds += case.reply_seconds

    def caller(self, case: EchoCase, cell: Cell, kind: str) -> None:
        """Count what becomes of a caller."""
        assert case.alone is not None  # noqa: S101  somebody speaks
        alone, gated = self.plain(case.alone), self.gated(case.call)
        first, last = round(case.says_at / WINDOW), round((case.says_until + GRACE) / WINDOW)
        said = alone[first:last]
        cell.said[kind] += int(said.sum())
        cell.lost[kind] += int((said & ~gated[first:last]).sum())
        due = runs(said, RUN)
        if kind != "over" or not due:
            return
        cell.overs += 1
        heard = runs(gated[first:last], RUN)
        if heard:
            cell.added.append(max(0.0, 1000 * WINDOW * (heard[0] - due[0])))
        else:
            cell.missed += 1


def runs(speech: Speech, length: int) -> list[int]:
    """Return where each run of at least ``length`` windows of speech begins."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], speech.astype(np.int8), [0]))))
    return [int(begin) for begin, end in zip(edges[::2], edges[1::2], strict=True) if end - begin >= length]


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


async def _voice(profile: str) -> tuple[list[Pcm], Silero]:
    from pipeline.speaking.piper import Piper

    settings, store = opened(profile, None)
    piper = Piper.load(store.path(settings.speaking.voice), settings.speaking)
    said = [joined([speech.pcm async for speech in piper.speak(text)]) for text in TEXTS]
    return said, Silero.load(store.path("silero-vad"))


def measure(voice: Sequence[Pcm], bench: Bench, number: int, seed: int) -> dict[str, Any]:
    """Hear ``number`` calls of each kind on every line, and callers on lines without echo."""
    people, choice, ways = callers(seed), np.random.default_rng(seed), dict[str, Cell]()
    cells, whole = dict[str, Cell](), Cell()
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("lines", total=len(LINES) + 1)
        for name, line in LINES.items():
            cell = cells[name] = Cell()
            for case in echo_only(voice, line, number, choice):
                found = Cell()
                bench.echo(case, found)
                cell.add(found)
                ways.setdefault(case.way, Cell()).add(found)
            for kind in ("over", "already"):
                some = [people[place] for place in choice.choice(len(people), number, replace=False)]
                for case in spoken_over(voice, some, line, before=kind == "already", choice=choice):
                    found = Cell()
                    bench.caller(case, found, kind)
                    cell.add(found)
                    ways.setdefault(case.way, Cell()).add(found)
            whole.add(cell)
            progress.advance(bar)
        clean = Cell()
        some = [people[place] for place in choice.choice(len(people), min(4 * number, len(people)), replace=False)]
        for case in spoken_over(voice, some, CLEAN, before=False, choice=choice):
            bench.caller(case, clean, "over")
        progress.advance(bar)
    return {
        "lines": {name: cell.figures() for name, cell in cells.items()},
        "ways": {name: cell.figures() for name, cell in ways.items()},
        "all": whole.figures(),
        "without echo": clean.figures(),
        "gate_us": percentiles([1e6 * took for took in bench.took]),
        "windows": len(bench.took),
    }


def table(measured: dict[str, Any]) -> Table:
    """Return the figures as a table, a line for each attenuation and delay."""
    us = measured["gate_us"] or {"p50": 0, "p95": 0}
    drawn = Table(title=f"our own voice, come back; the gate takes {us['p50']} / {us['p95']} us a window (p50 / p95)")
    for heading in ("line", "echo passed", "onsets/min", "gated", "barge-ins", "missed", "added ms", "lost", "already"):
        drawn.add_column(heading, justify="left" if heading == "line" else "right", no_wrap=True)
    rows = {**measured["lines"], **measured["ways"], "all": measured["all"], "without echo": measured["without echo"]}
    for name, figures in rows.items():
        added = figures["added_ms"] or {"p50": 0, "p95": 0}
        drawn.add_row(
            name,
            _percent(figures["echo_passed"]),
            *(_number(figures[key]) for key in ("onsets_per_minute", "onsets_per_minute_gated")),
            _number(figures["barge_ins_per_minute_gated"]),
            f"{figures['callers_missed']} / {figures['callers']}",
            f"{added['p50']} / {added['p95']}",
            *(_percent(figures["lost"][kind]) for kind in ("over", "already")),
        )
    return drawn


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def _number(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.1f}"


def main(
    *,
    number: Annotated[int, typer.Option("--count", help="Calls of each kind for each line.", min=1)] = 12,
    seed: Annotated[int, typer.Option(help="Chooses the recordings and the lines.")] = 1,
    profile: Annotated[str, typer.Option(help="Whose voice speaks.")] = "cpu",
    out: Annotated[Path, typer.Option(help="The result's file.")] = RESULTS / "echo.json",
) -> None:
    """Measure, print the table and keep the figures as JSON."""
    described = machine.described()
    with told():
        voice, silero = uvloop.run(_voice(profile))
        measured = measure(voice, Bench(silero), number, seed)
    result = {"benchmark": "echo", "machine": described, "seed": seed, "count": number, "measured": measured}
    write_result(out, result)
    Console(width=120).print(table(measured))
    sys.stdout.write(f"{out}\n")


if __name__ == "__main__":
    typer.run(main)
