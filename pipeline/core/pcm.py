"""Pcm: a stretch of mono sound with its place on the audio clock."""

from dataclasses import dataclass

SAMPLE_BYTES = 2
"""Bytes of one sample: signed 16 bit, little-endian."""


@dataclass(frozen=True, slots=True)
class Pcm:
    """Mono sound, signed 16 bit little-endian, of any length.

    Raises ValueError for an odd number of bytes or a rate below 1 Hz.
    """

    data: bytes
    """Samples, two bytes each."""
    rate: int
    """Samples per second, in hertz."""
    start: int = 0
    """Samples of this rate since the first of its stream: where this stretch lies on the audio clock."""

    def __post_init__(self) -> None:
        if len(self.data) % SAMPLE_BYTES:
            raise ValueError(f"Pcm of {len(self.data)} bytes: 16-bit samples need an even number")
        if self.rate < 1:
            raise ValueError(f"Pcm at {self.rate} Hz")

    @property
    def samples(self) -> int:
        """Return the number of samples."""
        return len(self.data) // SAMPLE_BYTES

    @property
    def duration(self) -> float:
        """Return the length in seconds."""
        return self.samples / self.rate

    @property
    def audio_at(self) -> float:
        """Return the audio instant of the first sample, in seconds since the stream began."""
        return self.start / self.rate

    @property
    def audio_end(self) -> float:
        """Return the audio instant behind the last sample, in seconds since the stream began."""
        return (self.start + self.samples) / self.rate


@dataclass(frozen=True, slots=True)
class MicFrame:
    """A stretch of the caller's sound and when it arrived."""

    pcm: Pcm
    """16 kHz, any length; gaps that the client reported are filled with silence."""
    at: float
    """Instant of arrival on the call's clock, in seconds."""


def joined(pieces: list[Pcm]) -> Pcm:
    """Return consecutive pieces of one stream as one. Raises ValueError for none, or for mixed rates."""
    if not pieces:
        raise ValueError("no audio to join")
    rate = pieces[0].rate
    if any(piece.rate != rate for piece in pieces):
        raise ValueError("pieces of different rates do not join")
    return Pcm(b"".join(piece.data for piece in pieces), rate, pieces[0].start)


def silence(duration: float, rate: int, start: int = 0) -> Pcm:
    """Return ``duration`` seconds of silence."""
    return Pcm(bytes(SAMPLE_BYTES * round(duration * rate)), rate, start)
