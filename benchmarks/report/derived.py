"""Derived figures: the profiles side by side, the check, and every constant with its source. Pure."""

from collections.abc import Mapping
from typing import Any

from benchmarks.report.markdown import anything, number, pair, paragraphs, table
from benchmarks.report.results import Result


def section(result: Result) -> str:
    """Return what was derived, and from what."""
    tree = result.tree
    profiles = tree.get("profiles") or {}
    told = "; ".join(f"{name}: {entry['machine']}, {entry['models']}" for name, entry in profiles.items())
    check = tree.get("check") or ()
    return paragraphs(
        (
            str(tree.get("about") or ""),
            told and f"p50 / p95 ms. {told}.",
            _side_by_side(profiles),
            "**The same arithmetic on the machine of stages-cpu**" if check else "",
            anything([{key: value for key, value in row.items() if not key.endswith("second")} for row in check]),
            "**Constants**" if tree.get("constants") else "",
            table(("of", "constant", "typical", "slow", "unit", "source"), _constants(tree.get("constants") or {})),
        )
    )


def _side_by_side(profiles: Mapping[str, Mapping[str, Any]]) -> str:
    rows = []
    for part, what in (("stages_ms", "{} alone"), ("spans_ms", "{}")):
        names = dict.fromkeys(name for entry in profiles.values() for name in entry[part])
        rows += [[what.format(name), *(pair(entry[part].get(name)) for entry in profiles.values())] for name in names]
    return table(["", *(f"{name}, derived" for name in profiles)], rows)


def _constants(constants: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[list[Any]]:
    return [
        [of, name, _figure(entry["typical"]), _figure(entry["slow"]), entry["unit"], entry["source"]]
        for of, own in constants.items()
        for name, entry in own.items()
    ]


def _figure(value: float) -> str:
    return f"{value:.3g}" if value >= 1e6 or value < 1e-4 else number(value)
