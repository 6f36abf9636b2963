"""Renders all results as one page with plots.

python -m benchmarks.report
python -m benchmarks.report --check      changes nothing; fails when the page is not what the results render to
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.report.page import render
from benchmarks.report.results import profiles, read
from benchmarks.wer import RESULTS
from pipeline.cli.screen import told


def stale(folder: Path) -> dict[str, str | None]:
    """Return what has to be written, by file name; None for a plot of a result that is gone.

    Raises SettingsError when a profile cannot be read.
    """
    wanted = render(read(folder), profiles())
    present = {file.name: file.read_text(encoding="utf-8") for file in (*folder.glob("*.svg"), *folder.glob("*.md"))}
    changed: dict[str, str | None] = {name: text for name, text in wanted.items() if present.get(name) != text}
    return changed | {name: None for name in present if name.endswith(".svg") and name not in wanted}


def main(
    *,
    folder: Annotated[Path, typer.Option(help="Where the results lie.")] = RESULTS,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 1 when something is stale.")] = False,
) -> None:
    """Write the page and its plots beside the results."""
    with told():
        changed = stale(folder)
    for name, text in changed.items():
        sys.stdout.write(f"{'stale' if check else 'removed' if text is None else 'written'}: {folder / name}\n")
        if not check and text is None:
            (folder / name).unlink()
        elif not check and text is not None:
            (folder / name).write_text(text, encoding="utf-8")
    if check and changed:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
