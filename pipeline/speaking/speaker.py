"""Speaker: clauses in, frames of speech out, in order, at the line's rate."""

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable

from pipeline.audio.framing import Framer
from pipeline.audio.resample import Resampler
from pipeline.core.events import Clause
from pipeline.core.pcm import Pcm
from pipeline.core.stages import Said, Synthesizer
from pipeline.speaking.playhead import Playhead
from pipeline.speaking.script import spoken, written_until


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
        self._rates = (synthesizer.rate, rate)
        self._spoken = 0
        """Samples that the voice has made."""

    async def frames(self, clauses: AsyncIterable[Clause]) -> AsyncGenerator[Pcm, None]:
        """Yield the speech of all clauses in order; the last frame is padded with silence. Raises SpeakingError."""
        async for clause in clauses:
            begin = self._spoken
            said = clause.said or (Said(clause.text, clause.text),)
            self._playhead.clause_begins(clause.text, self._on_the_line(begin))
            pieces = self._synthesizer.speak(spoken(said))
            try:
                first = True
                async for piece in pieces:
                    if first:
                        await self._ready(clause)
                        first = False
                    self._spoken += piece.pcm.samples
                    for word in piece.words:
                        heard = written_until(said, word.characters)
                        self._playhead.word_ends(heard, self._on_the_line(begin + word.samples))
                    for frame in self._framer.feed(self._resampler.feed(piece.pcm)):
                        yield frame
            finally:
                await pieces.aclose()
            self._playhead.clause_ends(self._on_the_line(self._spoken))
        for frame in self._framer.feed(self._resampler.flush()):
            yield frame
        rest = self._framer.rest()
        if rest is not None:
            missing = self._frame_samples - rest.samples
            yield Pcm(rest.data + bytes(2 * missing), rest.rate, rest.start)

    def _on_the_line(self, samples: int) -> int:
        """Return which sample of the reply is this one of the voice's: the resampler is late, but moves nothing."""
        voice, line = self._rates
        return round(samples * line / voice)
