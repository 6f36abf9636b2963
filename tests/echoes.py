"""Lines without echo cancellation: what a microphone hears of what is played, alone and with a caller over it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.audio.g711 import mulaw_decode, mulaw_encode
from pipeline.audio.resample import Resampler
from pipeline.core.pcm import Pcm
from pipeline.core.stages import VAD_RATE, VAD_WINDOW_SAMPLES
from pipeline.hearing.echo import EchoGate

FRAME = 0.02
"""Seconds of a played frame."""
LEAD = 0.2
"""Seconds by which frames are sent ahead of their playing."""
BEFORE, BEHIND = 0.5, 1.0
"""Seconds of the call before the reply and behind it."""
START = 1000.0
"""Instant at which the call begins."""
NOISE_DBFS = -62.0
SLIPS = 2.0
LATEST = 0.06
"""Seconds by which a piece of the caller's sound arrives late at most."""

Samples = npt.NDArray[np.float64]
"""-1 to 1."""


@dataclass(frozen=True, slots=True)
class EchoLine:
    """A way from the speaker to the microphone."""

    delay: float
    """Seconds, all buffers and networks included."""
    attenuation: float
    """Decibels of the echo below what is played."""
    rate: int = 8_000
    """8 kHz: a telephone line, mu-law both ways; 16 kHz: a kiosk."""
    room: bool = False
    """A speaker that distorts, in a room that reverberates for 0.2 to 0.4 s; else a hybrid that rings for 12 ms."""
    drift: float = 0.0
    """Share by which the microphone's clock is slower than the speaker's."""
    slip: float = 0.0
    """Seconds by which the delay grows every ``SLIPS`` seconds, as a buffer does that ran dry."""


def samples_of(pcm: Pcm, rate: int) -> Samples:
    """Return sound at a rate."""
    resampler = Resampler(pcm.rate, rate)
    return np.frombuffer(resampler.feed(Pcm(pcm.data, pcm.rate)).data + resampler.flush().data, "<i2") / 32768


