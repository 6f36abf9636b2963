"""How well the end of a turn is told: cut-offs in pauses, and waits at the end, for several settings.

    python -m benchmarks.turns                      some minutes: it hears faster than real time
    python -m benchmarks.turns --count 20 --only default

Real engines hear recordings of people: whole prompts, prompts cut in the middle of a sentence, prompts with a longer
pause where they had one, two prompts said as one, and numbers read out in groups (``benchmarks.turn_cases``). The
pauses put in last 0.3 to 1.2 s. Engines are given all the time they need, so what is measured is the decision and no
processor: a pause counts as cut off when the turn was called over within it, the wait is the time from the last
audible sample to the end of the turn.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import anyio
import anyio.lowlevel
import typer
import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import machine
from benchmarks.report.results import write_result
from benchmarks.turn_cases import Case, cases
from benchmarks.wer import RESULTS, percentiles
from pipeline.audio.level import last_audible
from pipeline.cli.screen import opened, told
from pipeline.core.events import FinalTranscript, HearingEvent, TurnEnded, TurnId
from pipeline.core.pcm import SAMPLE_BYTES, MicFrame, Pcm, silence
from pipeline.core.stages import (
    VAD_RATE,
    VAD_WINDOW_SAMPLES,
    Recognition,
    Recognizer,
    TurnModel,
    VoiceActivity,
    VoiceActivityEngine,
)
from pipeline.hearing.listener import Ears, Listener
from pipeline.hearing.scheduler import RecognitionQueue
from pipeline.settings import Endpointing

BEHIND = 2.5
"""Seconds of silence behind each recording: more than any setting waits."""
CHECKS = 20
"""Looks at idle engines after which nothing is taken to follow."""

SETTINGS: dict[str, Endpointing] = {
    "default": Endpointing(),
    "patient": Endpointing(min_silence=0.4, max_silence=2.0),
    "min 0.3": Endpointing(min_silence=0.3),
    "max 1.0": Endpointing(max_silence=1.0),
    "text only": Endpointing(turn_model=""),
    "fixed 0.4": Endpointing(min_silence=0.4, max_silence=0.4, turn_model=""),
    "fixed 0.7": Endpointing(min_silence=0.7, max_silence=0.7, turn_model=""),
    "fixed 1.0": Endpointing(min_silence=1.0, max_silence=1.0, turn_model=""),
}
"""What is compared."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was made of a case."""

    kind: str
    name: str
    pauses: tuple[float, ...]
    """Seconds of each."""
    cut: tuple[bool, ...]
    """Whether the turn was called over within it."""
    wait: float
    """Seconds from the last audible sample to the end of the last turn."""
    heard: str


class AudioClock:
    """Tells the time of the sound that was given."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        """Return the instant in seconds."""
        return self.at


class Busy:
    """Counts the work of engines under way."""

    def __init__(self, voice: VoiceActivityEngine, recognizer: Recognizer, turn_model: TurnModel) -> None:
        self._engine = voice
        self._voice = voice.open()
        self._recognizer = recognizer
        self._turn_model = turn_model
        self.running = 0

    def open(self) -> VoiceActivity:
        """Hear another call."""
        self._voice = self._engine.open()
        return self

    async def rest(self) -> None:
        """Return once nothing is under way, and nothing begins."""
        idle = 0
        while idle < CHECKS:
            await anyio.lowlevel.checkpoint()
            idle = 0 if self.running else idle + 1

    async def probability(self, window: Pcm) -> float:
        """Judge a window of the call, or with more sound the turn."""
        self.running += 1
        try:
            if window.samples == VAD_WINDOW_SAMPLES:
                return await self._voice.probability(window)
            return await self._turn_model.probability(window)
        finally:
            self.running -= 1

    async def transcribe(self, utterance: Pcm, language: str | None, others: Sequence[str] = ()) -> Recognition:
        """Recognize."""
        self.running += 1
        try:
            return await self._recognizer.transcribe(utterance, language, others)
        finally:
            self.running -= 1


async def hear(case: Case, engines: Busy, settings: Endpointing) -> Outcome:
    """Let a listener of its own hear a case, and return what it made of it."""
    clock, numbers, told_events = AudioClock(), count(1), list[HearingEvent]()
    queue = RecognitionQueue(engines, 2, clock, lambda: None)
    listener = Listener(
        Ears(engines.open(), queue, engines if settings.turn_model else None),
        settings,
        sustained=0.256,
        partial_every=0.0,
        language="en",
        clock=clock,
        next_turn=lambda: TurnId(next(numbers)),
    )
    microphone_in, microphone = anyio.create_memory_object_stream[MicFrame](1)
    events_in, events = anyio.create_memory_object_stream[HearingEvent](100)
    sound = Pcm(case.sound.data + silence(BEHIND, VAD_RATE).data, VAD_RATE)

    async def speak() -> None:
        async with microphone_in:
            for start in range(0, sound.samples - VAD_WINDOW_SAMPLES, VAD_WINDOW_SAMPLES):
                window = sound.data[SAMPLE_BYTES * start : SAMPLE_BYTES * (start + VAD_WINDOW_SAMPLES)]
                clock.at = (start + VAD_WINDOW_SAMPLES) / VAD_RATE
                await microphone_in.send(MicFrame(Pcm(window, VAD_RATE, start), clock.at))
                await engines.rest()

    async with events, microphone, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.run, microphone, events_in)
        tasks.start_soon(speak)
        async for event in events:
            told_events.append(event)
    return _outcome(case, told_events)


def _outcome(case: Case, told_events: Sequence[HearingEvent]) -> Outcome:
    ends = [event.at for event in told_events if isinstance(event, TurnEnded)]
    finals = [event.text for event in told_events if isinstance(event, FinalTranscript)]
    end = ((last_audible(case.sound) or 0) + 1) / VAD_RATE
    return Outcome(
        kind=case.kind,
        name=case.name,
        pauses=tuple(round(until - begin, 3) for begin, until in case.pauses),
        cut=tuple(any(begin <= at < until for at in ends) for begin, until in case.pauses),
        wait=round(max(ends, default=0.0) - end, 3),
        heard=" | ".join(finals),
    )


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return, by kind, the share of pauses that were cut off and the waits at the end in milliseconds."""
    result: dict[str, Any] = {}
    for kind in dict.fromkeys(outcome.kind for outcome in outcomes):
        own = [outcome for outcome in outcomes if outcome.kind == kind]
        cut = [cut for outcome in own for cut in outcome.cut]
        result[kind] = {
            "cases": len(own),
            "pauses": len(cut),
            "cut_off": sum(cut),
            "wait_ms": percentiles([1000 * outcome.wait for outcome in own]),
        }
    return result


