"""EchoingLine: a line whose microphone may hear its speaker, and the instant at which each frame is played."""

from collections.abc import Callable

from pipeline.core.clock import Clock
from pipeline.core.events import CallEvent, CallSuspended, ReplyStopped
from pipeline.core.pcm import Pcm
from pipeline.session.line import Line, PassingLine, ReplyAudio


class EchoingLine(PassingLine):
    """Passes everything on. The client is taken to play frames back to back as they arrive, from no buffer."""

    def __init__(self, line: Line, played: Callable[[Pcm, float], None], clock: Clock) -> None:
        """Tell ``played`` each frame and the instant from which it is played."""
        super().__init__(line)
        self._played = played
        self._clock = clock
        self._dry_at = clock.now()

    async def send(self, event: CallEvent) -> None:
        """Tell the client. What is queued of a reply that was stopped will not be played."""
        if isinstance(event, ReplyStopped | CallSuspended):
            self._dry_at = self._clock.now()
        await super().send(event)

    async def play(self, audio: ReplyAudio) -> None:
        """Hand over a frame."""
        await super().play(audio)
        at = max(self._clock.now(), self._dry_at)
        self._dry_at = at + audio.pcm.duration
        self._played(audio.pcm, at)
