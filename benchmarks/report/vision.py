"""The result of pictures: how long each kind takes to become a note. Pure."""

from benchmarks.report.markdown import paragraphs, table
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
