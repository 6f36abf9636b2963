"""Reply: one answer from its first token to its last heard sample, in one cancel scope."""

from collections.abc import AsyncGenerator, Callable, Sequence

import anyio

from pipeline.core.errors import PipelineError
from pipeline.core.events import (
    CallEvent,
    Clause,
    FillerStarted,
    PlaybackStarted,
    ReplyEnded,
    ReplyId,
    ReplyStarted,
    ReplyStatus,
    SpeechReady,
    StageFailed,
    TextDelta,
    TurnEnded,
    TurnId,
)
from pipeline.core.latency import Timeline
from pipeline.core.pcm import Pcm
from pipeline.core.stages import ChatDelta
from pipeline.session.company import Company
from pipeline.session.delivery import Delivery, Means, Say
from pipeline.session.gate import Gate, Tell
from pipeline.session.ledger import Receipt
from pipeline.session.line import ReplyAudio
from pipeline.session.shape import CHEAPER, Purpose
from pipeline.session.writer import Writer
from pipeline.speaking.script import Lines, Script, written


class Reply:
    """One reply. ``run`` does all the work; ``stop`` may be called at any moment.

    Nothing of it is told or played before ``commit``: until then it is speculation, and ``discard`` leaves no trace.
    """

    def __init__(self, turn: TurnId, purpose: Purpose, means: Means, tell: Tell) -> None:
        """Prepare a reply that is delivered by ``means``; nothing happens before ``run``."""
        shape, clock = means.shape, means.clock
        self.id = ReplyId(0)
        """Given by ``commit``."""
        self.turn = turn
        self.purpose = purpose
        self.audible = False
        self.timeline = Timeline()
        self.unwound = anyio.Event()
        self.cited: tuple[tuple[str, ...], str] = ((), "")
        """Documents that it goes back to, and the version of the file that they are in."""
        self._line = means.line
        self._shape = shape
        self._delivery = Delivery(means, self)
        self._clock = clock
        self.gate = Gate(tell)
        self._began_at = self._due_from = clock.now()
        self.company = Company(shape, clock, give_up=self._give_up)
        self._discarded = self._was_interrupted = False
        self._scope = anyio.CancelScope()
        self._stopped_at: float | None = None
        self._paused_at: float | None = None
        self._flowing = anyio.Event()
        self._flowing.set()
        self._status = ReplyStatus.COMPLETED
        self._writer = Writer(
            Script(shape.speaking, shape.language),
            purpose.fallback,
            written=lambda text: self.emit(TextDelta, text=text),
            cut=self._cut,
            failed=self.failed,
            repeatable=lambda: self.gate.on_open(self._delivery.recorder.keep),
        )
        self._degraded = [CHEAPER[purpose.effort]] if purpose.effort else []

    @property
    def begun(self) -> bool:
        """Return whether the client was told of it."""
        return self.gate.begun

    @property
    def stopped(self) -> bool:
        """Return whether the reply was cut off."""
        return self._stopped_at is not None

    def commit(self, reply: ReplyId, known: Sequence[CallEvent], receipt: Receipt | None) -> None:
        """Make it real, under this id: what was held back passes, and all that follows. ``known`` counts for spans."""
        self.id = reply
        for event in known:
            self.timeline.feed(event)
            if isinstance(event, TurnEnded):
                self._due_from = event.speech_end_at
        self.gate.open(reply, receipt)

    def discard(self) -> None:
        """Throw speculative work away."""
        self._discarded = True
        self._scope.cancel()

    def work(self) -> tuple[float, int]:
        """Return the seconds since its beginning, and the characters written."""
        return self._clock.now() - self._began_at, len(self.written)

    def stop(self, status: ReplyStatus) -> None:
        """Cut the reply off: no frame leaves after this call returns. ``unwound`` is set once its work is over."""
        if self._stopped_at is None:
            self._status = status
            self._stopped_at = self._clock.now()
            self._scope.cancel()

    def pause(self) -> None:
        """Let no frame leave until ``resume``; what has left is heard to its end, at most ``playout.lead``."""
        if self._paused_at is None:
            self._paused_at = self._clock.now()
            self._flowing = anyio.Event()

    def resume(self) -> None:
        """Go on with the sample behind the last one that left."""
        self._paused_at = None
        self._flowing.set()

    @property
    def paused_at(self) -> float | None:
        """Return since when it pauses; None when it does not."""
        return self._paused_at

    @property
    def stoppable(self) -> bool:
        """Return whether the caller may stop it now."""
        begun = self._delivery.heard_ms(self._clock.now()) if self.audible else 0
        return not self.purpose.protected and not (self.audible and begun < 1000 * self._shape.protected_start)

    @property
    def written(self) -> str:
        """Return the text so far."""
        return self._writer.text

    def played(self, played_ms: int) -> None:
        """Take the client's word for how far it has played this reply, with which it is done."""
        self._delivery.played(played_ms)

    def missed(self) -> tuple[str, str]:
        """Return what was heard of it and what was not, where it was over before its client was found lost."""
        return self._delivery.missed(self.id) if self.audible and not self.stopped else ("", "")

    def heard(self) -> str:
        """Return the text that the caller has heard so far."""
        return self._delivery.heard(self._heard_until())

    def _heard_until(self) -> float:
        """Return the instant up to which the caller has listened: what had left before a stop is recalled."""
        return self._clock.now() if self._stopped_at is None else self._stopped_at

    async def run(self, source: AsyncGenerator[ChatDelta, None], after: "Reply | None" = None) -> ReplyEnded | None:
        """Write, speak and send the reply; return when the caller has heard it, or when it is unwound after a stop.

        ``after`` is an older reply whose work must be over before this one's begins. Returns None when discarded.
        """
        try:
            with self._scope:
                if after is not None:
                    await after.unwound.wait()
                allowed = self._shape.speech_stops and not self.purpose.protected
                await self.emit(ReplyStarted, barge_in_allowed=allowed)
                await self._flow(source)
        finally:
            with anyio.CancelScope(shield=True):
                await source.aclose()
            self.unwound.set()
        if self._discarded:
            return None
        if self.stopped and self.audible:
            await self._delivery.clients_word()
        return self._ended()

    async def _flow(self, source: AsyncGenerator[ChatDelta, None]) -> None:
        clauses_in, clauses = anyio.create_memory_object_stream[Clause](self._shape.channels.clauses)
        # Both ends close here: a task that is cancelled before its first step closes nothing.
        async with clauses_in, clauses, anyio.create_task_group() as tasks:
            tasks.start_soon(self.gate.release)
            tasks.start_soon(self._writer.run, source, clauses_in)
            await self._delivery.run(clauses, lambda: self.id)
            tasks.cancel_scope.cancel()  # the writer of a reply that nobody can speak may still be writing

    async def spoken(self, clause: Clause) -> None:
        """Take note that the first sound of a clause is there."""
        self.company.ready.set()
        await self.emit(SpeechReady, index=clause.index)

    async def keep_company(self, say: Say) -> None:
        """Keep the caller company by ``say`` until the answer begins."""
        if self.purpose.answers:
            await self.gate.passed()
            await self.company.keep(self._clock.now() if self._was_interrupted else self._due_from, say)

    def interrupted(self) -> None:
        """Take note that the client was lost: whoever is kept company is so from its return on, and no gap is known."""
        self._was_interrupted = True
        self.company.leave()
        if not self.audible:
            self.timeline = Timeline()

    def _give_up(self) -> None:
        if not self._writer.text:
            self._writer.patience.cancel()

    async def send(self, pcm: Pcm, last: bool, *, filler: str = "") -> None:
        """Hand a frame to the client, once the reply is real and does not pause."""
        await self.gate.passed(sound=not (filler or self.audible))
        while not self._flowing.is_set():
            await self._flowing.wait()
        await self._line.play(ReplyAudio(self.turn, self.id, pcm, last, bool(filler)))
        if filler:
            if "filler" not in self._degraded:
                self._degraded.append("filler")
                await self.emit(FillerStarted, text=filler)
        elif not self.audible and pcm.samples:
            self.audible = True
            await self.emit(PlaybackStarted)

    async def failed(self, error: PipelineError) -> None:
        """Take note that a stage failed."""
        if not self.stopped:
            self._status = ReplyStatus.FAILED
        self._degraded.append(error.code)
        await self._tell(StageFailed.by(error, turn=self.turn, at=self._clock.now()))

    async def _cut(self, index: int, said: Lines) -> Clause:
        text = written(said)
        clause = Clause(turn=self.turn, at=self._clock.now(), reply=self.id, index=index, text=text, said=said)
        await self._tell(clause)
        return clause

    async def emit(self, kind: Callable[..., CallEvent], **fields: object) -> None:
        """Tell an event of this reply; held back until it is real."""
        await self._tell(kind(turn=self.turn, at=self._clock.now(), reply=self.id, **fields))

    async def _tell(self, event: CallEvent) -> None:
        self.timeline.feed(event)
        await self.gate.tell(event)

    def _ended(self) -> ReplyEnded:
        if self._writer.fell_back:
            offered = self.purpose.fallback == self._shape.phrases.person
            self._degraded.append("person_offered" if offered else "fallback_phrase")
            if not self.stopped:
                self._status = ReplyStatus.DEGRADED
        return ReplyEnded(
            turn=self.turn,
            at=self._clock.now(),
            reply=self.id,
            status=self._status,
            text=self.written,
            heard=self.heard(),
            heard_ms=self._delivery.heard_ms(self._heard_until()),
            usage=self._writer.usage,
            spans=self.timeline.spans(),
            degraded=tuple(self._degraded),
            sources=self.cited[0],
            knowledge=self.cited[1],
        )
