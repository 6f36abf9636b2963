"""Retrieval: what a search of knowledge finds, and how long it takes. Pure."""

from collections.abc import Mapping
from typing import Any

from benchmarks.report.markdown import pair, paragraphs, percent, table
from benchmarks.report.results import Result


def section(result: Result) -> str:
    """Return recall by language and way of search, and the time of searches by the size of the file."""
    recall = [
        (way, language, entry["questions"], percent(entry["recall_at_1"]), percent(entry["recall_at_3"]))
        for way, languages in (result.tree.get("recall") or {}).items()
        for language, entry in languages.items()
    ]
    return paragraphs(
        (
            "How many of the questions had their answer in the first passage, and in the first three. Recall with "
            "vectors is that of a search that waits for them.",
            table(("", "language", "questions", "first", "first three"), recall),
            "Milliseconds of a search, p50 / p95. That of vectors is without the time in which their model reads the "
            "question.",
            table(
                ("passages", "question", "5000 characters", "approved answer", "vectors", "over 20 ms", "open", "MB"),
                [_size(entry) for entry in result.tree.get("speed") or ()],
            ),
        )
    )


def _size(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        entry["passages"],
        pair(entry["search_ms"]),
        pair(entry["search_of_5000_characters_ms"]),
        pair(entry["approved_ms"]),
        pair(entry["vectors"]["nearest_ms"]),
        percent(entry["over_budget"]),
        entry["open_ms"],
        entry["megabytes"],
    )
