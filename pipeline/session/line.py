"""Line: what a call needs of its way in. Every entrance gives the session one; calls do not differ by entrance."""

from dataclasses import dataclass
from typing import Protocol

from anyio.streams.memory import MemoryObjectReceiveStream

from pipeline.core.events import CallEvent, ClientEvent, ReplyId, TurnId
from pipeline.core.pcm import MicFrame, Pcm


@dataclass(frozen=True, slots=True)
class ReplyAudio:
    """A frame of a reply on its way to the client."""

    turn: TurnId
    reply: ReplyId
    pcm: Pcm
    """At the line's output rate; ``pcm.start`` counts from the start of the reply."""
    last: bool
    """No audio of this reply follows."""
    filler: bool = False
    """It keeps the caller company; the answer is still to come."""


class Line(Protocol):
    """One client's side of a call."""

    @property
    def microphone(self) -> MemoryObjectReceiveStream[MicFrame]:
        """Return the caller's sound in order; its end means that no more will come, not why."""
        ...

    @property
    def requests(self) -> MemoryObjectReceiveStream[ClientEvent]:
        """Return what the client asks for, in order; its end means that the client has closed its half."""
        ...

    @property
    def output_rate(self) -> int:
        """Return the rate of reply audio in hertz."""
        ...

    async def send(self, event: CallEvent) -> None:
        """Tell the client. Overtakes queued audio; returns once the event is queued.

        A ReplyStopped also drops the queued audio of its reply, before anything else is sent.
        """
        ...

    async def play(self, audio: ReplyAudio) -> None:
        """Hand over a frame; blocks while the line's short audio queue is full."""
        ...


class PassingLine:
    """A line that stands before another and passes everything on. What it is for, its heirs do on the way."""

    def __init__(self, line: Line) -> None:
        """Stand before ``line``."""
        self._line = line

    @property
    def microphone(self) -> MemoryObjectReceiveStream[MicFrame]:
        """Return the caller's sound."""
        return self._line.microphone

    @property
    def requests(self) -> MemoryObjectReceiveStream[ClientEvent]:
        """Return what the client asks for."""
        return self._line.requests

    @property
    def output_rate(self) -> int:
        """Return the rate of reply audio in hertz."""
        return self._line.output_rate

    async def send(self, event: CallEvent) -> None:
        """Tell the client."""
        await self._line.send(event)

    async def play(self, audio: ReplyAudio) -> None:
        """Hand over a frame."""
        await self._line.play(audio)
