"""Word error rate on recordings of people: through a running service, or of recognizers alone.

    python -m benchmarks.wer --server 127.0.0.1:50051 --prompts 30
    python -m benchmarks.wer --models whisper-tiny.en,whisper-base --prompts 120
    python -m benchmarks.wer --models whisper-tiny.en --context short

With ``--models`` each prompt is given to every recognizer before the next one: once with the encoder's short context,
once with the full window of 30 s (``recognition.context``), and the one that was second is first next time.
"""

import json
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median, quantiles
from typing import Annotated, Any

import anyio
import jiwer
import typer
import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import machine
from benchmarks.report.results import write_result
from benchmarks.spelling import normalized
from pipeline.audio.resample import resampled
from pipeline.audio.wav import read_wav
from pipeline.caller.place import place_call
from pipeline.caller.plan import CallPlan, Encoding, Utterance
from pipeline.cli.screen import opened, told
from pipeline.core.clock import MonotonicClock
from pipeline.core.latency import SPANS
from pipeline.core.pcm import Pcm
from pipeline.core.stages import VAD_RATE
from tests.recordings import Prompt, prompts

RESULTS = Path(__file__).parent / "results"
LONGEST = 12.0
"""Seconds; longer prompts are menus, in which the reader pauses for longer than a caller would."""
SHORTEST_WORDS = 3


class Context(StrEnum):
    """What the encoder hears: see ``recognition.context``."""

    SHORT = "short"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Heard:
    """One recording, what it says and what was understood."""

    name: str
    said: str
    heard: str
    seconds: float
    """Length of the recording."""
    turns: int = 1
    """How many turns the service made of it."""
    gap_ms: float | None = None
    spans_ms: Mapping[str, float] = field(default_factory=dict)
    took: float | None = None
    """Seconds of recognition, where it was timed."""


def chosen(count: int, language: str, seed: int) -> list[Prompt]:
    """Return ``count`` prompts that a caller might say in one breath, the same ones for the same seed.

    Prompts whose text begins or ends in an ellipsis are pieces of sentences, recorded to be put together.
    """
    fit = [
        prompt
        for prompt in prompts(language)
        if prompt.words >= SHORTEST_WORDS and "..." not in prompt.text and read_wav(prompt.path).duration <= LONGEST
    ]
    return random.Random(seed).sample(fit, min(count, len(fit)))


def summary(heard: Sequence[Heard]) -> dict[str, Any]:
    """Return the word error rate over all recordings, and each one with errors."""
    pairs = [(normalized(entry.said), normalized(entry.heard)) for entry in heard]
    words = jiwer.process_words([said for said, _ in pairs], [understood for _, understood in pairs])
    errors = [
        {"name": entry.name, "said": said, "heard": understood}
        for entry, (said, understood) in zip(heard, pairs, strict=True)
        if said != understood
    ]
    known = [name for name in SPANS if any(name in entry.spans_ms for entry in heard)]
    gaps = [entry.gap_ms for entry in heard if entry.gap_ms is not None]
    seconds = sum(entry.seconds for entry in heard)
    took = [entry.took for entry in heard if entry.took is not None]
    return {
        "recordings": len(heard),
        "words": words.hits + words.substitutions + words.deletions,
        "word_error_rate": round(words.wer, 4),
        "substitutions": words.substitutions,
        "deletions": words.deletions,
        "insertions": words.insertions,
        "without_transcript": sum(not understood for _, understood in pairs),
        "split_into_turns": sum(entry.turns > 1 for entry in heard),
        "gap_ms": percentiles(gaps),
        "spans_ms": {name: percentiles([e.spans_ms[name] for e in heard if name in e.spans_ms]) for name in known},
        "took_ms": percentiles([1000 * seconds for seconds in took]),
        "real_time_factor": round(sum(took) / seconds, 3) if took else None,
        "errors": errors,
    }


