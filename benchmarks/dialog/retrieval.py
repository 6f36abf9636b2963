"""Knowledge: does a search find what callers ask for, and how long does it take in large files.

    python -m benchmarks.dialog retrieval
    python -m benchmarks.dialog retrieval --embed all-minilm-l6-v2 --embed-languages en

The questions stand in ``benchmarks/dialog/questions.toml``. Large files are generated: words with the frequencies of a
language (Zipf), nine passages in ten of words, one of Chinese characters. Their vectors are random, which takes a
search as long as any others.
"""

import random
import sys
import tempfile
import tomllib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Any

import anyio
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks import machine
from benchmarks.report.results import write_result
from benchmarks.wer import RESULTS, tails
from pipeline.cli.screen import told
from pipeline.core.clock import MonotonicClock
from pipeline.dialog.knowledge.build import build
from pipeline.dialog.knowledge.database import Database, write
from pipeline.dialog.knowledge.passages import Cut
from pipeline.dialog.knowledge.search import BUDGET, Knowledge
from pipeline.dialog.ollama import Ollama
from pipeline.settings import SHARE, Dialog

QUESTIONS = Path(__file__).parent / "questions.toml"
LANGUAGES = {"shop": "en", "bakery-zh": "zh"}
"""The agents whose documents are asked, each with its language."""
LIMIT = 3
PATIENCE = 30.0
"""Seconds for a search whose ranking counts and not its time."""
VOCABULARY = 20_000
DIMENSIONS = 384
PASSAGE_WORDS = 90
ROUNDS = 300
"""Searches that are timed in each file."""
PACKAGES = ("apsw", "sqlite-vec", "selectolax", "pypdf")


@dataclass(frozen=True, slots=True)
class Question:
    """What a caller asks, and where the answer stands."""

    agent: str
    asked: str
    sources: tuple[str, ...]
    fact: str
    """What a passage with the answer says, word for word."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Where the answer was found."""

    question: Question
    rank: int
    """From 1; 0 if it was not among the first three."""


def questions() -> list[Question]:
    """Return all questions."""
    entries = tomllib.loads(QUESTIONS.read_text(encoding="utf-8"))["questions"]
    return [Question(one["agent"], one["asked"], tuple(one["sources"]), one["fact"]) for one in entries]


async def answered(
    asked: Sequence[Question], folder: Path, embedder: Ollama | None, languages: Sequence[str] = ()
) -> list[Answer]:
    """Ask each question of its agent's knowledge, built in ``folder``. Raises KnowledgeError, DialogError."""
    answers = []
    for agent in LANGUAGES:
        file = folder / f"{agent}.kb"
        await build(SHARE / "agents" / agent, file, embedder=embedder, embedder_languages=languages)
        knowledge = Knowledge.open(file, embedder)
        for question in (one for one in asked if one.agent == agent):
            found = await knowledge.search(question.asked, LIMIT, PATIENCE)
            ranks = (
                rank
                for rank, passage in enumerate(found, 1)
                if passage.source in question.sources and question.fact in passage.text
            )
            answers.append(Answer(question, next(ranks, 0)))
        knowledge.close()
    return answers


def summary(answers: Sequence[Answer]) -> dict[str, Any]:
    """Return how many answers were first, how many among the first three, and the questions without one. Pure."""
    return {
        "questions": len(answers),
        "recall_at_1": _share(sum(one.rank == 1 for one in answers), len(answers)),
        "recall_at_3": _share(sum(one.rank > 0 for one in answers), len(answers)),
        "missed": [one.question.asked for one in answers if not one.rank],
    }