def pcm_of(samples: Samples, rate: int) -> Pcm:
    """Return samples as sound; what is too loud is clipped."""
    return Pcm(np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2").tobytes(), rate)


def at_level(samples: Samples, dbfs: float) -> Samples:
    """Return speech at a level, pauses not counted."""
    return samples * 10 ** (dbfs / 20) / level(samples)


def level(samples: Samples) -> float:
    """Return the root mean square of the part of it that is not silent; 1 where all of it is."""
    pieces = (samples[: len(samples) // 160 * 160].reshape(-1, 160) ** 2).mean(axis=1)
    loud = pieces[pieces > 1e-3 * pieces.max()] if len(pieces) else pieces
    return float(np.sqrt(loud.mean())) if len(loud) else 1.0


def coded(samples: Samples, rate: int) -> Samples:
    """Return what is left of sound that went over the line: a telephone codes it."""
    if rate != 8_000:
        return np.clip(samples, -1.0, 1.0)
    return samples_of(Pcm(mulaw_decode(mulaw_encode(pcm_of(samples, rate).data)), rate), rate)


def returned(played: Samples, line: EchoLine, choice: np.random.Generator) -> Samples:
    """Return the echo of what is played, as long as it."""
    sound = played
    if line.room:
        drive = choice.uniform(1.0, 4.0)
        sound = np.tanh(_without_bass(sound, line.rate, choice.uniform(150, 350)) * drive) / drive
    response = _response(line, choice)
    size = 1 << (len(sound) + len(response)).bit_length()
    filtered = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size), size)
    times = np.arange(len(played))
    late = round(line.delay * line.rate) + line.drift * times
    late = late + round(line.slip * line.rate) * (times // round(SLIPS * line.rate))
    echo: Samples = np.interp(times - late, times, filtered[: len(played)], left=0.0)
    return echo * 10 ** (-line.attenuation / 20)


@dataclass(frozen=True, slots=True)
class EchoCall:
    """A reply and what comes back while it plays."""

    rate: int
    reply: Samples
    """As it is sent, from ``BEFORE`` on."""
    microphone: Samples
    """From the call's beginning."""
    lateness: tuple[float, ...] = ()
    """Seconds by which each window arrives late; none where it is empty."""
    begins: float = 0.0
    """Where on the call's audio clock it begins."""

    def windows(self) -> list[Pcm]:
        """Return what a voice detector is given."""
        sound = pcm_of(samples_of(pcm_of(self.microphone, self.rate), VAD_RATE), VAD_RATE)
        size, first = VAD_WINDOW_SAMPLES, round(self.begins * VAD_RATE)
        places = range(0, sound.samples - size + 1, size)
        return [Pcm(sound.data[2 * at : 2 * (at + size)], VAD_RATE, first + at) for at in places]

    def heard(self, gate: EchoGate) -> Iterator[tuple[Pcm, float]]:
        """Yield each window and its arrival; ``gate`` has been told what was sent until then."""
        size = round(FRAME * self.rate)
        frames = [self.reply[at : at + size] for at in range(0, len(self.reply), size)]
        sent, plays_at = 0, START + self.begins + BEFORE
        for index, window in enumerate(self.windows()):
            at = START + window.audio_end + (self.lateness[index] if self.lateness else 0.0)
            while sent < len(frames) and plays_at + sent * FRAME - LEAD <= at:
                gate.played(pcm_of(frames[sent], self.rate), plays_at + sent * FRAME)
                sent += 1
            yield window, at


def echo_call(
    reply: Samples, line: EchoLine, choice: np.random.Generator, *, caller: Samples | None = None, says_at: float = 0.0
) -> EchoCall:
    """Return a call in which ``reply`` comes back; ``caller`` begins to speak at ``says_at`` seconds of it.

    An infinite attenuation gives a line without echo.
    """
    sent = coded(reply, line.rate)
    before, behind = (np.zeros(round(seconds * line.rate)) for seconds in (BEFORE, BEHIND + line.delay))
    microphone = returned(np.concatenate((before, sent, behind)), line, choice)
    microphone = microphone + choice.standard_normal(len(microphone)) * 10 ** (NOISE_DBFS / 20)
    if caller is not None:
        begins = round(says_at * line.rate)
        said = caller[: len(microphone) - begins]
        microphone[begins : begins + len(said)] += said
    count = len(microphone) * VAD_RATE // line.rate // VAD_WINDOW_SAMPLES + 1
    lateness = np.minimum(choice.exponential(0.006, count), LATEST)
    return EchoCall(line.rate, sent, coded(microphone, line.rate), tuple(lateness.tolist()))


def _response(line: EchoLine, choice: np.random.Generator) -> Samples:
    """Return an impulse response of unit energy."""
    if line.room:
        reverberation = choice.uniform(0.2, 0.4)
        times = np.arange(round(1.1 * reverberation * line.rate)) / line.rate
        tail = choice.standard_normal(len(times)) * np.exp(-6.91 * times / reverberation) * (times > 0.002)
        tail *= 10 ** (choice.uniform(-8, 3) / 20) / np.sqrt(np.sum(tail**2))
        response = np.concatenate(([1.0], tail[1:]))
    else:
        times = np.arange(round(0.012 * line.rate)) / line.rate
        response = choice.standard_normal(len(times)) * np.exp(-times / choice.uniform(0.0005, 0.002))
        response[0] += choice.choice([-1, 1]) * choice.uniform(1, 3)
    normal: Samples = response / np.sqrt(np.sum(response**2))
    return normal


def _without_bass(samples: Samples, rate: int, corner: float) -> Samples:
    frequencies = np.fft.rfftfreq(len(samples), 1 / rate)
    high: Samples = np.fft.irfft(np.fft.rfft(samples) * frequencies**2 / (frequencies**2 + corner**2), n=len(samples))
    return high
