"""Ahead: a search of the documents that begins while its question is still being asked."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio

from pipeline.core.clock import LoopClock
from pipeline.core.errors import KnowledgeError
from pipeline.dialog.knowledge.search import BUDGET, Passage
from pipeline.dialog.knowledge.terms import normalized

PATIENCE = 2.0
"""Seconds that vectors have while nobody waits for them; on a busy processor they take one now and then."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """What a model is shown for a question, whatever was said before it."""

    text: str
    """The passages as quotes; empty where nothing fits."""
    sources: tuple[str, ...]
    """Their documents, each once, the best first."""
    public: frozenset[str]
    """Personal data in the quotes: the business's own."""


class Search:
    """The search for one question, which may turn out to be the caller's. Run it once, in a task of its own."""

    def __init__(
        self,
        question: str,
        approve: Callable[[], Awaitable[Passage | None]],
        quote: Callable[[anyio.CancelScope], Awaitable[Quoted]],
    ) -> None:
        """Search by ``approve``, then, where no pair is approved, by ``quote``, with the scope that vectors have."""
        self._question = normalized(question)
        self._approve = approve
        self._quote = quote
        self._vectors = anyio.CancelScope(deadline=LoopClock().now() + PATIENCE)
        self._scope = anyio.CancelScope()
        self._approved = anyio.Event()
        self._over = anyio.Event()
        self._is_known = False
        self.pair: Passage | None = None
        """The approved pair that answers the question, if there is one; see ``approved``."""
        self.quoted: Quoted | None = None
        """What the model is shown where there is none; see ``found``."""

    def asks(self, question: str) -> bool:
        """Return whether this is the search for a question of these words, whatever their case and punctuation."""
        return normalized(question) == self._question

    async def run(self) -> None:
        """Search; return once all is found, or it is cancelled or has failed: whoever asks anew will hear of that."""
        try:
            with self._scope:
                self.pair = await self._approve()
                self._is_known = True
                self._approved.set()
                if self.pair is None:
                    self.quoted = await self._quote(self._vectors)
        except KnowledgeError:
            pass
        finally:
            self.cancel()

    def cancel(self) -> None:
        """Stop, and keep nobody waiting; what is found already stays."""
        self._scope.cancel()
        self._vectors.cancel()
        self._approved.set()
        self._over.set()

    async def approved(self, question: str) -> bool:
        """Return whether ``pair`` is what is approved for a question, as soon as that is known."""
        if not self.asks(question):
            return False
        await self._approved.wait()
        return self._is_known

    async def found(self, question: str) -> bool:
        """Return whether ``quoted`` is what is found for a question. From now on vectors have no longer than usual."""
        if not self.asks(question):
            return False
        self._vectors.deadline = min(self._vectors.deadline, LoopClock().now() + BUDGET)
        await self._over.wait()
        return self.quoted is not None
