"""DiscreetLine: a line whose client is told what a call's discretion allows."""

from anyio.streams.memory import MemoryObjectReceiveStream

from pipeline.core.events import CallEvent, ClientEvent
from pipeline.core.pcm import MicFrame
from pipeline.dialog.discretion import Discretion
from pipeline.session.line import Line, ReplyAudio


class DiscreetLine:
    """Passes on all but personal data in what the client is told of the caller's words."""

    def __init__(self, line: Line, discretion: Discretion) -> None:
        """Stand before ``line``."""
        self._line = line
        self._discretion = discretion

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
        told = self._discretion.caption(event)
        if told is not None:
            await self._line.send(told)

    async def play(self, audio: ReplyAudio) -> None:
        """Hand over a frame."""
        await self._line.play(audio)
