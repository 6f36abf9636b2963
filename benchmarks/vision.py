"""Pictures: how long from the arrival of one to the note that the model can read, and whether the facts are in it.

    python -m benchmarks.vision                    about two minutes on two cores
    python -m benchmarks.vision --runs 5 --side 2000

Each picture goes the way of one that a caller sends: it is checked, decoded in a process, read in another, one at a
time. The first one of all is told apart: with it the reading process starts and loads its models.
"""

import sys
from collections.abc import AsyncIterator, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import anyio
import typer
from rich.console import Console
from rich.table import Table

from benchmarks import machine
from benchmarks.report.results import write_result
from benchmarks.stages import spread
from benchmarks.vision_pictures import Sheet, cases, missing
from benchmarks.wer import RESULTS
from pipeline import sight
from pipeline.cli.screen import told
from pipeline.core.clock import LoopClock
from pipeline.core.events import CallEvent, PictureNoted, PictureState
from pipeline.session.pictures import Pictures
from pipeline.settings import Settings, VisionSettings

PACKAGES = ("rapidocr", "pillow", "opencv-python", "opencv-python-headless", "onnxruntime")


class Desk:
    """Sends pictures one after the other, and waits for the note of each."""

    def __init__(self) -> None:
        """Begin with nothing noted."""
        self._noted, self._notes = anyio.create_memory_object_stream[PictureNoted](16)

    async def tell(self, event: CallEvent) -> None:
        """Take what the call would be told."""
        if isinstance(event, PictureNoted) and event.state is not PictureState.RECEIVED:
            await self._noted.send(event)

    async def note(self, pictures: Pictures, data: bytes) -> PictureNoted:
        """Return the note of one picture."""

        async def pieces() -> AsyncIterator[bytes]:
            yield data

        await pictures.take(pieces())
        return await self._notes.receive()


async def measure(settings: Settings, runs: int) -> dict[str, Any]:
    """Return the first picture's time and the figures of each case."""
    vision = await sight.opened(settings)
    assert vision is not None  # noqa: S101  the settings want it
    desk, pictures = Desk(), Pictures(vision, LoopClock())

    async def post(_shown: object) -> None:
        """Show nothing."""

    measured: dict[str, dict[str, Any]] = {}
    async with anyio.create_task_group() as tasks:
        pictures.open(tasks, tell=desk.tell, looked=lambda _note: None, post=post)
        found = list(cases())
        first = await desk.note(pictures, found[0][2])
        for name, sheet, data in found:
            notes = [await desk.note(pictures, data) for _ in range(runs)]
            measured[name] = figures(sheet, len(data), notes)
        tasks.cancel_scope.cancel()
    pictures.close()
    await vision.close()
    return {"first_ms": round(1000 * first.took), "measured": measured}


def figures(sheet: Sheet, size: int, notes: Sequence[PictureNoted]) -> dict[str, Any]:
    """Return the figures of one case. Pure."""
    return {
        "file_bytes": size,
        "runs": len(notes),
        "note_ms": spread([note.took for note in notes]),
        "missing": sorted({fact for note in notes for fact in missing(sheet, note.note)}),
    }


def table(result: dict[str, Any]) -> Table:
    """Return the figures as a table."""
    drawn = Table(title=f"milliseconds from arrival to note; the first of all {result['first_ms']}")
    for heading in ("picture", "KB", "p50", "p95", "missing"):
        drawn.add_column(heading, justify="left" if heading in {"picture", "missing"} else "right")
    for name, row in result["measured"].items():
        times, size = row["note_ms"], row["file_bytes"] // 1000
        drawn.add_row(name, str(size), str(times["p50"]), str(times["p95"]), ", ".join(row["missing"]))
    return drawn


def main(
    *,
    runs: Annotated[int, typer.Option(help="Runs of each picture.", min=1)] = 10,
    side: Annotated[int, typer.Option(help="vision.side.")] = VisionSettings().side,
    out: Annotated[Path | None, typer.Option(help="The result's file; default: benchmarks/results/.")] = None,
) -> None:
    """Measure, print the table and keep the figures as JSON."""
    wanted = VisionSettings(side=side, per_call=100_000)
    described = machine.described()
    with told():
        measured = anyio.run(partial(measure, Settings(vision=wanted), runs))
    packages = {name: _version(name) for name in PACKAGES if _version(name)}
    result = {"benchmark": "vision", "machine": described, "vision_packages": packages, "side": side, **measured}
    file = out or RESULTS / "vision.json"
    write_result(file, result)
    Console(width=120).print(table(result))
    sys.stdout.write(f"{file}\n")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


if __name__ == "__main__":
    typer.run(main)
