"""The gap, its spans beside the budgets of the profiles, and its plot. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.report.markdown import pair, paragraphs, percent, table
from benchmarks.report.plot import Bar, svg
from benchmarks.report.results import Result, service
from pipeline.core.latency import SPANS
from pipeline.settings import Budget, Settings

KINDS = {"single": "one breath", "pauses": "with a pause inside", "service": "one breath"}
COUNTS = ("turns", "answered", "false_cut_offs", "split", "no_answer", "fillers")


def budgets(profiles: Mapping[str, Settings]) -> str:
    """Return what each profile promises itself, and how it knows."""
    spans = [span for span in SPANS if any(span in settings.budgets for settings in profiles.values())]
    rows = [[span, *(budget(settings.budgets.get(span)) for settings in profiles.values())] for span in spans]
    about = (
        f"- `{name}`, {settings.profile.status}: {settings.profile.machine}; {settings.dialog.models[0]}"
        for name, settings in profiles.items()
    )
    return paragraphs((table(["p50 / p95 ms", *map(_named, profiles.values())], rows), "\n".join(about)))


def budget(span: Budget | None) -> str:
    """Return a budget in milliseconds, ``p50 / p95``."""
    return "" if span is None else f"{1000 * span.p50:.0f} / {1000 * span.p95:.0f}"


def section(result: Result, profiles: Mapping[str, Settings]) -> str:
    """Return the figures of one run."""
    kinds = result.measured
    gaps = [f"{KINDS.get(name, name)} {pair(kind['gap_ms'])} ms" for name, kind in kinds.items() if kind.get("gap_ms")]
    told = f"The caller waits, p50 / p95: {'; '.join(gaps)}." if gaps else ""
    committed = (result.tree.get("speculations") or {}).get("hit_rate")
    speculated = "" if committed is None else f"Of the answers begun ahead {percent(committed)} were committed."
    chart = f"![spans of each turn]({result.stem}.svg)" if bars(result) else ""
    return paragraphs((service(result), told, _spans(kinds, _own(result), profiles), _counts(kinds), speculated, chart))


def _own(result: Result) -> str:
    """Return the profile that was measured; results without one are of the first."""
    return str(result.tree.get("profile") or "cpu")


def _spans(kinds: Mapping[str, Any], own: str, profiles: Mapping[str, Settings]) -> str:
    promised = profiles[own].budgets if own in profiles else {}
    rows = []
    for title, key in {
        "gap as heard": "gap_ms",
        **{span: span for span in SPANS},
        "filler as heard": "filler_ms",
    }.items():
        found = [kind.get(key) or kind.get("spans_ms", {}).get(key) for kind in kinds.values()]
        if any(found):
            limit = promised.get("response_gap" if key == "gap_ms" else key)
            cells = [_against(entry, limit) for entry in found]
            rows.append([title, *cells, *(budget(settings.budgets.get(key)) for settings in profiles.values())])
    headings = ["p50 / p95 ms", *(KINDS.get(name, name) for name in kinds), *_promises(profiles.values())]
    return table(headings, rows)


def _promises(profiles: Iterable[Settings]) -> list[str]:
    return [f"budget of {_named(settings)}" for settings in profiles]


def _named(settings: Settings) -> str:
    status = settings.profile.status
    return f"{settings.profile.name}, {status}" if status == "derived" else settings.profile.name


def _against(found: Mapping[str, float] | None, limit: Budget | None) -> str:
    """Return a measured span; bold where its 95th percentile is over the budget of its own profile."""
    over = found is not None and limit is not None and found["p95"] > 1000 * limit.p95
    return f"**{pair(found)}**" if over else pair(found)


def _counts(kinds: Mapping[str, Any]) -> str:
    rows = []
    for name, kind in kinds.items():
        counts = {"turns": kind.get("recordings"), "split": kind.get("split_into_turns"), **kind}
        cells = (counts.get(key) for key in COUNTS)
        rows.append([KINDS.get(name, name), *cells, percent(kind.get("word_error_rate"))])
    return table(["", *(key.replace("_", " ") for key in COUNTS), "word errors"], rows)


def plot(result: Result) -> str:
    """Return the plot of a run's turns, as SVG; nothing where none was answered."""
    groups = bars(result)
    return svg(f"Where the time of each turn went: {result.stem}", groups) if groups else ""


def bars(result: Result) -> dict[str, list[Bar]]:
    """Return the turns with an answer behind the caller's end, by their kind; those cut off before it by themselves."""
    groups: dict[str, list[Bar]] = {}
    for turn in result.tree.get("turns") or result.measured.get("service", {}).get("all", ()):
        gap, spans = turn.get("gap_ms"), turn.get("spans_ms")
        if gap is not None and gap >= 0 and spans:
            kind = KINDS.get(turn.get("kind", "single"), "other")
            cut = "" if turn.get("cut_off_ms") is None else ", answered too early and then again"
            groups.setdefault(kind + cut, []).append(Bar(turn["name"], spans, gap))
    return dict(sorted(groups.items()))
