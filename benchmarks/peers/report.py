"""The figures as a table."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

CAPTION = (
    "cut off: replies before the caller's end, and how early (median). split: sayings taken for several turns. "
    "none: no answer to the end in time. errors: words."
)
KINDS = {"single": "sayings of one breath", "pauses": "sayings with a pause inside"}


def table(kind: str, figures: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return the figures of one kind of saying, an arm a row."""
    shown = Table(title=KINDS.get(kind, kind), title_justify="left", caption=CAPTION, caption_justify="left")
    shown.add_column("arm", no_wrap=True)
    columns = ("turns", "p50 ms", "p95 ms", "ratio", "cut off", "early ms", "split", "none", "errors")
    for column in columns:
        shown.add_column(column, justify="right")
    for arm, entry in figures.items():
        gap, early, ratio = entry["gap_ms"] or {}, entry["cut_off_gap_ms"], entry["ratio_of_medians"]
        shown.add_row(
            arm,
            str(entry["turns"]),
            str(gap.get("p50", "")),
            str(gap.get("p95", "")),
            "" if ratio is None else f"{ratio:.2f}",
            str(entry["false_cut_offs"]),
            str(-early["median"]) if early else "",
            str(entry["split"]),
            str(entry["no_answer"] + entry["cut_off_and_no_answer"]),
            f"{entry['word_error_rate']:.1%}",
        )
    return shown