def percentiles(values: Sequence[float]) -> dict[str, int] | None:
    """Return the 50th and the 95th percentile, rounded; None for fewer than two values."""
    if len(values) < 2:
        return None
    return {"p50": round(median(values)), "p95": round(quantiles(values, n=20, method="inclusive")[-1])}


def tails(values: Sequence[float], digits: int) -> dict[str, float]:
    """Return the 50th, the 95th and the 99th percentile of at least two values, rounded to so many digits."""
    parts = quantiles(values, n=100, method="inclusive")
    return {"p50": round(median(values), digits), "p95": round(parts[94], digits), "p99": round(parts[98], digits)}


async def through_service(chosen: Sequence[Prompt], plan: CallPlan, per_call: int) -> list[Heard]:
    """Say every prompt to the service in calls of ``per_call``; raise CallError when one breaks off."""
    heard: list[Heard] = []
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("calling", total=len(chosen))
        for first in range(0, len(chosen), per_call):
            batch = chosen[first : first + per_call]
            heard += await _called(batch, plan)
            progress.update(bar, advance=len(batch))
    return heard


async def _called(batch: Sequence[Prompt], plan: CallPlan) -> list[Heard]:
    sounds = {prompt.name: read_wav(prompt.path) for prompt in batch}
    utterances = tuple(Utterance(name, sound) for name, sound in sounds.items())
    report = await place_call(replace(plan, utterances=utterances))
    heard = []
    for prompt in batch:
        turns = [turn for turn in report.turns if turn.utterance == prompt.name]
        text = " ".join(turn.transcript for turn in turns)
        gap, spans = (turns[-1].gap_ms, turns[-1].spans) if turns else (None, {})
        heard.append(Heard(prompt.name, prompt.text, text, sounds[prompt.name].duration, len(turns), gap, spans))
    return heard


async def by_engines(
    chosen: Sequence[Prompt], models: Sequence[str], contexts: Sequence[Context], language: str, *, profile: str
) -> dict[str, dict[Context, list[Heard]]]:
    """Give every prompt to each recognizer as one utterance, in turn. Raises ModelError when a model is not here."""
    from pipeline.hearing.whisper import Whisper

    settings, store = opened(profile, None)
    engines: dict[str, dict[Context, Whisper]] = {model: {} for model in models}
    for model, context in product(models, contexts):
        whisper = Whisper.load(store.path(model), settings.recognition.model_copy(update={"context": context}))
        await whisper.warm()
        engines[model][context] = whisper
    heard: dict[str, dict[Context, list[Heard]]] = {model: {context: [] for context in contexts} for model in models}
    clock = MonotonicClock()
    with Progress(console=Console(stderr=True), refresh_per_second=1) as progress:
        for number, prompt in enumerate(progress.track(chosen, description="recognizing")):
            sound = at_16_khz(read_wav(prompt.path))
            order = contexts if number % 2 == 0 else contexts[::-1]
            for model, context in product(models, order):
                began_at = clock.now()
                recognition = await engines[model][context].transcribe(sound, language)
                took = clock.now() - began_at
                entry = Heard(prompt.name, prompt.text, recognition.text, sound.duration, took=took)
                heard[model][context].append(entry)
    return heard


def compared(short: Sequence[Heard], full: Sequence[Heard]) -> dict[str, Any]:
    """Return how the short context did against the full one, on the same recordings. Pure."""
    errors = [(_errors(one), _errors(other)) for one, other in zip(short, full, strict=True)]
    medians = [median(entry.took or 0.0 for entry in heard) for heard in (short, full)]
    return {
        "times_as_fast": round(medians[1] / medians[0], 2) if medians[0] else None,
        "same_words": sum(
            normalized(one.heard) == normalized(other.heard) for one, other in zip(short, full, strict=True)
        ),
        "fewer_errors_short": sum(one < other for one, other in errors),
        "fewer_errors_full": sum(other < one for one, other in errors),
    }


def _errors(entry: Heard) -> int:
    words = jiwer.process_words(normalized(entry.said), normalized(entry.heard))
    return int(words.substitutions + words.deletions + words.insertions)


