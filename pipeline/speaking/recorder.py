"""Recorder: the voice of one reply. What it has said can be said again to others, if the reply may be."""

from collections.abc import AsyncGenerator

from pipeline.core.stages import Speech
from pipeline.speaking.phrases import PhraseBook


class Recorder:
    """Speaks one reply through the book, and holds its clauses until it is known whether they may be kept."""

    def __init__(self, book: PhraseBook) -> None:
        """Keep nothing yet."""
        self._book = book
        self._keeping = False
        self._held: list[tuple[str, tuple[Speech, ...]]] = []

    @property
    def rate(self) -> int:
        """Return the rate of the audio in hertz."""
        return self._book.rate

    def keep(self) -> None:
        """Keep the clauses that were spoken to their end, and those that will be: they hold nothing of this caller."""
        self._keeping = True
        while self._held:
            self._book.keep(*self._held.pop())

    async def speak(self, text: str) -> AsyncGenerator[Speech, None]:
        """Yield the speech of ``text`` as the book does."""
        new = not self._book.knows(text)
        spoken: list[Speech] = []
        pieces = self._book.speak(text)
        try:
            async for piece in pieces:
                if new:
                    spoken.append(piece)
                yield piece
        finally:
            await pieces.aclose()
        if new and self._keeping:
            self._book.keep(text, tuple(spoken))
        elif new:
            self._held.append((text, tuple(spoken)))
