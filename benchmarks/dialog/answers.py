"""Answers: does a real model say what the documents say, and how long is it until it can be spoken.

    python -m benchmarks.dialog answers --ollama-url http://127.0.0.1:11434
    python -m benchmarks.dialog answers --shared        other work ran on the machine: the times are not for publication

Every question of ``benchmarks/dialog/questions.toml`` is the first of a call. It goes through the service's own
responder, with the documents of ``agents/shop`` or ``agents/bakery-zh``, to a model on an Ollama server. Its answer is
judged by its words: it is grounded when it says one of the expected facts and none of the forbidden ones. A fact that
is said in words nobody thought of counts as a failure; the failures stand in the result.
"""

import re
import sys
import tempfile
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any

import anyio
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import machine
from benchmarks.dialog.retrieval import LANGUAGES, QUESTIONS
from benchmarks.report.results import write_result
from benchmarks.wer import RESULTS, percentiles
from pipeline.cli.screen import told
from pipeline.core.clock import MonotonicClock
from pipeline.core.stages import ChatModel, ChatOptions, Message, Usage
from pipeline.dialog.knowledge.build import build
from pipeline.dialog.knowledge.search import Knowledge
from pipeline.dialog.lookup import Documents, Lookup
from pipeline.dialog.ollama import Ollama
from pipeline.dialog.responder import APPROVED, Responder
from pipeline.dialog.routing import Router
from pipeline.settings import SHARE, Dialog, Speaking
from pipeline.speaking.script import Script

MODEL = "qwen2.5-coder-1.5b-instruct"
PERSONAS = {
    "shop": "You are the friendly voice on the telephone of Harbour Bakery, a small shop.",
    "bakery-zh": "你是港湾面包店的电话客服，态度亲切。用中文回答。",
}
"""Without any fact: what is said right comes from the documents."""


@dataclass(frozen=True, slots=True)
class Case:
    """A question, and what its answer must and must not say."""

    agent: str
    asked: str
    expected: tuple[str, ...]
    """One of them at least; ``+`` joins what must all be there."""
    forbidden: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Given:
    """An answer that was given."""

    agent: str
    asked: str
    text: str
    grounded: bool
    approved: bool
    tokens: int
    first_clause_tokens: int
    """Pieces of text that came until the first clause could be spoken."""
    first_clause_ms: float


def cases() -> list[Case]:
    """Return all questions with what is expected of their answers."""
    entries = tomllib.loads(QUESTIONS.read_text(encoding="utf-8"))["questions"]
    return [Case(one["agent"], one["asked"], tuple(one["expected"]), tuple(one["forbidden"])) for one in entries]


def grounded(answer: str, expected: Iterable[str], forbidden: Iterable[str]) -> bool:
    """Return whether an answer says one of the expected facts and none of the forbidden ones. Pure."""
    said = _plain(answer)
    wanted = any(all(_says(said, part) for part in fact.split("+")) for fact in expected)
    return wanted and not any(_says(said, fact) for fact in forbidden)


def _says(said: str, fact: str) -> bool:
    """Return whether a fact stands in a text, not as a part of a longer word or number."""
    return re.search(rf"(?<![a-z0-9]){re.escape(_plain(fact))}(?![a-z0-9])", said) is not None


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return " ".join(re.sub(r"(?<=[^\W\d])-(?=[^\W\d])", " ", folded).split())


async def given(case: Case, responder: Responder) -> Given:
    """Ask one question as the first of a call. Raises DialogError."""
    clock = MonotonicClock()
    script = Script(Speaking(), LANGUAGES[case.agent])
    text, pieces, usage = "", 0, Usage()
    first: tuple[int, float] | None = None
    began_at = clock.now()
    async with aclosing(responder.reply([Message("user", case.asked)])) as reply:
        async for delta in reply:
            text += delta.text
            pieces += bool(delta.text)
            usage = delta.usage or usage
            if first is None and script.feed(delta.text):
                first = pieces, clock.now() - began_at
    pieces, seconds = first or (pieces, clock.now() - began_at)
    return Given(
        case.agent,
        case.asked,
        text,
        grounded(text, case.expected, case.forbidden),
        usage.model == APPROVED,
        usage.completion_tokens,
        pieces,
        round(1000 * seconds, 1),
    )


async def answered(asked: Sequence[Case], folder: Path, model: ChatModel, each: Callable[[Given], None]) -> None:
    """Ask each question of its agent, whose documents are built in ``folder``, and hand each answer on.

    Raises KnowledgeError, DialogError.
    """
    responders: dict[str, Responder] = {}
    for agent, persona in PERSONAS.items():
        await build(SHARE / "agents" / agent, folder / f"{agent}.kb")
        region = "CN" if agent == "bakery-zh" else "US"
        lookup = Lookup(Knowledge.open(folder / f"{agent}.kb"), Documents(), region, _trouble)
        responders[agent] = Responder(Router.of(model), persona, ChatOptions(temperature=0.0), lookup=lookup)
        await responders[agent].warm()
    for case in asked:
        each(await given(case, responders[case.agent]))


