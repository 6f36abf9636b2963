"""Drafts: recognitions that begin while it is open whether the turn is over; one of them becomes its transcript."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup

from pipeline.core.clock import Clock
from pipeline.core.errors import HearingError
from pipeline.core.events import FinalTranscript, StageFailed, TurnId
from pipeline.core.pcm import Pcm
from pipeline.core.stages import Recognition, TurnModel
from pipeline.hearing.scheduler import RecognitionQueue, Request, Urgency

Tell = Callable[[FinalTranscript | StageFailed], Awaitable[None]]


@dataclass(slots=True)
class Expected:
    """The languages that a call may be spoken in, as it goes on."""

    language: str | None
    """The likeliest."""
    others: tuple[str, ...] = ()
    """What may be spoken in its place; with none, nothing is detected."""

    def turn_to(self, language: str) -> None:
        """Take this language for the likeliest, and the one before for one of the others."""
        if language != self.language:
            before = (self.language,) if self.language else ()
            self.others = (*before, *(other for other in self.others if other != language))
            self.language = language


@dataclass(eq=False, slots=True)
class Draft:
    """A turn as far as it had come when its recognition began."""

    turn: TurnId
    request: Request
    covers: float
    """Audio instant behind the last speech in it."""
    outcome: Recognition | HearingError | None = None
    """None while it is being recognized, and when it was dropped."""
    over: float | None = None
    """How likely the turn model takes the turn to be over; None where it was not asked, or failed."""
    heard: anyio.Event = field(default_factory=anyio.Event)
    """Set when ``outcome`` is known, or will not come."""
    judged: anyio.Event = field(default_factory=anyio.Event)
    """Set when ``over`` is known, or will not come."""
    asked: bool = False
    """The turn model was asked."""
    shown: bool = False
    """It was taken for an interim transcript."""
    recognizing: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    judging: anyio.CancelScope = field(default_factory=anyio.CancelScope)

    @property
    def utterance(self) -> Pcm:
        """Return the sound that is recognized."""
        return self.request.utterance

    @property
    def busy(self) -> bool:
        """Return whether more will become known of it."""
        return not self.heard.is_set() or (self.asked and not self.judged.is_set())

    @property
    def dropped(self) -> bool:
        """Return whether it will never be recognized: more urgent ones went first."""
        return self.heard.is_set() and self.outcome is None

    def cancel(self) -> None:
        """Give it up."""
        self.recognizing.cancel()
        self.judging.cancel()


@dataclass(slots=True)
class _Ended:
    """A turn that is over and not told yet."""

    draft: Draft
    after: anyio.Event | None
    """Set once the outcome of the turn before has been told; None where there was none."""
    committed: anyio.Event = field(default_factory=anyio.Event)
    told: anyio.Event = field(default_factory=anyio.Event)


class Drafts:
    """The recognitions of one call."""

    def __init__(
        self,
        queue: RecognitionQueue,
        turn_model: TurnModel | None,
        expected: Expected,
        clock: Clock,
        *,
        settled: Callable[[Draft], Awaitable[None]],
        tell: Tell,
    ) -> None:
        """Call ``settled`` whenever more is known of a draft; tell each turn's outcome in the order of the turns."""
        self._queue = queue
        self._turn_model = turn_model
        self.expected = expected
        self._clock = clock
        self._settled = settled
        self._tell = tell
        self.latest: Draft | None = None
        """The newest draft of the turn in progress."""
        self._begun: list[Draft] = []
        self._over: dict[TurnId, _Ended] = {}
        self._latest_told: anyio.Event | None = None
        self._tasks: TaskGroup

    def open(self, tasks: TaskGroup) -> None:
        """Run recognitions in ``tasks``."""
        self._tasks = tasks

    def close(self) -> None:
        """Give up this call's place among the others."""
        self._queue.forget(self)

    @property
    def busy(self) -> bool:
        """Return whether a recognition of the turn in progress, or a judgement, is still to come."""
        return any(draft.busy for draft in self._begun)

    def begin(self, turn: TurnId, utterance: Pcm, covers: float, urgency: Urgency) -> Draft:
        """Recognize the turn in progress as far as it has come."""
        language, others = self.expected.language, self.expected.others
        draft = Draft(turn, self._queue.request(self, utterance, language, urgency, others), covers)
        self._begun = [other for other in self._begun if other.busy] + [draft]
        self.latest = draft
        self._tasks.start_soon(self._recognize, draft)
        return draft

    def judge(self, draft: Draft, sound: Pcm) -> None:
        """Ask the turn model about a draft, once it is recognized; ``sound`` is the turn with its pause so far."""
        draft.asked = True
        if self._turn_model is None:
            draft.judged.set()
        else:
            self._tasks.start_soon(self._judge, draft, sound, self._turn_model)

    def hurry(self, draft: Draft) -> None:
        """Let a draft count as final: the turn will be over in a moment."""
        self._queue.hurry(draft.request)

    def drop(self) -> None:
        """Throw the drafts of the turn in progress away."""
        for draft in self._begun:
            draft.cancel()
        self._begun, self.latest = [], None

    def conclude(self, turn: TurnId, utterance: Pcm, covers: float) -> None:
        """Take the draft that holds all of the turn for its transcript, or begin one. The end is still to be told."""
        draft = self.latest
        if draft is None or draft.dropped or draft.covers < covers:
            draft = self.begin(turn, utterance, covers, Urgency.FINAL)
        else:
            self.hurry(draft)
        for other in self._begun:
            if other is not draft:
                other.cancel()
        self._begun, self.latest = [], None
        ended = _Ended(draft, self._latest_told)
        self._over[turn], self._latest_told = ended, ended.told
        self._tasks.start_soon(self._conclude, turn, ended)

    def commit(self, turn: TurnId) -> None:
        """Let the outcome of a concluded turn be told, now that its end has been."""
        self._over.pop(turn).committed.set()

    async def _recognize(self, draft: Draft) -> None:
        with draft.recognizing:
            try:
                draft.outcome = await self._queue.recognize(draft.request)
            except HearingError as error:
                draft.outcome = error
            finally:
                draft.heard.set()
            await self._settled(draft)

    async def _judge(self, draft: Draft, sound: Pcm, model: TurnModel) -> None:
        with draft.judging:
            # One after the other: the answer waits for the words, and both at once make each half as fast.
            await draft.heard.wait()
            try:
                draft.over = await model.probability(sound)
            except HearingError as error:  # what was said still tells
                await self._tell(StageFailed.by(error, turn=draft.turn, at=self._clock.now()))
            finally:
                draft.judged.set()
            await self._settled(draft)

    async def _conclude(self, turn: TurnId, ended: _Ended) -> None:
        await ended.draft.heard.wait()
        if ended.draft.outcome is None:  # it was dropped just before the turn was over
            first = ended.draft.request
            request = self._queue.request(self, first.utterance, first.language, Urgency.FINAL, first.others)
            try:
                ended.draft.outcome = await self._queue.recognize(request)
            except HearingError as error:
                ended.draft.outcome = error
        await ended.committed.wait()
        if ended.after is not None:
            await ended.after.wait()
        await self._tell(self._verdict(turn, ended.draft))
        ended.told.set()

    def _verdict(self, turn: TurnId, draft: Draft) -> FinalTranscript | StageFailed:
        outcome = draft.outcome
        assert outcome is not None  # noqa: S101  a final is never dropped
        if isinstance(outcome, HearingError):
            return StageFailed.by(outcome, turn=turn, at=self._clock.now())
        return FinalTranscript(
            turn=turn,
            at=self._clock.now(),
            text=outcome.text,
            language=outcome.language,
            confidence=outcome.confidence,
            audio_start=draft.utterance.audio_at,
            audio_end=draft.utterance.audio_end,
        )
