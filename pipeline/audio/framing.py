"""Framer: sound cut anywhere in, frames of one length out."""

from pipeline.core.pcm import SAMPLE_BYTES, Pcm


class Framer:
    """Cuts one stream into frames of ``frame_samples``, however it arrives. Keeps less than a frame.

    ``start`` counts on from the first piece; pieces are taken to follow one another.
    """

    def __init__(self, frame_samples: int) -> None:
        """Raises ValueError for a frame without samples."""
        if frame_samples < 1:
            raise ValueError(f"a frame of {frame_samples} samples")
        self._frame_samples = frame_samples
        self._kept: Pcm | None = None

    def feed(self, pcm: Pcm) -> list[Pcm]:
        """Return the frames that ``pcm`` completes, in order. Raises ValueError when the rate changes."""
        kept = self._kept
        if kept is None:
            kept = Pcm(b"", pcm.rate, pcm.start)
        if pcm.rate != kept.rate:
            raise ValueError(f"a stream at {kept.rate} Hz went on at {pcm.rate} Hz")
        samples = kept.data + pcm.data
        frame_bytes = self._frame_samples * SAMPLE_BYTES
        whole = len(samples) - len(samples) % frame_bytes
        frames = [
            Pcm(samples[at : at + frame_bytes], pcm.rate, kept.start + at // SAMPLE_BYTES)
            for at in range(0, whole, frame_bytes)
        ]
        self._kept = Pcm(samples[whole:], pcm.rate, kept.start + whole // SAMPLE_BYTES)
        return frames

    def rest(self) -> Pcm | None:
        """Return what is left of the stream, shorter than a frame, and forget it; None when nothing is left."""
        rest, self._kept = self._kept, None
        return rest if rest is not None and rest.samples else None
