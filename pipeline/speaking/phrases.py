"""PhraseBook: a synthesizer that knows some texts by heart. Greetings, fillers and apologies come out of it at once.

Clauses of answers that may be given to others are kept for a while, as far as there is room.
"""

from collections.abc import AsyncGenerator, Iterable

from pipeline.audio.framing import Framer
from pipeline.audio.resample import Resampler
from pipeline.core.cache import Cache
from pipeline.core.pcm import SAMPLE_BYTES, Pcm
from pipeline.core.stages import Speech, Synthesizer
from pipeline.settings import Speaking
from pipeline.speaking.script import Script, spoken

SpokenClause = tuple[str, float, int, str]
"""What makes a clause's speech: voice, speed, rate and text."""
SpeechCache = Cache[SpokenClause, tuple[Speech, ...]]

LONGEST = 10.0
"""Seconds of a clause that is kept. Many short ones are worth more than a long one: the caller waits for the first."""
ENTRY_BYTES = 1024
"""Of a clause beside its samples: its text, its words, what holds it."""


class PhraseBook:
    """Speaks known clauses from memory and all others through the synthesizer behind it. Process-wide."""

    def __init__(self, synthesizer: Synthesizer, settings: Speaking, cache: SpeechCache | None = None) -> None:
        """Know nothing yet; learn at most ``phrases_mib`` of phrases, and keep clauses in ``cache``."""
        self._cache = cache
        self._synthesizer = synthesizer
        self._settings = settings
        self._known: dict[str, tuple[Speech, ...]] = {}
        self._framed: dict[tuple[str, str, int, float], tuple[Pcm, ...]] = {}
        self._bytes = 0

    @property
    def rate(self) -> int:
        """Return the rate of the audio in hertz."""
        return self._synthesizer.rate

    async def learn(self, phrases: Iterable[str], language: str) -> int:
        """Speak each phrase once, clause by clause as a reply would be cut; return how many clauses are known now.

        What no longer fits is not learnt, and is spoken anew each time. Raises SpeakingError.
        """
        room = self._settings.phrases_mib << 20
        for clause in (clause for phrase in phrases for clause in self._cut(phrase, language)):
            if clause in self._known or self._bytes >= room:
                continue
            pieces = tuple([piece async for piece in self._synthesizer.speak(clause)])
            size = sum(len(piece.pcm.data) for piece in pieces)
            if self._bytes + size <= room:
                self._known[clause] = pieces
                self._bytes += size
        return len(self._known)

    async def rehearse(self, text: str, language: str) -> None:
        """Speak the first clause of a text that is the same for everybody, and keep it. Raises SpeakingError."""
        for clause in self._cut(text, language)[:1]:
            if not self.knows(clause):
                self.keep(clause, tuple([piece async for piece in self._synthesizer.speak(clause)]))

    async def speak(self, text: str) -> AsyncGenerator[Speech, None]:
        """Yield the speech of ``text``: at once where it is known, else as the synthesizer does."""
        known = self._known.get(text)
        if known is None and self._cache is not None:
            known = self._cache.get(self._key(text))
        if known is not None:
            for piece in known:
                yield piece
            return
        pieces = self._synthesizer.speak(text)
        try:
            async for piece in pieces:
                yield piece
        finally:
            await pieces.aclose()

    def knows(self, text: str) -> bool:
        """Return whether the speech of ``text`` is there."""
        return text in self._known or (self._cache is not None and self._key(text) in self._cache)

    def keep(self, text: str, pieces: tuple[Speech, ...]) -> None:
        """Keep the whole speech of a clause that holds nothing of any caller, if it is not too long."""
        size = sum(len(piece.pcm.data) for piece in pieces)
        if self._cache is not None and 0 < size <= LONGEST * self.rate * SAMPLE_BYTES:
            self._cache.put(self._key(text), pieces, size=ENTRY_BYTES + size)

    def frames(self, phrase: str, language: str, rate: int, frame: float) -> tuple[Pcm, ...]:
        """Return a phrase's speech at a line's rate, in frames of ``frame`` seconds; none when it is not known.

        Made once for each kind of line.
        """
        key = (phrase, language, rate, frame)
        if key not in self._framed:
            known = [self._known.get(clause) for clause in self._cut(phrase, language)]
            pieces = [piece.pcm.data for clause in known if clause is not None for piece in clause]
            whole = b"" if None in known else b"".join(pieces)
            self._framed[key] = _framed(Pcm(whole, self.rate), rate, frame)
        return self._framed[key]

    @property
    def seconds(self) -> float:
        """Return how much speech is known by heart."""
        return self._bytes / SAMPLE_BYTES / self.rate

    def _key(self, text: str) -> SpokenClause:
        return self._settings.voice, self._settings.speed, self.rate, text

    def _cut(self, phrase: str, language: str) -> list[str]:
        script = Script(self._settings, language)
        return [spoken(clause) for clause in (*script.feed(phrase), *script.flush())]


def _framed(sound: Pcm, rate: int, frame: float) -> tuple[Pcm, ...]:
    resampler, framer = Resampler(sound.rate, rate), Framer(round(frame * rate))
    frames = [*framer.feed(resampler.feed(sound)), *framer.feed(resampler.flush())]
    rest = framer.rest()
    if rest is not None:
        frames.append(Pcm(rest.data + bytes(2 * round(frame * rate) - len(rest.data)), rate, rest.start))
    return tuple(frames)
