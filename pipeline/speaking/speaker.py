"""Speaker: clauses in, frames of speech out, in order, at the line's rate."""

from collections.abc import AsyncGenerator, Awaitable, Callable

from anyio.abc import ObjectReceiveStream

from pipeline.audio.framing import Framer
from pipeline.audio.resample import Resampler
from pipeline.core.events import Clause
from pipeline.core.pcm import Pcm
from pipeline.core.stages import Synthesizer
from pipeline.speaking.playhead import Playhead


class Speaker:
    """Speaks one reply."""

    def __init__(
        self,
        synthesizer: Synthesizer,
        playhead: Playhead,
        *,
        rate: int,
        frame: float,
        ready: Callable[[Clause], Awaitable[None]],
    ) -> None:
        """Make frames of ``frame`` seconds at ``rate`` hertz; ``ready`` is called at the first audio of each clause."""
        self._synthesizer = synthesizer
        self._playhead = playhead
        self._resampler = Resampler(synthesizer.rate, rate)
        self._frame_samples = round(frame * rate)
        self._framer = Framer(self._frame_samples)
        self._ready = ready
        self._made = 0

    async def frames(self, clauses: ObjectReceiveStream[Clause]) -> AsyncGenerator[Pcm, None]:
        """Yield the speech of all clauses in order; the last frame is padded with silence. Raises SpeakingError."""
        async for clause in clauses:
            self._playhead.clause_begins(clause.text, self._made)
            pieces = self._synthesizer.speak(clause.text)
            try:
                first = True
                async for piece in pieces:
                    if first:
                        await self._ready(clause)
                        first = False
                    for frame in self._framed(self._resampler.feed(piece)):
                        yield frame
            finally:
                await pieces.aclose()
            self._playhead.clause_ends(self._made)
        for frame in self._framed(self._resampler.flush()):
            yield frame
        rest = self._framer.rest()
        if rest is not None:
            missing = self._frame_samples - rest.samples
            yield Pcm(rest.data + bytes(2 * missing), rest.rate, rest.start)

    def _framed(self, pcm: Pcm) -> list[Pcm]:
        self._made += pcm.samples
        return list(self._framer.feed(pcm))