def generated(count: int, seed: int) -> Iterator[Cut]:
    """Yield passages of random words."""
    chance = random.Random(seed)
    names, weights = vocabulary(seed)
    characters = [chr(0x4E00 + number) for number in range(3000)]
    dense = list(accumulate(1 / rank for rank in range(1, len(characters) + 1)))
    for number in range(count):
        if number % 10:
            text = " ".join(chance.choices(names, cum_weights=weights, k=PASSAGE_WORDS))
            title = " ".join(chance.choices(names, cum_weights=weights, k=6))
        else:
            text = "".join(chance.choices(characters, cum_weights=dense, k=2 * PASSAGE_WORDS))
            title = "".join(chance.choices(characters, cum_weights=dense, k=6))
        # One in ten is an approved pair; its question is the title.
        question = title if number % 10 == 1 else None
        yield Cut(f"document-{number // 20}.md", number % 20, title, text, "en" if number % 10 else "zh", question)


def vocabulary(seed: int) -> tuple[list[str], list[float]]:
    """Return invented words and their cumulative frequencies, the most frequent first."""
    chance = random.Random(seed)
    syllables = [first + vowel + last for first in "bdfgklmnprst" for vowel in "aeiou" for last in ("", "n", "r", "t")]
    names = ["".join(chance.choices(syllables, k=chance.randint(1, 4))) for _ in range(VOCABULARY)]
    return names, list(accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))


def spoken(cuts: Sequence[Cut], count: int, seed: int) -> list[str]:
    """Return questions of ten words out of one passage each; the Chinese ones have twelve characters."""
    chance = random.Random(seed)
    chosen = chance.choices(cuts, k=count)
    return [
        " ".join(chance.sample(cut.text.split(), 10)) if cut.language == "en" else cut.text[20:32] for cut in chosen
    ]


async def timed(count: int, folder: Path, seed: int) -> dict[str, Any]:
    """Build a file of ``count`` passages and return what searches of it take."""
    clock = MonotonicClock()
    cuts = list(generated(count, seed))
    began_at = clock.now()
    write(folder / "words.kb", cuts, {})
    built = clock.now() - began_at
    opened_at = clock.now()
    knowledge = Knowledge.open(folder / "words.kb")
    opening = clock.now() - opened_at
    asked = spoken(cuts, ROUNDS, seed)
    long = [" ".join(asked[number : number + 80])[:5000] for number in range(0, ROUNDS - 80, 10)]
    patient = partial(knowledge.search, limit=LIMIT, budget=PATIENCE)
    result = {
        "passages": count,
        "build_s": round(built, 1),
        "megabytes": round((folder / "words.kb").stat().st_size / 1e6, 1),
        "open_ms": round(1000 * opening, 2),
        "search_ms": _milliseconds(await _took(asked, patient)),
        "search_of_5000_characters_ms": _milliseconds(await _took(long, patient)),
        "approved_ms": _milliseconds(await _took(asked, partial(knowledge.approved, threshold=0.9, budget=PATIENCE))),
        "over_budget": _share(sum(seconds > BUDGET for seconds in await _took(asked, knowledge.search)), len(asked)),
    }
    knowledge.close()
    return result | {"vectors": _nearest(cuts, folder, seed)}


async def _took(asked: Sequence[str], ask: Callable[[str], Awaitable[object]]) -> list[float]:
    """Return the seconds that each question takes, one after the other."""
    clock, took = MonotonicClock(), []
    for question in asked:
        began_at = clock.now()
        await ask(question)
        took.append(clock.now() - began_at)
    return took


