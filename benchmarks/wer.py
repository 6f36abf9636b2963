"""Word error rate on recordings of people: through a running service, or of a recognizer alone.

python -m benchmarks.wer --server 127.0.0.1:50051 --prompts 30
python -m benchmarks.wer --engine whisper-tiny.en --engine whisper-base
"""

import json
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Annotated, Any

import anyio
import jiwer
import typer
import uvloop
from rich.console import Console
from rich.progress import Progress

from benchmarks import machine
from benchmarks.spelling import normalized
from pipeline.audio.resample import Resampler
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
        "real_time_factor": round(sum(took) / seconds, 3) if took else None,
        "errors": errors,
    }


def percentiles(values: Sequence[float]) -> dict[str, int] | None:
    """Return the 50th and the 95th percentile, rounded; None for fewer than two values."""
    if len(values) < 2:
        return None
    return {"p50": round(median(values)), "p95": round(quantiles(values, n=20, method="inclusive")[-1])}


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


async def by_engine(chosen: Sequence[Prompt], model: str, language: str, *, profile: str) -> list[Heard]:
    """Give every prompt to a recognizer as one utterance. Raises ModelError when the model is not here."""
    from pipeline.hearing.whisper import Whisper

    settings, store = opened(profile, None)
    whisper = Whisper.load(store.path(model), settings.recognition)
    await whisper.warm()
    clock = MonotonicClock()
    heard = []
    with Progress(console=Console(stderr=True)) as progress:
        for prompt in progress.track(chosen, description=model):
            sound = at_16_khz(read_wav(prompt.path))
            began_at = clock.now()
            recognition = await whisper.transcribe(sound, language)
            took = clock.now() - began_at
            heard.append(Heard(prompt.name, prompt.text, recognition.text, sound.duration, took=took))
    return heard


def at_16_khz(sound: Pcm) -> Pcm:
    """Return ``sound`` as a recognizer wants it."""
    resampler = Resampler(sound.rate, VAD_RATE)
    return Pcm(resampler.feed(sound).data + resampler.flush().data, VAD_RATE)


def main(  # noqa: PLR0913  a command's options are its arguments
    *,
    server: Annotated[str, typer.Option(help="HOST:PORT of a running service.")] = "127.0.0.1:50051",
    engine: Annotated[list[str] | None, typer.Option(help="A whisper model to measure alone; may be repeated.")] = None,
    count: Annotated[int, typer.Option("--prompts", help="How many recordings.", min=1)] = 30,
    language: Annotated[str, typer.Option(help="en, es, fr, it or ru.")] = "en",
    seed: Annotated[int, typer.Option(help="Chooses the recordings.")] = 1,
    per_call: Annotated[int, typer.Option(help="Recordings said in one call.", min=1)] = 5,
    encoding: Annotated[Encoding, typer.Option(help="On the wire.")] = Encoding.MULAW,
    profile: Annotated[str, typer.Option(help="Settings of the recognizer, with --engine.")] = "cpu",
    about: Annotated[str, typer.Option(help="What the service runs, for the result: models and engines.")] = "",
    out: Annotated[Path | None, typer.Option(help="The result's file; default: benchmarks/results/.")] = None,
) -> None:
    """Measure, print the result and keep it as JSON."""
    with told():
        set_of_prompts = chosen(count, language, seed)
        measured = dict(_measured(set_of_prompts, server, engine or [], language, per_call, encoding, profile))
    chosen_from = {"language": language, "seed": seed, "names": [prompt.name for prompt in set_of_prompts]}
    result = {"benchmark": "wer", "about": about, "machine": machine.described(), "prompts": chosen_from}
    result["measured"] = measured
    file = out or RESULTS / f"wer-{language}-{'engine' if engine else 'service'}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    for name, entry in measured.items():
        shown = {key: value for key, value in entry.items() if key not in {"errors", "all"}}
        sys.stdout.write(f"{name}: {json.dumps(shown)}\n")
        for error in entry["errors"]:
            sys.stdout.write(f"  {error['name']}\n    said  {error['said']}\n    heard {error['heard']}\n")
    sys.stdout.write(f"{file}\n")


def _measured(
    chosen: Sequence[Prompt],
    server: str,
    engines: Sequence[str],
    language: str,
    per_call: int,
    encoding: Encoding,
    profile: str,
) -> Iterator[tuple[str, dict[str, Any]]]:
    for model in engines:
        heard = anyio.run(partial(by_engine, chosen, model, language, profile=profile))
        yield model, {**summary(heard), "all": [asdict(entry) for entry in heard]}
    if not engines:
        plan = CallPlan(utterances=(), server=server, encoding=encoding, rate=8000)
        heard = uvloop.run(through_service(chosen, plan, per_call))
        yield "service", {**summary(heard), "all": [asdict(entry) for entry in heard]}


if __name__ == "__main__":
    typer.run(main)
