"""Routed: several models as one, for one turn. Who does not begin in time is replaced by the next."""

from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import anyio

from pipeline.core.clock import Clock
from pipeline.core.errors import DialogError
from pipeline.core.stages import ChatDelta, ChatModel, ChatOptions, Message
from pipeline.dialog.health import Health

OF_THE_MODEL = frozenset({"model-missing", "engine-unreachable", "engine-timeout", "engine-garbage"})
"""Codes of failures that another model may not have; a prompt that is too long is too long for all."""
PACE_TOKENS = 16
"""A model's speed is taken from so many tokens behind its first: later ones may have waited for the voice."""
LEAST_PACE_TOKENS = 4


class Watcher(Protocol):
    """Is told what becomes of the choices."""

    def answers(self, model: str, first_token: float) -> None:
        """``model`` answers a turn, its first token so many seconds after it was asked."""
        ...

    def writes(self, model: str, tokens_per_second: float) -> None:
        """``model`` has written at this speed."""
        ...

    def passed_over(self, model: str, reason: str) -> None:
        """Another is asked in place of ``model``.

        ``reason`` is the code of its failure; ``over-budget``: its first token did not come in time; ``slow`` and
        ``failing``: it was not asked, because of what it lately did.
        """
        ...


class Unwatched:
    """A watcher that tells nobody."""

    def answers(self, model: str, first_token: float) -> None:
        """Do nothing."""

    def writes(self, model: str, tokens_per_second: float) -> None:
        """Do nothing."""

    def passed_over(self, model: str, reason: str) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that may answer, with what all its callers know of it."""

    name: str
    model: ChatModel
    health: Health


class Routed:
    """A ChatModel for one turn: several, asked one after the other until one begins."""

    def __init__(
        self, chain: Sequence[Candidate], skipped: Sequence[Candidate], budget: float, clock: Clock, watcher: Watcher
    ) -> None:
        """Ask those of ``chain``, each but the last for ``budget`` seconds; ``skipped`` would have been preferred."""
        self._chain = list(chain)
        self._skipped = list(skipped)
        self._preferred = (*skipped, *chain)[0]
        self._budget = budget
        self._clock = clock
        self._watcher = watcher

    @property
    def digest(self) -> str:
        """Return that of the model that is asked first."""
        return self._chain[0].model.digest

    @property
    def stands_in(self) -> bool:
        """Return whether another answers than the one that was preferred."""
        return self._chain[0] is not self._preferred

    async def stream(self, messages: Sequence[Message], options: ChatOptions) -> AsyncGenerator[ChatDelta, None]:
        """Yield the deltas of the first model that begins; a later failure of that one is the reply's.

        Closing the iterator closes the model's. One that did not begin is not asked again in this turn. Raises
        DialogError as a ChatModel does.
        """
        while self._skipped:
            one = self._skipped.pop()
            self._watcher.passed_over(one.name, "failing" if one.health.failing else "slow")
        while True:
            one = self._chain[0]
            deltas = one.model.stream(messages, options)
            try:
                first = await self._first(one, deltas)
                if first is not None:
                    reply = self._reply(one, first, deltas)
                    try:
                        async for delta in reply:
                            yield delta
                    finally:
                        await reply.aclose()
                    return
            finally:
                await deltas.aclose()
            self._chain.pop(0)

    async def warm(self, messages: Sequence[Message], options: ChatOptions) -> None:
        """Let the first model that can read ``messages``. Raises DialogError when none could."""
        await self.warmed(messages, options, frozenset())

    async def warmed(self, messages: Sequence[Message], options: ChatOptions, already: Collection[str]) -> str:
        """Do as ``warm``, unless it would be one that has ``already`` read them; return its name."""
        trouble: DialogError | None = None
        for one in self._chain:
            if one.name in already:
                return one.name
            try:
                await one.model.warm(messages, options)
            except DialogError as error:
                trouble = trouble or error
            else:
                return one.name
        assert trouble is not None  # noqa: S101  a chain has at least one model
        raise trouble

    async def _first(self, one: Candidate, deltas: AsyncGenerator[ChatDelta, None]) -> ChatDelta | None:
        """Return the first delta that says anything; None where the next model is to be asked."""
        last = len(self._chain) == 1
        since = self._clock.now()
        one.health.asked()
        reason = "over-budget"
        try:
            with anyio.move_on_after(max(self._budget, one.health.patience) if self._budget and not last else None):
                first = await _word(deltas)
                waited = self._clock.now() - since
                one.health.waited(waited)
                self._watcher.answers(one.name, waited)
                return first
            one.health.gave_nothing(self._clock.now() - since)
        except DialogError as error:
            if error.code not in OF_THE_MODEL:
                raise
            one.health.failed()
            if last:
                raise
            reason = error.code
        self._watcher.passed_over(one.name, reason)
        return None

    async def _reply(
        self, one: Candidate, first: ChatDelta, deltas: AsyncGenerator[ChatDelta, None]
    ) -> AsyncGenerator[ChatDelta, None]:
        """Yield a reply that has begun, and take note of how it goes on."""
        tokens, spent, broke = 0, 0.0, False
        try:
            yield first
            since = self._clock.now()
            async for delta in deltas:
                if tokens < PACE_TOKENS and delta.usage is None:
                    tokens, spent = tokens + 1, spent + self._clock.now() - since
                yield delta
                since = self._clock.now()
        except DialogError:
            broke = True
            raise
        finally:
            if broke:
                one.health.failed()
            else:
                one.health.answered()
            if tokens >= LEAST_PACE_TOKENS:
                self._watcher.writes(one.name, one.health.wrote(tokens, spent))


async def _word(deltas: AsyncGenerator[ChatDelta, None]) -> ChatDelta:
    """Return the first delta that says anything. Raises DialogError."""
    async for delta in deltas:
        if delta.text or delta.uses or delta.usage is not None:
            return delta
    raise DialogError("engine-garbage", "the model ended without a word")