def _nearest(cuts: Sequence[Cut], folder: Path, seed: int) -> dict[str, Any]:
    """Return what the ranking of vectors takes, without the time of their model."""
    chance = np.random.default_rng(seed)
    vectors = chance.standard_normal((len(cuts), DIMENSIONS), np.float32)
    write(folder / "vectors.kb", cuts, {}, dict(enumerate(vectors.tolist())))
    database = Database(folder / "vectors.kb")
    clock, took = MonotonicClock(), []
    for vector in chance.standard_normal((ROUNDS // 6, DIMENSIONS), np.float32).tolist():
        began_at = clock.now()
        database.nearest(vector, 20)
        took.append(clock.now() - began_at)
    database.close()
    size = (folder / "vectors.kb").stat().st_size
    return {"dimensions": DIMENSIONS, "megabytes": round(size / 1e6, 1), "nearest_ms": _milliseconds(took)}


def _milliseconds(took: Sequence[float]) -> dict[str, float]:
    milliseconds = [1000 * seconds for seconds in took]
    return {**tails(milliseconds, 2), "max": round(max(milliseconds), 2)}


def _share(some: int, all_of_them: int) -> float:
    return round(some / all_of_them, 4) if all_of_them else 0.0


async def measured(
    sizes: Sequence[int], embedders: Sequence[Ollama | None], languages: Sequence[str], seed: int
) -> dict[str, Any]:
    """Return all figures: recall with each embedder, times with each size."""
    asked = questions()
    result: dict[str, Any] = {"recall": {}, "speed": []}
    for embedder in embedders:
        with tempfile.TemporaryDirectory() as name:
            answers = await answered(asked, Path(name), embedder, languages)
        way = f"full text and vectors of {embedder.model}" if embedder else "full text"
        result["recall"][way] = {
            LANGUAGES[agent]: summary([one for one in answers if one.question.agent == agent]) for agent in LANGUAGES
        } | {"both": summary(answers)}
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            result["speed"].append(await timed(size, Path(name), seed))
    return result


def main(
    *,
    embed: Annotated[str, typer.Option(metavar="MODEL", help="Also with vectors, by this model of Ollama.")] = "",
    embed_languages: Annotated[str, typer.Option(help="That model's languages, with commas; empty for all.")] = "en",
    ollama_url: Annotated[str, typer.Option(help="Where the Ollama server is.")] = "http://127.0.0.1:11434",
    sizes: Annotated[str, typer.Option(help="Passages in the generated files, with commas; empty for none.")] = (
        "10000,100000"
    ),
    seed: Annotated[int, typer.Option(help="Chooses the generated words.")] = 1,
    out: Annotated[Path | None, typer.Option(help="The result's file; default: benchmarks/results/.")] = None,
) -> None:
    """Measure the search of knowledge, print the figures and keep them as JSON."""
    chosen = [int(size) for size in sizes.split(",") if size]
    embedders = [None, *([Ollama(Dialog(ollama_url=ollama_url), embed)] if embed else [])]
    result = {
        "benchmark": "retrieval",
        "machine": machine.described(),
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "embed_languages": embed_languages,
        "seed": seed,
    }
    with told():
        result |= anyio.run(partial(measured, chosen, embedders, embed_languages.replace(",", " ").split(), seed))
    file = out or RESULTS / "retrieval.json"
    write_result(file, result)
    for table in tables(result):
        Console(width=110).print(table)
    sys.stdout.write(f"{file}\n")


def tables(result: dict[str, Any]) -> Iterator[Table]:
    """Yield the figures as tables."""
    recall = Table(title="answers among the passages found", show_header=True)
    for heading in ("", "language", "questions", "first", "first three"):
        recall.add_column(heading)
    for way, languages in result["recall"].items():
        for language, entry in languages.items():
            shares = (f"{entry[name]:.1%}" for name in ("recall_at_1", "recall_at_3"))
            recall.add_row(way, language, str(entry["questions"]), *shares)
    yield recall
    speed = Table(title="milliseconds of a search, p50 / p95 / max")
    for heading in ("passages", "question", "5000 characters", "approved", "vectors"):
        speed.add_column(heading)
    for entry in result["speed"]:
        kinds = ("search_ms", "search_of_5000_characters_ms", "approved_ms")
        figures = [*(entry[kind] for kind in kinds), entry["vectors"]["nearest_ms"]]
        speed.add_row(str(entry["passages"]), *(f"{one['p50']} / {one['p95']} / {one['max']}" for one in figures))
    yield speed
