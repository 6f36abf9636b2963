"""Redaction of personal data: what is found, what is found that is none, and what it costs.

    python -m benchmarks.redaction
    python -m benchmarks.redaction --turns 2000 --splits 10000

Turns are made up from a seed (``benchmarks/redaction_cases.py``): half hold one piece of personal data, typed or said,
in English or Chinese; the others hold none but look like it. Found means that no letter or digit of it is left. Two
regular expressions do the same turns, and Presidio's patterns, where it is installed, do some of them. It has an
environment of its own, and a spaCy pipeline that knows nothing: the models for it are not on the package index.

    scripts/new_venv.sh /tmp/presidio
    /tmp/presidio/bin/pip install -r requirements.lock
    /tmp/presidio/bin/pip install presidio-analyzer
    PYTHONPATH=. /tmp/presidio/bin/python -m benchmarks.redaction
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from random import Random
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks import machine
from benchmarks.redaction_cases import Turn, turns
from benchmarks.report.results import write_result
from benchmarks.wer import RESULTS, tails
from pipeline.core.clock import MonotonicClock
from pipeline.dialog.redact import Kind, Redactor, findings, redacted

PATTERNS = (re.compile(r"\d{11,}"), re.compile(r"[A-Z]{2}\d{6}"))
"""What is often written for telephones and passports; the baseline."""
TOKEN = re.compile(r"\s?[A-Za-z']+|\s?\d{1,3}|.", re.DOTALL)
"""About what a language model writes at a time."""
PRESIDIO_TURNS = 600

Finder = Callable[[str], Sequence[tuple[int, int]]]


def own(text: str) -> list[tuple[int, int]]:
    """Return the places that the service redacts."""
    return [(finding.start, finding.end) for finding in findings(text)]


def by_patterns(text: str) -> list[tuple[int, int]]:
    """Return the places that the two regular expressions match."""
    return [match.span() for pattern in PATTERNS for match in pattern.finditer(text)]


def presidio() -> Finder | str:
    """Return Presidio's patterns over an empty language model, or why there are none."""
    try:
        import spacy
        import tldextract.tldextract
        from presidio_analyzer import AnalyzerEngine
        from presidio_analyzer.nlp_engine import SpacyNlpEngine
    except ImportError as error:
        return f"not installed: {error.name}"

    class Blank(SpacyNlpEngine):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            super().__init__()
            self.nlp = {"en": spacy.blank("en")}

    tldextract.tldextract.TLD_EXTRACTOR = tldextract.tldextract.TLDExtract(suffix_list_urls=())  # no downloads
    try:
        analyzer = AnalyzerEngine(nlp_engine=Blank(), supported_languages=["en"])
        analyzer.analyze("warm", language="en")
    except Exception as error:  # noqa: BLE001  whatever keeps it from running is the result
        return f"does not run: {type(error).__name__}: {error}"[:200]
    kinds = ["PHONE_NUMBER", "CREDIT_CARD", "EMAIL_ADDRESS", "IBAN_CODE", "US_PASSPORT"]
    return lambda text: [(found.start, found.end) for found in analyzer.analyze(text, language="en", entities=kinds)]


def is_found(turn: Turn, places: Sequence[tuple[int, int]]) -> bool:
    """Return whether no letter or digit of a turn's personal data is left."""
    covered = {at for start, end in places for at in range(start, end)}
    return all(at in covered for at in range(turn.start, turn.end) if turn.text[at].isalnum())


def measured(made: Sequence[Turn], find: Finder) -> dict[str, Any]:
    """Return recall by way and kind, and the share of turns without personal data in which some was found."""
    total: Counter[tuple[str, str]] = Counter()
    found: Counter[tuple[str, str]] = Counter()
    alarms: Counter[str] = Counter()
    missed: list[str] = []
    clean = 0
    clock = MonotonicClock()
    began_at = clock.now()
    for turn in made:
        places = find(turn.text)
        if turn.kind is None:
            clean += 1
            alarms[turn.shape] += bool(places)
            continue
        way = "spoken" if turn.spoken else "typed"
        hit = is_found(turn, places)
        for name in (turn.kind.value, "all"):
            total[way, name] += 1
            found[way, name] += hit
        if not hit and len(missed) < 40:
            missed.append(f"{turn.kind.value}: {turn.text}")
    took = clock.now() - began_at
    names = [*(kind.value for kind in Kind), "all"]
    return {
        "turns": len(made),
        **{
            f"{way}_recall": {name: round(found[way, name] / total[way, name], 4) for name in names if total[way, name]}
            for way in ("typed", "spoken")
        },
        "false_alarms": round(alarms.total() / clean, 4) if clean else None,
        "us_per_turn": round(1e6 * took / len(made), 1),
        "false_alarm_shapes": {shape: count for shape, count in alarms.most_common(20) if count},
        "missed": missed,
    }


