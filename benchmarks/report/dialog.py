"""The dialog as a whole: do answers say what the documents say, how soon are known ones heard. Pure."""

from collections.abc import Mapping
from typing import Any

from benchmarks.report.markdown import number, pair, paragraphs, percent, table
from benchmarks.report.results import Result

FAILURES = 12
"""Shown of the answers without a fact; the others stand in the file."""


def section(result: Result) -> str:
    """Return the result, by what was measured."""
    return _cache(result) if result.tree.get("benchmark") == "dialog-cache" else _answers(result)


def _answers(result: Result) -> str:
    """Return the shares of grounded answers, the cost of the first clause, and some of the failures."""
    answers = list(result.tree.get("answers") or ())
    failures = [(one["asked"], one["text"]) for one in answers if not one["grounded"]]
    asked = result.tree.get("asked", len(answers))
    cut_short = "" if len(answers) == asked else f" Only {len(answers)} of {asked} were asked."
    return paragraphs(
        (
            f"{result.tree.get('about') or ''}{cut_short} An answer is grounded when it says one of the expected facts "
            "and none of the forbidden ones; one in words that nobody expected counts as a failure.",
            table(
                (
                    *("language", "questions", "grounded", "from approved pairs", "the model's own, grounded"),
                    *("tokens to the first clause, p50 / p95", "ms to the first clause, p50 / p95"),
                ),
                [_language(name, entry) for name, entry in result.measured.items()],
            ),
            f"Of {len(failures)} failures the first {FAILURES}:" if len(failures) > FAILURES else "The failures:",
            table(("asked", "said"), failures[:FAILURES]),
        )
    )


def _language(name: str, entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        name,
        entry["questions"],
        percent(entry["grounded"]),
        percent(entry["approved"]),
        percent(entry["model_grounded"]),
        pair(entry["first_clause_tokens"]),
        pair(entry["first_clause_ms"]),
    )


def _cache(result: Result) -> str:
    """Return the time from the decided end of a turn to its answer's first audio."""
    limit = result.tree.get("limit_ms")
    rows = [
        (kind, entry["turns"], *_spread(entry["ms"]), percent(entry["within_limit"]))
        for kind, entry in result.measured.items()
    ]
    return paragraphs(
        (
            f"{result.tree.get('about') or ''} Milliseconds from the decided end of a turn to the first audio of its "
            "answer that leaves the server, and, where it says so, that reaches the client.",
            table(("turns that were answered by", "turns", "p50 / p95", "p99", f"within {limit} ms"), rows),
        )
    )


def _spread(tails: Mapping[str, float] | None) -> tuple[str, str]:
    return (pair(tails), number(tails["p99"])) if tails else ("", "")
