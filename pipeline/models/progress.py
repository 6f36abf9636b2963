"""Who is told how a long work on a model goes on."""

from typing import Protocol


class Progress(Protocol):
    """Is told; draws a bar, writes a line, or does nothing. Called from the thread that works."""

    def moved(self, model: str, done: int, total: int) -> None:
        """So many of ``total`` bytes are there. ``done`` falls back when a source had to be given up."""
        ...

    def said(self, model: str, text: str) -> None:
        """Something that a person may want to know: a source that failed, a wait."""
        ...


class Silent:
    """Tells nobody."""

    def moved(self, model: str, done: int, total: int) -> None:
        """Do nothing."""

    def said(self, model: str, text: str) -> None:
        """Do nothing."""
