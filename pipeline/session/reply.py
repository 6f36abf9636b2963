"""Reply: one answer from its first token to its last heard sample, in one cancel scope."""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream

from pipeline.core.clock import Clock
from pipeline.core.errors import DialogError, PipelineError, SpeakingError
from pipeline.core.events import (
    CallEvent,
    Clause,
    PlaybackStarted,
    ReplyEnded,
    ReplyId,
    ReplyStarted,
    ReplyStatus,
    SpeechReady,
    StageFailed,
    TextDelta,
    TurnId,
)
from pipeline.core.latency import Timeline
from pipeline.core.pcm import Pcm
from pipeline.core.stages import ChatDelta, Synthesizer, Usage
from pipeline.session.gate import Gate, Tell
from pipeline.session.line import Line, ReplyAudio
from pipeline.settings import Channels, Speaking
from pipeline.settings import Playout as PlayoutSettings
from pipeline.speaking.clauses import ClauseCutter
from pipeline.speaking.playhead import Playhead
from pipeline.speaking.playout import Playout
from pipeline.speaking.speaker import Speaker


@dataclass(frozen=True, slots=True)
class ReplyShape:
    """How the replies of a call are made and sent."""

    speaking: Speaking
    playout: PlayoutSettings
    channels: Channels
    paced: bool
    """Send at the pace of listening; otherwise as fast as the client takes it."""
    speech_stops: bool
    """The caller's speech may stop replies."""
    reports_playback: bool
    """The client says how far it has played, so its word is waited for."""
    fallback: str
    """Said when the model fails before it wrote anything."""