def unequal(made: Sequence[Turn], splits: int, seed: int) -> int:
    """Return how many of so many random splits give another text than the whole does."""
    random = Random(seed)
    whole = [redacted(turn.text) for turn in made]
    wrong = 0
    for number in range(splits):
        text = made[number % len(made)].text
        places = sorted(random.choices(range(len(text) + 1), k=random.randint(1, 12)))
        redactor = Redactor()
        parts = [redactor.feed(text[start:end]) for start, end in zip([0, *places], [*places, len(text)], strict=True)]
        wrong += "".join([*parts, redactor.flush()]) != whole[number % len(made)]
    return wrong


def cost(made: Sequence[Turn]) -> dict[str, Any]:
    """Return microseconds per token and how many characters wait, over turns fed token by token."""
    clock = MonotonicClock()
    each: list[float] = []
    held: list[int] = []
    for turn in made:
        redactor = Redactor()
        for token in TOKEN.findall(turn.text):
            began_at = clock.now()
            redactor.feed(token)
            each.append(1e6 * (clock.now() - began_at))
            if turn.kind is None:
                held.append(redactor.held)
        redactor.flush()
    return {
        "tokens": len(each),
        "us_per_token": {"mean": round(sum(each) / len(each), 1), **tails(each, 1)},
        "held_characters_clean": {**tails(held, 1), "max": max(held)},
    }


def table(result: dict[str, Any]) -> Table:
    """Return the figures as a table."""
    drawn = Table(title="personal data found, by kind; clean turns with false alarms")
    for heading in ("", *(kind.value for kind in Kind), "all", "false alarms"):
        drawn.add_column(heading, justify="right" if heading else "left")
    for name, entry in result["measured"].items():
        for way in ("typed", "spoken"):
            recall = entry[f"{way}_recall"]
            cells = [f"{recall[key]:.2%}" if key in recall else "" for key in (*(kind.value for kind in Kind), "all")]
            drawn.add_row(f"{name}, {way}", *cells, f"{entry['false_alarms']:.2%}" if way == "typed" else "")
    return drawn


def main(
    *,
    count: Annotated[int, typer.Option("--turns", help="How many turns.", min=100)] = 10_000,
    splits: Annotated[int, typer.Option(help="Random splits that must give the same text.", min=1)] = 100_000,
    seed: Annotated[int, typer.Option(help="Makes up the turns.")] = 20,
    out: Annotated[Path | None, typer.Option(help="The result's file; default: benchmarks/results/.")] = None,
) -> None:
    """Measure, print the result and keep it as JSON."""
    result: dict[str, Any] = {"benchmark": "redaction", "machine": machine.described(), "seed": seed}
    result["phonenumbers"] = metadata.version("phonenumbers")
    made = turns(count, seed)
    result["measured"] = {"voicepipe": measured(made, own), "two regular expressions": measured(made, by_patterns)}
    other = presidio()
    if isinstance(other, str):
        result["presidio"] = other
    else:
        version = metadata.version("presidio-analyzer")
        result["presidio"] = f"{version}, patterns only, no language model, the first {PRESIDIO_TURNS} English turns"
        english = [turn for turn in made if not turn.chinese]
        result["measured"]["presidio"] = measured(english[:PRESIDIO_TURNS], other)
    result["cost"] = cost(made)
    result["streaming"] = {"splits": splits, "unequal": unequal(made, splits, seed)}
    file = out or RESULTS / "redaction.json"
    write_result(file, result)
    Console(width=130).print(table(result))
    sys.stdout.write(f"{json.dumps(result['cost'])}\n{json.dumps(result['streaming'])}\n{result['presidio']}\n{file}\n")


if __name__ == "__main__":
    typer.run(main)
