"""The other results: a line that says what they mean, and their tables. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.report.markdown import anything, number, pair, paragraphs, percent, table
from benchmarks.report.results import Result, service

UNTOLD = {"benchmark", "machine", "settings", "turns", "outcomes", "all", "looks", "errors", "prompts", "seed", "about"}
"""Of a result that nobody has laid out: what its file is for."""


def peers(result: Result) -> str:
    """Return how the peers did on the same calls."""
    parts = []
    for kind, arms in result.measured.items():
        ratios = [
            f"{arm} {number(entry['ratio_of_medians'])}"
            for arm, entry in arms.items()
            if arm != "voicepipe" and entry.get("ratio_of_medians")
        ]
        early = (f"{arm} {entry['false_cut_offs']} of {entry['turns']}" for arm, entry in arms.items())
        slower = f" as a multiple of Voicepipe's median gap: {', '.join(ratios)};" if ratios else ""
        parts += [f"**{kind}**:{slower} answers before the caller's end: {', '.join(early)}.", _arms(arms)]
    broken = result.tree.get("broken") or ()
    about = result.tree.get("about") or {}
    return paragraphs(
        (
            f"All with the same recordings, Whisper, Piper and language model ({about.get('llm', '')}), turn about.",
            *parts,
            f"Calls that broke off: {len(broken)}." if broken else "No call broke off.",
        )
    )


def entrances(result: Result) -> str:
    """Return how the entrances did on the same calls."""
    return paragraphs(f"**{kind}**\n\n{_arms(arms)}" for kind, arms in result.measured.items())


def unequal(results: Sequence[Result]) -> str:
    """Return once, for all runs, what is unequal between the arms."""
    notes = (
        f"- {side}: {note}"
        for result in results
        for side, told in (result.tree.get("unequal") or {}).items()
        for note in told
    )
    listed = "\n".join(dict.fromkeys(notes))
    return f"What is unequal, and whom it helps:\n\n{listed}" if listed else ""


def _arms(arms: Mapping[str, Any]) -> str:
    headings = ("", "turns", "gap p50 / p95 ms", "ratio", "cut off", "split", "no answer", "word errors")
    rows = [
        (
            arm,
            entry["turns"],
            pair(entry["gap_ms"]),
            entry.get("ratio_of_medians"),
            entry["false_cut_offs"],
            entry["split"],
            entry["no_answer"] + entry["cut_off_and_no_answer"],
            percent(entry["word_error_rate"]),
        )
        for arm, entry in arms.items()
    ]
    return table(headings, rows)


def turns(result: Result) -> str:
    """Return how well the end of a turn is told, over settings."""
    settings = result.measured
    kinds = list(dict.fromkeys(kind for entry in settings.values() for kind in entry))
    rows = []
    for name, entry in settings.items():
        cells = [(_cut(entry.get(kind) or {}), pair((entry.get(kind) or {}).get("wait_ms"))) for kind in kinds]
        rows.append([name, *(", ".join(part for part in both if part) for both in cells)])
    told = "Of pauses inside a turn the share in which it was called over, and the wait at its real end, p50 / p95 ms."
    return paragraphs((told, table(["setting", *kinds], rows)))


def _cut(entry: Mapping[str, Any]) -> str:
    return f"{100 * entry['cut_off'] / entry['pauses']:.0f} % cut" if entry.get("pauses") else ""


def wer(result: Result) -> str:
    """Return word errors, and the time of a recognition where it was measured alone."""
    told = [
        f"{model}: the short context is {number(entry['times_as_fast'])} times as fast as the full window (p50); "
        f"{entry['same_words']} of {_recordings(result)} recordings came out alike, of the others the short one made "
        f"fewer errors in {entry['fewer_errors_short']}, the full one in {entry['fewer_errors_full']}."
        for model, entry in (result.tree.get("compared") or {}).items()
    ]
    rows = [
        (
            name,
            entry["recordings"],
            entry["words"],
            percent(entry["word_error_rate"]),
            entry["without_transcript"],
            pair(entry.get("took_ms")),
            entry.get("real_time_factor"),
            pair(entry.get("gap_ms")),
        )
        for name, entry in result.measured.items()
    ]
    headings = ("", "recordings", "words", "word errors", "no text", "p50 / p95 ms", "rtf", "gap p50 / p95 ms")
    kept = [at for at in range(len(headings)) if at == 0 or any(row[at] not in {None, ""} for row in rows)]
    shown = table([headings[at] for at in kept], [[row[at] for at in kept] for row in rows])
    return paragraphs((str(result.tree.get("about") or ""), *told, shown))


def _recordings(result: Result) -> int:
    return max((entry["recordings"] for entry in result.measured.values()), default=0)


def load(result: Result) -> str:
    """Return what becomes of calls at once."""
    tree = result.tree
    told = f"{tree['within_budget']} calls at once keep the gap's p95 within {tree['budget_ms']:.0f} ms."
    headings = (
        *("at once", "turns", "gap p50 / p95 ms", "no answer", "cut off", "lost", "over budget"),
        *("committed", "refused", "CPU s per call second", "cores", "RSS MiB"),
    )
    return paragraphs((service(result), told, table(headings, [_step(step) for step in tree["steps"]])))


def _step(step: Mapping[str, Any]) -> tuple[Any, ...]:
    kinds = step["measured"]
    single = kinds.get("single") or {}
    return (
        step["calls_at_once"],
        single.get("turns", 0),
        pair(single.get("gap_ms")),
        sum(kind["no_answer"] + kind["cut_off_and_no_answer"] for kind in kinds.values()),
        sum(kind["false_cut_offs"] for kind in kinds.values()),
        len(step["lost"]),
        step["over_budget"].get("response_gap", 0),
        percent(step["speculations"]["hit_rate"]),
        step["speculations"].get("refused", 0),
        step["service_cpu_per_call_second"],
        step["service_cores"],
        step["rss_mib"],
    )


def hold(result: Result) -> str:
    """Return whether calls were lost and memory grew."""
    found, tree = result.measured, result.tree
    told = (
        f"{tree.get('calls_at_once')} calls at once for {number(tree.get('minutes', 0))} minutes: {len(found['lost'])} "
        f"of {found['calls']} were lost, {found['unanswered_turns']} of {found['turns']} turns had no answer."
    )
    before, after = found["before"], found["after"]
    rows = (
        ("gap, p50 / p95 ms", pair(found["gap_ms"])),
        ("answers", ", ".join(f"{status} {count}" for status, count in found["statuses"].items())),
        ("memory before / after, MiB", f"{number(before['rss_mib'])} / {number(after['rss_mib'])}"),
        ("memory, MiB per minute in the second half", found["rss_mib_per_minute"]),
        ("threads before / most / after", f"{before['threads']} / {found['most_threads']} / {after['threads']}"),
        ("files before / after", f"{before['files']} / {after['files']}"),
    )
    return paragraphs((told, table(("", ""), rows)))


def other(result: Result) -> str:
    """Return a result that nobody has laid out, key by key."""
    about = result.tree.get("about")
    told = about if isinstance(about, str) else ""
    return paragraphs((told, anything({key: value for key, value in result.tree.items() if key not in UNTOLD})))