class Reply:
    """One reply. ``run`` does all the work; ``stop`` may be called at any moment.

    Nothing of it is told or played before ``commit``: until then it is speculation, and ``discard`` leaves no trace.
    """

    def __init__(
        self,
        turn: TurnId,
        *,
        line: Line,
        synthesizer: Synthesizer,
        shape: ReplyShape,
        clock: Clock,
        tell: Tell,
    ) -> None:
        """Prepare a reply; nothing happens before ``run``."""
        self.id = ReplyId(0)
        """Given by ``commit``."""
        self.turn = turn
        self.playhead = Playhead(line.output_rate)
        self.audible = False
        self.protected = False
        """Only the client's order stops it."""
        self.barge_in_allowed = True
        """The caller's speech stops it; the client is told."""
        self.timeline = Timeline()
        self.unwound = anyio.Event()
        self._line = line
        self._synthesizer = synthesizer
        self._shape = shape
        self._clock = clock
        self._gate = Gate(tell)
        self._began_at = clock.now()
        self._discarded = False
        self._scope = anyio.CancelScope()
        self._stopped_at: float | None = None
        self._reported = anyio.Event()
        self._status = ReplyStatus.COMPLETED
        self._text: list[str] = []
        self._usage = Usage()
        self._degraded: list[str] = []

    @property
    def begun(self) -> bool:
        """Return whether the client was told of it."""
        return self._gate.begun

    @property
    def stopped(self) -> bool:
        """Return whether the reply was cut off."""
        return self._stopped_at is not None

    def commit(self, reply: ReplyId, known: Sequence[CallEvent] = ()) -> None:
        """Make it real, under this id: what was held back passes, and all that follows. ``known`` counts for spans."""
        self.id = reply
        for event in known:
            self.timeline.feed(event)
        self._gate.open(reply)

    def discard(self) -> None:
        """Throw speculative work away."""
        self._discarded = True
        self._scope.cancel()

    def work(self) -> tuple[float, int]:
        """Return the seconds since its beginning, and the characters written."""
        return self._clock.now() - self._began_at, sum(map(len, self._text))

    def stop(self, status: ReplyStatus) -> None:
        """Cut the reply off: no frame leaves after this call returns. ``unwound`` is set once its work is over."""
        if self._stopped_at is None:
            self._status = status
            self._stopped_at = self._clock.now()
            self._scope.cancel()

    def played(self, played_ms: int) -> None:
        """Take the client's word for how far it has played this reply, with which it is done."""
        self.playhead.reported(played_ms)
        self._reported.set()

    def heard(self) -> str:
        """Return the text that the caller has heard so far."""
        return self.playhead.heard(self._heard_until())

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
                await self._emit(ReplyStarted, barge_in_allowed=self.barge_in_allowed)
                await self._flow(source)
                await self._listened()
        finally:
            with anyio.CancelScope(shield=True):
                await source.aclose()
            self.unwound.set()
        if self._discarded:
            return None
        if self.stopped:
            await self._recalled()
        return self._ended()

    async def _flow(self, source: AsyncGenerator[ChatDelta, None]) -> None:
        channels = self._shape.channels
        clauses_in, clauses = anyio.create_memory_object_stream[Clause](channels.clauses)
        frames_in, frames = anyio.create_memory_object_stream[Pcm](channels.speech_frames)
        playout = Playout(
            self.playhead,
            self._clock,
            lead=self._shape.playout.lead if self._shape.paced else None,
            send=self._send,
        )
        # All four ends close here: a task that is cancelled before its first step closes nothing.
        async with clauses_in, clauses, frames_in, frames, anyio.create_task_group() as tasks:
            tasks.start_soon(self._release)
            tasks.start_soon(self._write, source, clauses_in)
            tasks.start_soon(self._speak, clauses, frames_in)
            await playout.run(frames, self._line.output_rate)

    async def _release(self) -> None:
        await self._gate.release()

    async def _write(self, source: AsyncGenerator[ChatDelta, None], clauses: ObjectSendStream[Clause]) -> None:
        """Cut deltas into clauses; say the fallback when the model fails before it wrote anything."""
        speaking = self._shape.speaking
        cutter = ClauseCutter(speaking.first_clause_words, speaking.clause_chars)
        written = 0
        async with clauses:
            try:
                async for delta in source:
                    self._usage = delta.usage or self._usage
                    written = await self._pass_on(delta.text, cutter.feed(delta.text), clauses, written)
            except DialogError as error:
                await self._failed(error)
                self._status = ReplyStatus.FAILED
            written = await self._pass_on("", cutter.flush(), clauses, written)
            if not written and self._shape.fallback:
                self._status = ReplyStatus.DEGRADED
                self._degraded.append("fallback_phrase")
                await self._pass_on(self._shape.fallback, [self._shape.fallback], clauses, 0)

    async def _pass_on(self, text: str, cut: list[str], clauses: ObjectSendStream[Clause], written: int) -> int:
        """Report new text, hand on its clauses; return how many clauses there are now."""
        if text:
            self._text.append(text)
            await self._emit(TextDelta, text=text)
        for clause in cut:
            event = Clause(turn=self.turn, at=self._clock.now(), reply=self.id, index=written, text=clause)
            await self._tell_all(event)
            await clauses.send(event)
            written += 1
        return written

    async def _speak(self, clauses: ObjectReceiveStream[Clause], frames: ObjectSendStream[Pcm]) -> None:
        speaker = Speaker(
            self._synthesizer,
            self.playhead,
            rate=self._line.output_rate,
            frame=self._shape.playout.frame,
            ready=lambda clause: self._emit(SpeechReady, index=clause.index),
        )
        spoken = speaker.frames(clauses)
        async with frames:
            try:
                async for frame in spoken:
                    await frames.send(frame)
            except SpeakingError as error:
                await self._failed(error)
                self._status = ReplyStatus.FAILED
            finally:
                with anyio.CancelScope(shield=True):
                    await spoken.aclose()
                # The writer may be waiting for room: without a speaker there will be none.
                await clauses.aclose()

    async def _send(self, pcm: Pcm, last: bool) -> None:
        await self._gate.passed()
        await self._line.play(ReplyAudio(self.turn, self.id, pcm, last))
        if not self.audible and pcm.samples:
            self.audible = True
            await self._emit(PlaybackStarted)

    async def _listened(self) -> None:
        """Wait until the caller has heard all of it."""
        dry_at = self.playhead.dry_at
        if dry_at is None:
            return
        await anyio.sleep(max(0.0, dry_at - self._clock.now()))
        if self._shape.reports_playback:
            with anyio.move_on_after(self._shape.playout.report_wait):
                await self._reported.wait()

    async def _recalled(self) -> None:
        """After a stop: wait a little for the client to say how much it had played."""
        if self._shape.reports_playback and self.audible:
            with anyio.move_on_after(self._shape.playout.report_wait):
                await self._reported.wait()

    async def _failed(self, error: PipelineError) -> None:
        await self._tell_all(StageFailed.by(error, turn=self.turn, at=self._clock.now()))
        self._degraded.append(error.code)

    async def _emit(self, kind: Callable[..., CallEvent], **fields: object) -> None:
        await self._tell_all(kind(turn=self.turn, at=self._clock.now(), reply=self.id, **fields))

    async def _tell_all(self, event: CallEvent) -> None:
        self.timeline.feed(event)
        await self._gate.tell(event)

    def _ended(self) -> ReplyEnded:
        return ReplyEnded(
            turn=self.turn,
            at=self._clock.now(),
            reply=self.id,
            status=self._status,
            text="".join(self._text),
            heard=self.heard(),
            heard_ms=self.playhead.heard_ms(self._heard_until()),
            usage=self._usage,
            spans=self.timeline.spans(),
            degraded=tuple(self._degraded),
        )
