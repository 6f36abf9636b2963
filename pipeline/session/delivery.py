"""Delivery: the way of one reply from its clauses to the caller's ear.

A client that is lost takes nothing any more. The model writes on meanwhile, and when the client is back the reply goes
on with the clause that was being heard, for whatever the new connection wants.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import anyio
from anyio.abc import ObjectReceiveStream, ObjectSendStream

from pipeline.core.clock import Clock
from pipeline.core.errors import SpeakingError
from pipeline.core.events import Clause, ReplyId
from pipeline.core.pcm import Pcm
from pipeline.session.line import Line
from pipeline.session.presence import Presence
from pipeline.session.shape import ReplyShape
from pipeline.speaking.phrases import PhraseBook
from pipeline.speaking.playhead import Playhead
from pipeline.speaking.playout import Playout
from pipeline.speaking.recorder import Recorder
from pipeline.speaking.speaker import Speaker

MISSED = 0.5
"""Seconds at the end of a reply that may be missing without being missed."""

Say = Callable[[str], Awaitable[None]]
"""Says a filler, unless the reply has begun."""


class Delivered(Protocol):
    """What a delivery asks of its reply, and tells it."""

    async def send(self, pcm: Pcm, last: bool, *, filler: str = "") -> None:
        """Hand a frame to the client, once that may be."""
        ...

    async def spoken(self, clause: Clause) -> None:
        """Take note that the first sound of a clause is there."""
        ...

    async def failed(self, error: SpeakingError) -> None:
        """Take note that the voice failed."""
        ...

    async def keep_company(self, say: Say) -> None:
        """Keep the caller company by ``say`` until the reply begins."""
        ...

    def interrupted(self) -> None:
        """Take note that the client was lost."""
        ...


@dataclass(frozen=True, slots=True)
class Means:
    """What a reply is delivered by."""

    line: Line
    voice: PhraseBook
    shape: ReplyShape
    clock: Clock
    presence: Presence


class Delivery:
    """Delivers one reply."""

    def __init__(self, means: Means, reply: Delivered) -> None:
        """Prepare it; nothing happens before ``run``."""
        self.playhead = Playhead(means.line.output_rate)
        self._means = means
        self._reply = reply
        self.recorder = Recorder(means.voice)
        self._clauses: list[Clause] = []
        """All that were written, in order."""
        self._heard = 0
        """How many of them were heard to their end before the client was lost."""
        self._lost_at: float | None = None
        """When the client was there last, while it is not delivered to."""
        self._failed = False
        self._reported = anyio.Event()

    async def run(self, clauses: ObjectReceiveStream[Clause], number: Callable[[], ReplyId]) -> None:
        """Speak and send all clauses; return when the caller has heard them. ``number`` is the reply's."""
        presence = self._means.presence
        while True:
            with presence.stay():
                self._go_back(number())
                await self._deliver(clauses)
                return
            if self._lost_at is None:
                self._lost_at = presence.heard_at
            self._reply.interrupted()
            await self._write_on(clauses)
            if self._failed:
                return

    def played(self, played_ms: int) -> None:
        """Take the client's word for how far it has played, with which it is done."""
        self.playhead.reported(played_ms)
        self._reported.set()

    def heard(self, at: float) -> str:
        """Return the text that the caller has heard by an instant."""
        return self.playhead.heard(self._there_at(at))

    def heard_ms(self, at: float) -> int:
        """Return how much the caller has heard by an instant, in milliseconds of sound."""
        return self.playhead.heard_ms(self._there_at(at))

    def missed(self, number: ReplyId) -> tuple[str, str]:
        """Return what was heard of a reply that is over, and what was not, because the client had been lost before."""
        presence = self._means.presence
        if self._failed:
            return "", ""
        rate, played = self._means.line.output_rate, presence.played_of(number)
        playhead, whole = self.playhead.again(presence.heard_at + MISSED, rate, played)
        return playhead.heard(presence.heard_at), "".join(one.text for one in self._clauses[self._heard + whole :])

    async def clients_word(self) -> None:
        """Wait a little for the client to say how much it has played."""
        if self._means.presence.reports_playback:
            with anyio.move_on_after(self._means.shape.playout.report_wait):
                await self._reported.wait()

    def _there_at(self, at: float) -> float:
        """Return the last instant up to ``at`` at which the client was there."""
        if self._lost_at is not None:
            return min(at, self._lost_at)
        presence = self._means.presence
        return min(at, presence.heard_at) if presence.away else at

    def _go_back(self, number: ReplyId) -> None:
        """Begin with the clause that was being heard when the client was lost, if it was."""
        if self._lost_at is None:
            return
        rate, played = self._means.line.output_rate, self._means.presence.played_of(number)
        self.playhead, heard = self.playhead.again(self._lost_at, rate, played)
        self._heard += heard
        self._lost_at = None
        self._reported = anyio.Event()

    async def _deliver(self, clauses: ObjectReceiveStream[Clause]) -> None:
        """Speak and send what is still to be heard, and wait until it was."""
        means, reply, rate = self._means, self._reply, self._means.line.output_rate
        frames_in, frames = anyio.create_memory_object_stream[Pcm](means.shape.channels.speech_frames)
        lead = means.shape.playout.lead if means.shape.paced else None
        playout = Playout(self.playhead, means.clock, lead=lead, send=reply.send)

        async def say(filler: str) -> None:
            with means.presence.stay():
                sound = means.voice.frames(filler, means.shape.language, rate, means.shape.playout.frame)
                await playout.fill(sound, partial(reply.send, filler=filler))

        # Both ends close here: a task that is cancelled before its first step closes nothing.
        async with frames_in, frames, anyio.create_task_group() as tasks:
            tasks.start_soon(self._speak, clauses, frames_in, rate)
            tasks.start_soon(reply.keep_company, say)
            await playout.run(frames, rate)
            tasks.cancel_scope.cancel()  # who keeps company may still be waiting
        if self.playhead.dry_at is not None:
            await anyio.sleep(max(0.0, self.playhead.dry_at - means.clock.now()))
            await self.clients_word()

    async def _speak(self, clauses: ObjectReceiveStream[Clause], frames: ObjectSendStream[Pcm], rate: int) -> None:
        means = self._means
        speaker = Speaker(
            self.recorder, self.playhead, rate=rate, frame=means.shape.playout.frame, ready=self._reply.spoken
        )
        left = self._left(clauses)
        spoken = speaker.frames(left)
        async with frames:
            try:
                async for frame in spoken:
                    await frames.send(frame)
            except SpeakingError as error:
                self._failed = True
                await self._reply.failed(error)
                # The writer may be waiting for room: without a speaker there will be none.
                await clauses.aclose()
            finally:
                with anyio.CancelScope(shield=True):
                    await spoken.aclose()
                    await left.aclose()

    async def _left(self, clauses: ObjectReceiveStream[Clause]) -> AsyncGenerator[Clause, None]:
        """Yield the clauses that are still to be heard, as they are written."""
        for clause in self._clauses[self._heard :]:
            yield clause
        if not self._failed:
            async for clause in clauses:
                self._clauses.append(clause)
                yield clause

    async def _write_on(self, clauses: ObjectReceiveStream[Clause]) -> None:
        """Take what the model writes, until the client is back."""

        async def take() -> None:
            if not self._failed:
                async for clause in clauses:
                    self._clauses.append(clause)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(take)
            await self._means.presence.there()
            tasks.cancel_scope.cancel()
