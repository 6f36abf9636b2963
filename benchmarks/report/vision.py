"""The results of pictures: how long each kind takes to become a note, and what calls hear meanwhile. Pure."""

from benchmarks.report.markdown import paragraphs, percent, table
from benchmarks.report.results import Result


def section(result: Result) -> str:
    """Return the times by kind of picture, and the facts that were missed."""
    rows = (
        (name, row["file_bytes"] // 1000, row["runs"], row["note_ms"], row["missing"] or "none")
        for name, row in result.measured.items()
    )
    packages = ", ".join(f"{name} {version}" for name, version in result.tree["vision_packages"].items())
    return paragraphs(
        (
            f"Made smaller to {result.tree['side']} pixels. {packages}. The first of all, with which the process "
            f"of the reader starts, took {result.tree['first_ms']} ms.",
            table(("picture", "KB", "runs", "arrival to note, p50 / p95 ms", "facts missed"), rows),
        )
    )


def crowd(result: Result) -> str:
    """Return what calls were like with and without the crowd, and how the crowd was answered."""
    rows = (
        (
            kind,
            entry["turns"],
            entry["gap_ms"],
            entry["stalled"],
            entry["stalled_ms"],
            entry["no_answer"],
            percent(entry["word_error_rate"]),
        )
        for kind, entry in result.measured.items()
    )
    answers = ", ".join(f"{count} x {answer}" for answer, count in result.tree["answers"].items())
    headings = ("", "turns", "gap p50 / p95 ms", "stalled", "stalled for, p50 / p95 ms", "no answer", "word errors")
    return paragraphs(
        (f"{result.tree['at_once']} pictures at the same moment. Answers: {answers}.", table(headings, rows))
    )
