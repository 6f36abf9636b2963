"""The result of redaction: what is found, what is found that is none, what it costs. Pure."""

from typing import Any

from benchmarks.report.markdown import number, paragraphs, percent, table
from benchmarks.report.results import Result


def section(result: Result) -> str:
    """Return recall by kind and way, false alarms, and the cost of a token."""
    tree, measured = result.tree, result.measured
    ways = ("typed", "spoken")
    kinds = list(dict.fromkeys(kind for entry in measured.values() for way in ways for kind in entry[f"{way}_recall"]))
    rows: list[list[Any]] = []
    for name, entry in measured.items():
        for way in ways:
            recall = entry[f"{way}_recall"]
            cells = [percent(recall[kind]) if kind in recall else "" for kind in kinds]
            alarms = percent(entry["false_alarms"]) if way == "typed" else ""
            rows.append([f"{name}, {way}", entry["turns"], *cells, alarms])
    return paragraphs(
        (
            f"{measured['voicepipe']['turns']} turns made up from seed {tree['seed']}. Presidio: {tree['presidio']}.",
            table(["found", "turns", *kinds, "false alarms"], rows),
            _cost(tree["cost"]),
            f"Of {tree['streaming']['splits']} random splits {tree['streaming']['unequal']} gave another text than the "
            "whole did.",
        )
    )


def _cost(cost: dict[str, Any]) -> str:
    took, held = cost["us_per_token"], cost["held_characters_clean"]
    spread = " / ".join(number(took[part]) for part in ("p50", "p95", "p99"))
    return (
        f"A token takes {number(took['mean'])} µs on average, {spread} µs at p50 / p95 / p99. Behind a token of a turn "
        f"without personal data {number(held['p50'])} / {number(held['p95'])} characters wait at p50 / p95, "
        f"{held['max']} at most."
    )