async def measure(
    chosen_cases: Sequence[Case], settings: Mapping[str, Endpointing], load: Callable[[], Busy]
) -> dict[str, list[Outcome]]:
    """Hear every case with every setting."""
    engines = load()
    results: dict[str, list[Outcome]] = {}
    with Progress(console=Console(stderr=True)) as progress:
        for name, setting in settings.items():
            bar = progress.add_task(name, total=len(chosen_cases))
            results[name] = []
            for case in chosen_cases:
                results[name].append(await hear(case, engines, setting))
                progress.advance(bar)
    return results


def _engines(profile: str) -> Busy:
    from pipeline.hearing.silero import Silero
    from pipeline.hearing.smart_turn import SmartTurn
    from pipeline.hearing.whisper import Whisper

    settings, store = opened(profile, None)
    whisper = Whisper.load(store.path(store.first_present(settings.recognition.models)), settings.recognition)
    turn_model = SmartTurn.load(store.path(Endpointing().turn_model))
    return Busy(Silero.load(store.path("silero-vad")), whisper, turn_model)


def table(measured: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return the figures as a table, a line for each setting."""
    kinds = list(next(iter(measured.values())))
    drawn = Table(title="cut off in a pause of 0.3-1.2 s; wait at the end, p50 / p95 ms")
    for heading in ("setting", *kinds):
        drawn.add_column(heading, justify="left" if heading == "setting" else "right", no_wrap=True)
    for name, figures in measured.items():
        cells = []
        for kind in kinds:
            entry = figures[kind]
            cut = f"{100 * entry['cut_off'] / entry['pauses']:.0f} %  " if entry["pauses"] else ""
            waits = entry["wait_ms"] or {"p50": 0, "p95": 0}
            cells.append(f"{cut}{waits['p50']} / {waits['p95']}")
        drawn.add_row(name, *cells)
    return drawn


def main(
    *,
    number: Annotated[int, typer.Option("--count", help="Cases of each kind.", min=1)] = 60,
    only: Annotated[list[str] | None, typer.Option(help="Only these settings; may be repeated.")] = None,
    seed: Annotated[int, typer.Option(help="Chooses the recordings.")] = 1,
    profile: Annotated[str, typer.Option(help="Whose recognizer hears.")] = "cpu",
    out: Annotated[Path, typer.Option(help="The result's file.")] = RESULTS / "turns.json",
) -> None:
    """Measure, print the table and keep the outcomes as JSON."""
    settings = {name: SETTINGS[name] for name in only or SETTINGS}
    with told():
        outcomes = uvloop.run(measure(cases(number, seed), settings, lambda: _engines(profile)))
    measured = {name: summary(found) for name, found in outcomes.items()}
    result = {
        "benchmark": "turns",
        "machine": machine.described(),
        "settings": {name: setting.model_dump() for name, setting in settings.items()},
        "seed": seed,
        "measured": measured,
        "outcomes": {name: [asdict(outcome) for outcome in found] for name, found in outcomes.items()},
    }
    write_result(out, result)
    Console(width=110).print(table(measured))
    sys.stdout.write(f"{out}\n")


if __name__ == "__main__":
    typer.run(main)
