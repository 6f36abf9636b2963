"""Stages alone: a row for each input, a column for each number of callers. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.report.markdown import number, pair, paragraphs, table
from benchmarks.report.results import Result

TITLES = {
    "vad": "Voice activity, one window",
    "turn_model": "Turn model",
    "recognition_short": "Recognition, the encoder's short context",
    "recognition_full": "Recognition, the full window of 30 s",
    "language": "Language model",
    "synthesis": "Synthesis",
    "telephone": "The telephone's sound, one frame on the event loop",
}


def section(result: Result) -> str:
    """Return what each engine took."""
    parts = [_about(result.tree.get("settings") or {}, result.tree.get("runs")), _ratios(result.tree)]
    for stage, rows in result.measured.items():
        parts += [f"**{TITLES.get(stage, stage)}**", _stage(rows)]
    return paragraphs(parts)


def _about(settings: Mapping[str, Any], runs: int | None) -> str:
    heard, written, spoken = (settings.get(name) or {} for name in ("recognition", "dialog", "speaking"))
    if not heard or not written or not spoken:
        return ""
    return (
        f"{heard['model']} ({heard['compute_type']}, workers {heard['workers']}), {written['model']} embedded "
        f"(slots {written['slots']}), {spoken['voice']} (workers {spoken['workers']}); {runs} runs of each, fewer "
        "of the language model."
    )


def _ratios(tree: Mapping[str, Any]) -> str:
    ratios = tree.get("times_as_fast") or {}
    told = ", ".join(f"{number(ratio)} at {length}" for length, ratio in ratios.items())
    return f"The short context is so many times as fast as the full window: {told}." if told else ""


def _stage(rows: Sequence[Mapping[str, Any]]) -> str:
    callers = list(dict.fromkeys(row["at_once"] for row in rows))
    inputs = list(dict.fromkeys(row["input"] for row in rows))
    found = {(row["input"], row["at_once"]): row for row in rows}
    parts = [key for key in ("first_ms", "took_ms") if any(key in row for row in rows)]
    single = [key for key in ("rtf", "tokens_per_second", "tokens_read") if any(key in row for row in rows)]
    names = {"first_ms": "first part, ", "took_ms": "all, " if len(parts) > 1 else ""}
    headings = ["", *(f"{names[part]}{count} at once" for part in parts for count in callers)]
    headings += [key.replace("_", " ") for key in single]
    return table(headings, (_row(name, found, parts, callers, single) for name in inputs))


def _row(
    name: str,
    found: Mapping[tuple[str, int], Mapping[str, Any]],
    parts: Iterable[str],
    callers: Sequence[int],
    single: Iterable[str],
) -> list[Any]:
    pairs = [pair(found.get((name, count), {}).get(part)) for part in parts for count in callers]
    return [name, *pairs, *(found.get((name, callers[0]), {}).get(key) for key in single)]
