"""DiscreetLine: where what happens in a call is told, to its client and to the log, as its discretion allows."""

from collections.abc import Callable

from anyio.streams.memory import MemoryObjectReceiveStream

from pipeline.core.events import CallEvent, ClientEvent
from pipeline.core.pcm import MicFrame
from pipeline.dialog.discretion import Discretion
from pipeline.session.line import Line, ReplyAudio


class DiscreetLine:
    """Passes on all but personal data in what is told of the caller's words."""

    def __init__(self, line: Line, discretion: Discretion, observe: Callable[[CallEvent], None]) -> None:
        """Stand before ``line``; ``observe`` sees every event first."""
        self._line = line
        self._discretion = discretion
        self._observe = observe

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
        """Tell the log and the client."""
        kept = await self._discretion.kept(event)
        self._observe(kept)
        told = self._discretion.caption(event, kept)
        if told is not None:
            await self._line.send(told)

    async def play(self, audio: ReplyAudio) -> None:
        """Hand over a frame."""
        await self._line.play(audio)