def at_16_khz(sound: Pcm) -> Pcm:
    """Return ``sound`` as a recognizer wants it."""
    return resampled(sound, VAD_RATE)


def table(measured: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return the figures as a table."""
    drawn = Table(title="word errors; milliseconds of one recognition")
    for heading in ("", "recordings", "word errors", "p50", "p95", "rtf"):
        drawn.add_column(heading, justify="right" if heading else "left")
    for name, entry in measured.items():
        took, rtf = entry["took_ms"] or {}, entry["real_time_factor"]
        cells = (entry["recordings"], f"{entry['word_error_rate']:.1%}", took.get("p50", ""), took.get("p95", ""))
        drawn.add_row(name, *map(str, cells), "" if rtf is None else f"{rtf:.3f}")
    return drawn


def main(  # noqa: PLR0913  a command's options are its arguments
    *,
    server: Annotated[str, typer.Option(help="HOST:PORT of a running service.")] = "127.0.0.1:50051",
    models: Annotated[str, typer.Option(help="Whisper models to measure alone, with commas.")] = "",
    context: Annotated[Context | None, typer.Option(help="With --models: this one only, not both in turn.")] = None,
    count: Annotated[int, typer.Option("--prompts", help="How many recordings.", min=1)] = 30,
    language: Annotated[str, typer.Option(help="en, es, fr, it or ru.")] = "en",
    seed: Annotated[int, typer.Option(help="Chooses the recordings.")] = 1,
    per_call: Annotated[int, typer.Option(help="Recordings said in one call.", min=1)] = 5,
    encoding: Annotated[Encoding, typer.Option(help="On the wire.")] = Encoding.MULAW,
    profile: Annotated[str, typer.Option(help="Settings of the recognizer, with --models.")] = "cpu",
    about: Annotated[str, typer.Option(help="What the service runs, for the result: models and engines.")] = "",
    out: Annotated[Path | None, typer.Option(help="The result's file; default: benchmarks/results/.")] = None,
) -> None:
    """Measure, print the result and keep it as JSON."""
    result: dict[str, Any] = {"benchmark": "wer", "about": about, "machine": machine.described()}
    with told():
        said = chosen(count, language, seed)
        result["prompts"] = {"language": language, "seed": seed, "names": [prompt.name for prompt in said]}
        if models:
            contexts = [context] if context else list(Context)
            result |= _alone(said, models.split(","), contexts, language, profile)
        else:
            plan = CallPlan(utterances=(), server=server, encoding=encoding, rate=8000)
            result["measured"] = {"service": _figures(uvloop.run(through_service(said, plan, per_call)))}
    file = out or RESULTS / ("wer-context.json" if models else f"wer-{language}-service.json")
    write_result(file, result)
    for name, entry in result["measured"].items():
        for error in entry["errors"]:
            sys.stdout.write(f"{name}, {error['name']}\n    said  {error['said']}\n    heard {error['heard']}\n")
    Console(width=110).print(table(result["measured"]))
    sys.stdout.write(f"{json.dumps(result.get('compared', {}))}\n{file}\n")


def _alone(
    said: Sequence[Prompt], models: Sequence[str], contexts: Sequence[Context], language: str, profile: str
) -> dict[str, Any]:
    """Return what the recognizers made of the prompts, and with which settings."""
    heard = anyio.run(partial(by_engines, said, models, contexts, language, profile=profile))
    return {
        "recognition": opened(profile, None)[0].recognition.model_dump(mode="json", exclude={"models", "context"}),
        "measured": {
            f"{model}, {context}": _figures(entries)
            for model, made in heard.items()
            for context, entries in made.items()
        },
        "compared": {
            model: compared(made[Context.SHORT], made[Context.FULL]) for model, made in heard.items() if len(made) > 1
        },
    }


def _figures(heard: Sequence[Heard]) -> dict[str, Any]:
    return {**summary(heard), "all": [asdict(entry) for entry in heard]}


if __name__ == "__main__":
    typer.run(main)
