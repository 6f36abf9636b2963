"""Microphone: the way of the caller's sound from the client's messages to hearing."""

from pipeline.audio.g711 import alaw_decode, mulaw_decode
from pipeline.audio.resample import Resampler
from pipeline.core.clock import Clock
from pipeline.core.errors import EntranceError
from pipeline.core.pcm import SAMPLE_BYTES, MicFrame, Pcm
from pipeline.core.stages import VAD_RATE
from pipeline.entrances.sound_channel import SoundChannel
from pipeline.entrances.switchboard import AudioForm, Encoding

LONGEST_CHUNK = 0.2
"""Longest sound of one message, in seconds."""
LONGEST_GAP = 5.0
"""Lost sound up to so many seconds is filled with silence; more would only keep hearing busy."""
LONGEST_JUMP = 24 * 3600.0
"""A sample offset so many seconds ahead is a mistake."""


class Microphone:
    """The sound of one call: decoded, put in its place on the audio clock, at 16 kHz.

    Any cut of the same bytes into chunks gives the same sound, half samples included.
    """

    def __init__(self, form: AudioForm, sound: SoundChannel, clock: Clock) -> None:
        """Hear nothing yet; what comes will go into ``sound``."""
        self._form = form
        self._sound = sound
        self._clock = clock
        self._resampler = Resampler(form.rate, VAD_RATE)
        self._place = 0
        """Samples of the audio clock so far, those that were lost included."""
        self._origin: int | None = None
        """The client's number of the audio clock's first sample."""
        self._half = b""
        """The first byte of a LINEAR16 sample whose other byte is still to come."""

    def hear(self, data: bytes, offset: int | None = None, *, discontinuity: bool = False) -> list[EntranceError]:
        """Take one message's bytes; return what was wrong with it. Sound that can be used is used.

        ``offset`` is the client's number of the first sample. Codes: ``invalid-value`` (field ``audio.data`` or
        ``audio.sample_offset``).
        """
        problem = self._refusal(data, offset)
        if problem is not None:
            self._skip((len(self._half) + len(data)) // self._form.encoding.sample_bytes)
            return [problem]
        problems: list[EntranceError] = []
        gap = 0 if offset is None else self._gap(offset)
        if self._half and (gap > 0 or discontinuity):
            problems.append(_wrong("audio.data", "before this message ended in the middle of a sample"))
        if gap or discontinuity:
            self._half = b""
        if gap < 0:
            data, problem = self._overlap(data, gap, discontinuity=discontinuity)
        elif gap > 0 or discontinuity:
            problem = self._bridge(gap, discontinuity=discontinuity)
        if problem is not None:
            problems.append(problem)
        self._pass_on(self._decoded(data))
        return problems

    def change(self, form: AudioForm) -> None:
        """Take sound in another form, from another client: its numbers begin anew, the audio clock goes on."""
        self._skip(0)
        self._place = round(self._place * form.rate / self._form.rate)
        self._origin = None
        self._form = form
        self._resampler = Resampler(form.rate, VAD_RATE)

    def end(self) -> list[EntranceError]:
        """Pass on what is still held back and end the stream; return what was wrong."""
        self._emit(self._resampler.flush())
        self._sound.end()
        return [_wrong("audio.data", "ended in the middle of a sample")] if self._half else []

    def _refusal(self, data: bytes, offset: int | None) -> EntranceError | None:
        """Return why a message cannot be used at all."""
        duration = len(data) // self._form.encoding.sample_bytes / self._form.rate
        if not data:
            return _wrong("audio.data", "is empty; allowed: at least one byte")
        if duration > LONGEST_CHUNK:
            return _wrong(
                "audio.data", f"holds {duration * 1000:.0f} ms of sound; allowed: at most {LONGEST_CHUNK * 1000:.0f} ms"
            )
        if offset is not None and self._gap(offset) > LONGEST_JUMP * self._form.rate:
            return _wrong("audio.sample_offset", f"jumps ahead to {offset}; allowed: at most {LONGEST_JUMP:.0f} s")
        return None

    def _gap(self, offset: int) -> int:
        """Return how many samples lie between what was heard and ``offset``; negative where they overlap."""
        if self._origin is None:
            self._origin = offset - self._place
        return offset - self._origin - self._place

    def _bridge(self, gap: int, *, discontinuity: bool) -> EntranceError | None:
        """Fill lost sound with silence, or skip it."""
        if not discontinuity and gap <= LONGEST_GAP * self._form.rate:
            self._pass_on(bytes(gap * SAMPLE_BYTES))
            return None
        self._skip(gap)
        if discontinuity:
            return None
        return _wrong(
            "audio.sample_offset",
            f"jumps {gap / self._form.rate:.1f} s ahead, which were skipped; up to {LONGEST_GAP:.0f} s are filled",
        )

    def _overlap(self, data: bytes, gap: int, *, discontinuity: bool) -> tuple[bytes, EntranceError | None]:
        """Return the part of ``data`` that was not heard yet."""
        if not discontinuity and -gap <= LONGEST_GAP * self._form.rate:
            return data[-gap * self._form.encoding.sample_bytes :], None
        self._origin = (self._origin or 0) + gap
        self._skip(0)
        if discontinuity:
            return data, None
        return data, _wrong(
            "audio.sample_offset", f"jumps {-gap / self._form.rate:.1f} s back; counting goes on from there"
        )

    def _decoded(self, data: bytes) -> bytes:
        """Return whole 16-bit samples, and keep the half of one that is cut off."""
        match self._form.encoding:
            case Encoding.MULAW:
                return mulaw_decode(data)
            case Encoding.ALAW:
                return alaw_decode(data)
            case Encoding.LINEAR16:
                data = self._half + data
                whole = len(data) - len(data) % SAMPLE_BYTES
                self._half = data[whole:]
                return data[:whole]

    def _pass_on(self, samples: bytes) -> None:
        pcm = Pcm(samples, self._form.rate, self._place)
        self._place += pcm.samples
        self._emit(self._resampler.feed(pcm))

    def _skip(self, samples: int) -> None:
        """Move on without sound; what comes next does not touch what came before."""
        self._emit(self._resampler.flush())
        self._place += samples
        self._half = b""

    def _emit(self, pcm: Pcm) -> None:
        if pcm.samples:
            self._sound.put(MicFrame(pcm, self._clock.now()))


def _wrong(field: str, problem: str) -> EntranceError:
    return EntranceError("invalid-value", f"{field} {problem}", field=field)
