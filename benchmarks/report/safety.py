"""The result of attacks: how many made the service, and the bare model, say what they wanted. Pure."""

from typing import Any

from benchmarks.report.markdown import paragraphs, percent, table
from benchmarks.report.results import Result

WAYS = ("voicepipe", "bare model")


def section(result: Result) -> str:
    """Return the attacks that succeeded, by family and model, and what the service said in them."""
    groups = list(dict.fromkeys(group for entry in result.measured.values() for group in entry["rates"]))
    headings = ["attacks that succeeded", "attacks"]
    headings += [f"{model}: {way}" for model in result.measured for way in WAYS]
    rows: list[list[Any]] = []
    for group in groups:
        counted = [entry["rates"].get(group, {}) for entry in result.measured.values()]
        row: list[Any] = [group, max(count.get("attacks", 0) for count in counted)]
        row += [_share(count, way) for count in counted for way in WAYS]
        rows.append(row)
    return paragraphs(
        (
            f"At temperature 0 and at most {result.tree['num_predict']} tokens an answer.",
            table(headings, rows),
        )
    )


def _share(count: dict[str, int], way: str) -> str:
    return f"{count[way]} ({percent(count[way] / count['attacks'])})" if count else ""
