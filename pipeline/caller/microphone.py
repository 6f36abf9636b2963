"""Microphone: what the caller says, on an endless line of silence."""

from dataclasses import dataclass

from pipeline.audio.level import first_audible, last_audible
from pipeline.audio.resample import resampled
from pipeline.caller.plan import Utterance
from pipeline.core.pcm import SAMPLE_BYTES, Pcm


@dataclass(frozen=True, slots=True)
class Spoken:
    """An utterance and where it lies on the caller's line, in samples since its first."""

    name: str
    sound: Pcm
    """At the line's rate; ``start`` is where it lies."""

    @property
    def begins_at(self) -> float:
        """Return when its first audible sample is spoken, in seconds since the line's first sample."""
        first = first_audible(self.sound)
        return (self.sound.start if first is None else first) / self.sound.rate

    @property
    def ends_at(self) -> float:
        """Return when its last audible sample has been spoken, in seconds since the line's first sample."""
        last = last_audible(self.sound)
        return (self.sound.start + self.sound.samples if last is None else last + 1) / self.sound.rate


class Microphone:
    """Makes the frames of one call, one after the other. Pure: whoever sends them keeps the time."""

    def __init__(self, rate: int, frame_samples: int) -> None:
        self._rate = rate
        self._frame_bytes = frame_samples * SAMPLE_BYTES
        self._waiting: list[memoryview] = []
        self._sent_bytes = 0
        self.spoken: list[Spoken] = []
        """All utterances so far, the one that is being spoken included."""

    @property
    def speaking(self) -> bool:
        """Return whether there is speech that has not been sent."""
        return bool(self._waiting)

    def say(self, utterance: Utterance) -> Spoken:
        """Begin an utterance with the next frame, or behind the one that is being spoken."""
        samples = resampled(utterance.sound, self._rate).data
        start = (self._sent_bytes + sum(map(len, self._waiting))) // SAMPLE_BYTES
        spoken = Spoken(utterance.name, Pcm(samples, self._rate, start))
        if samples:
            self._waiting.append(memoryview(samples))
        self.spoken.append(spoken)
        return spoken

    def next_frame(self) -> bytes:
        """Return the next frame's samples: speech while there is some, then silence."""
        frame = b""
        while self._waiting and len(frame) < self._frame_bytes:
            speech = self._waiting.pop(0)
            room = self._frame_bytes - len(frame)
            frame += speech[:room]
            if len(speech) > room:
                self._waiting.insert(0, speech[room:])
        self._sent_bytes += self._frame_bytes
        return frame + bytes(self._frame_bytes - len(frame))

    def recording(self) -> Pcm:
        """Return all that has been sent so far."""
        line = bytearray(self._sent_bytes)
        for spoken in self.spoken:
            at = spoken.sound.start * SAMPLE_BYTES
            sent = spoken.sound.data[: max(0, self._sent_bytes - at)]
            line[at : at + len(sent)] = sent
        return Pcm(bytes(line), self._rate)
