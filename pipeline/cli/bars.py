"""Bars: how a long work on models goes on, on the screen."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)


class Bars:
    """Draws one bar for each model on standard error, and writes notes above them."""

    def __init__(self) -> None:
        """Draw nothing yet."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        self._bars = Progress(*columns, console=Console(stderr=True))
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the bars as they are."""
        self._bars.stop()

    def moved(self, model: str, done: int, total: int) -> None:
        """Draw."""
        if model not in self._tasks:
            self._tasks[model] = self._bars.add_task(model, total=total)
        self._bars.update(self._tasks[model], completed=done, total=total)

    def said(self, model: str, text: str) -> None:
        """Write a line."""
        self._bars.console.print(f"{model}: {text}", markup=False, highlight=False, soft_wrap=True)