def _trouble(error: Exception) -> None:
    raise error


def summary(answers: Sequence[Given]) -> dict[str, Any]:
    """Return the shares of all answers, and what those of the model cost until their first clause. Pure."""
    written = [one for one in answers if not one.approved]
    return {
        "questions": len(answers),
        "grounded": _share(sum(one.grounded for one in answers), len(answers)),
        "approved": _share(len(answers) - len(written), len(answers)),
        "approved_grounded": _share(sum(one.grounded for one in answers if one.approved), len(answers) - len(written)),
        "model_grounded": _share(sum(one.grounded for one in written), len(written)),
        "first_clause_tokens": percentiles([one.first_clause_tokens for one in written]),
        "first_clause_ms": percentiles([one.first_clause_ms for one in written]),
        "approved_first_clause_ms": percentiles([one.first_clause_ms for one in answers if one.approved]),
    }


def _share(some: int, all_of_them: int) -> float | None:
    return round(some / all_of_them, 4) if all_of_them else None


def by_language(answers: Sequence[Given]) -> dict[str, Any]:
    """Return the summary of each language and of both. Pure."""
    own = {LANGUAGES[agent]: summary([one for one in answers if one.agent == agent]) for agent in LANGUAGES}
    return own | {"both": summary(answers)}


def alternating(asked: Sequence[Case], limit: int) -> list[Case]:
    """Return the agents' questions in turn, at most ``limit`` of each if that is not 0. Pure."""
    own = [[case for case in asked if case.agent == agent][: limit or None] for agent in PERSONAS]
    return [case for cases_of_all in zip_longest(*own) for case in cases_of_all if case is not None]


def _kept(file: Path, about: Mapping[str, Any], answers: Sequence[Given], asked: int) -> None:
    """Write what there is: a run takes long, and each answer is worth keeping."""
    result = {**about, "asked": asked, "measured": by_language(answers), "answers": [asdict(one) for one in answers]}
    write_result(file, result)


async def _measured(asked: Sequence[Case], model: ChatModel, keep: Callable[[Sequence[Given]], None]) -> list[Given]:
    answers: list[Given] = []
    with tempfile.TemporaryDirectory() as name, Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("asking", total=len(asked))

        def each(answer: Given) -> None:
            answers.append(answer)
            keep(answers)
            progress.advance(bar)

        await answered(asked, Path(name), model, each)
    return answers


def main(
    *,
    ollama_url: Annotated[str, typer.Option(help="Where the Ollama server is.")] = "http://127.0.0.1:11434",
    model: Annotated[str, typer.Option(help="Tag of the model that answers.")] = MODEL,
    shared: Annotated[bool, typer.Option("--shared", help="Other work runs on the machine; says so.")] = False,
    threads: Annotated[int, typer.Option(min=0, help="Of the model; 0 for the server's own choice.")] = 0,
    limit: Annotated[int, typer.Option(min=0, help="Ask so many of each agent only; 0 for all.")] = 0,
    out: Annotated[Path | None, typer.Option(help="The result's file; default: benchmarks/results/.")] = None,
) -> None:
    """Ask a real model what callers ask, judge the answers by their facts, and keep the figures as JSON."""
    asked = alternating(cases(), limit)
    dialog = Dialog(ollama_url=ollama_url, threads=threads, first_token_timeout=600.0, token_timeout=120.0)
    about = {
        "benchmark": "dialog-answers",
        "about": f"{model} behind Ollama.{' The machine was shared: its times are not for publication.' * shared}",
        "machine": machine.described(),
        "model": model,
        "threads": threads,
    }
    file = out or RESULTS / "dialog-answers.json"
    with told():
        keep = partial(_kept, file, about, asked=len(asked))
        answers = anyio.run(_measured, asked, Ollama(dialog, model), keep)
    for table in tables(by_language(answers), answers):
        Console(width=110).print(table)
    sys.stdout.write(f"{file}\n")


def tables(measured: Mapping[str, Any], answers: Sequence[Given]) -> Iterator[Table]:
    """Yield the figures and the failures as tables."""
    shares = Table(title="answers by their facts")
    for heading in ("language", "questions", "grounded", "from approved pairs", "first clause, ms"):
        shares.add_column(heading)
    for language, entry in measured.items():
        of_all = (f"{entry[name] or 0:.1%}" for name in ("grounded", "approved"))
        shares.add_row(language, str(entry["questions"]), *of_all, str(entry["first_clause_ms"]))
    yield shares
    failures = Table(title="failures", show_lines=True)
    for heading in ("asked", "said"):
        failures.add_column(heading)
    for one in answers:
        if not one.grounded:
            failures.add_row(one.asked, one.text)
    yield failures
