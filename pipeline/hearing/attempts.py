"""Attempts: recognitions that begin while it is still open whether the turn is over."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup

from pipeline.core.clock import Clock
from pipeline.core.errors import HearingError
from pipeline.core.events import FinalTranscript, StageFailed, TurnId
from pipeline.core.pcm import Pcm
from pipeline.core.stages import Recognition, Recognizer

Tell = Callable[[FinalTranscript | StageFailed], Awaitable[None]]


@dataclass(slots=True)
class _Attempt:
    turn: TurnId
    utterance: Pcm
    committed: anyio.Event = field(default_factory=anyio.Event)
    after: anyio.Event | None = None
    """Set once the outcome of the turn before has been told; None where there was none."""
    told: anyio.Event = field(default_factory=anyio.Event)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)


class Attempts:
    """The recognitions of one call: at most one for the turn in progress, and those of turns that are over."""

    def __init__(self, recognizer: Recognizer, language: str | None, clock: Clock, tell: Tell) -> None:
        """Tell each outcome once its turn has been committed, in the order of the turns."""
        self._recognizer = recognizer
        self._language = language
        self._clock = clock
        self._tell = tell
        self._current: _Attempt | None = None
        self._over: dict[TurnId, _Attempt] = {}
        self._latest_told: anyio.Event | None = None
        self._tasks: TaskGroup

    def open(self, tasks: TaskGroup) -> None:
        """Run recognitions in ``tasks``."""
        self._tasks = tasks

    def begin(self, turn: TurnId, utterance: Pcm) -> None:
        """Recognize ``utterance``: all of the turn, if the caller does not go on."""
        self._current = self._begun(turn, utterance)

    def drop(self) -> None:
        """Throw the current attempt away, if there is one."""
        if self._current is not None:
            self._current.scope.cancel()
            self._current = None

    def conclude(self, turn: TurnId, utterance: Pcm) -> None:
        """Keep the current attempt, or begin one: the turn is over, which is still to be told."""
        attempt, self._current = self._current or self._begun(turn, utterance), None
        attempt.after, self._latest_told = self._latest_told, attempt.told
        self._over[turn] = attempt

    def commit(self, turn: TurnId) -> None:
        """Let the outcome of a concluded turn be told, now that its end has been."""
        self._over.pop(turn).committed.set()

    def _begun(self, turn: TurnId, utterance: Pcm) -> _Attempt:
        attempt = _Attempt(turn, utterance)
        self._tasks.start_soon(self._recognize, attempt)
        return attempt

    async def _recognize(self, attempt: _Attempt) -> None:
        with attempt.scope:
            outcome: Recognition | HearingError
            try:
                outcome = await self._recognizer.transcribe(attempt.utterance, self._language)
            except HearingError as error:
                outcome = error
            await attempt.committed.wait()
            if attempt.after is not None:
                await attempt.after.wait()
            await self._tell(self._verdict(attempt, outcome))
            attempt.told.set()

    def _verdict(self, attempt: _Attempt, outcome: Recognition | HearingError) -> FinalTranscript | StageFailed:
        if isinstance(outcome, HearingError):
            return StageFailed.by(outcome, turn=attempt.turn, at=self._clock.now())
        return FinalTranscript(
            turn=attempt.turn,
            at=self._clock.now(),
            text=outcome.text,
            language=outcome.language,
            confidence=outcome.confidence,
            audio_start=attempt.utterance.audio_at,
            audio_end=attempt.utterance.audio_end,
        )
