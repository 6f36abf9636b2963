"""Figures as Markdown. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MOST_ROWS = 24
"""Of a table that nobody has laid out; the result's file has the others."""

Row = Sequence[Any]


def table(headings: Sequence[str], rows: Iterable[Row]) -> str:
    """Return a table, its first column to the left and the others to the right; nothing for no rows."""
    cells = [[cell(value) for value in row] for row in rows]
    if not cells:
        return ""
    rule = ["---", *("---:" for _ in headings[1:])]
    lines = (f"| {' | '.join(line)} |" for line in ([cell(heading) for heading in headings], rule, *cells))
    return "\n".join(lines)


def cell(value: Any) -> str:
    """Return a value as it stands in a table: no line breaks, nothing that ends the cell."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return number(value)
        case Mapping() if is_percentiles(value):
            return pair(value)
        case list() | tuple():
            return ", ".join(cell(entry) for entry in value)
        case _:
            return " ".join(str(value).split()).replace("|", "\\|")


def number(value: float) -> str:
    """Return a figure with three digits that count: 2413, 95.6, 0.042."""
    if value == round(value) or abs(value) >= 1000:
        return str(round(value))
    return f"{value:.3g}"


def pair(percentiles: Mapping[str, float] | None) -> str:
    """Return both percentiles of a span, ``p50 / p95``; nothing where too few were measured."""
    return f"{number(percentiles['p50'])} / {number(percentiles['p95'])}" if percentiles else ""


def percent(share: float | None) -> str:
    """Return a share of 1 as per cent."""
    return "" if share is None else f"{100 * share:.1f} %"


def is_percentiles(value: Any) -> bool:
    """Return whether a value is what ``benchmarks.wer.percentiles`` gives."""
    return isinstance(value, Mapping) and value.keys() == {"p50", "p95"}


def paragraphs(parts: Iterable[str]) -> str:
    """Return the parts that are not empty, a line between them."""
    return "\n\n".join(part for part in parts if part)


def anything(value: Any, title: str = "") -> str:
    """Return a value of unknown shape as tables: what has the same keys stands side by side, single values below."""
    if isinstance(value, Mapping):
        return _mapping(value, title)
    if isinstance(value, list) and value and all(isinstance(entry, Mapping) for entry in value):
        flat = [_flat(entry) for entry in value]
        headings = list(dict.fromkeys(key for entry in flat for key in entry))
        left_off = f"and {len(flat) - MOST_ROWS} more in the file" if len(flat) > MOST_ROWS else ""
        rows = [[entry.get(key) for key in headings] for entry in flat[:MOST_ROWS]]
        return paragraphs((_titled(title), table(headings, rows), left_off))
    return paragraphs((_titled(title), cell(value)))


def _mapping(value: Mapping[str, Any], title: str) -> str:
    if value and all(isinstance(entry, Mapping) and not is_percentiles(entry) for entry in value.values()):
        if all(_is_flat(entry) for entry in value.values()):
            flat = {name: _flat(entry) for name, entry in value.items()}
            headings = list(dict.fromkeys(key for entry in flat.values() for key in entry))
            rows = [[name, *(entry.get(key) for key in headings)] for name, entry in flat.items()]
            return paragraphs((_titled(title), table(["", *headings], rows)))
        return paragraphs(anything(entry, f"{title}, {name}" if title else name) for name, entry in value.items())
    deep = {key: entry for key, entry in value.items() if _is_deep(entry)}
    single = [(key, entry) for key, entry in value.items() if key not in deep]
    inner = (anything(entry, f"{title}, {key}" if title else key) for key, entry in deep.items())
    return paragraphs((_titled(title), table(["", "value"], single), *inner))


def _is_deep(value: Any) -> bool:
    """Return whether a value takes a table of its own."""
    if isinstance(value, list):
        return any(isinstance(entry, Mapping | list) for entry in value)
    return isinstance(value, Mapping) and not is_percentiles(value)


def _is_flat(value: Mapping[str, Any]) -> bool:
    """Return whether a mapping fits into a row: single values, and at most one level of them below."""
    return all(
        not _is_deep(entry) or (isinstance(entry, Mapping) and not any(_is_deep(inner) for inner in entry.values()))
        for entry in value.values()
    )


def _flat(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping with what is one level below it, under joined names."""
    flat: dict[str, Any] = {}
    for key, entry in value.items():
        if isinstance(entry, Mapping) and not is_percentiles(entry):
            flat |= {f"{key} {inner}": below for inner, below in entry.items()}
        elif not _is_deep(entry):
            flat[key] = entry
    return {key: _short(entry) for key, entry in flat.items() if not isinstance(entry, Mapping) or entry}


def _short(value: Any) -> Any:
    """Return a value, or of a long list how long it is."""
    return f"{len(value)} values" if isinstance(value, list) and len(value) > 8 else value


def _titled(title: str) -> str:
    return f"**{cell(title)}**" if title else ""
