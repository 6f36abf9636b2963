"""Sound for engines: recordings at 16 kHz, and what is no speech at all."""

from collections.abc import AsyncIterator, Callable, Sequence

import numpy as np
import numpy.typing as npt

from pipeline.audio.resample import resampled
from pipeline.audio.wav import read_wav
from pipeline.core.pcm import Pcm, joined, silence
from pipeline.core.stages import VAD_RATE, VAD_WINDOW_SAMPLES, Speech
from tests.recordings import Prompt

Floats = npt.NDArray[np.float64]

DURATION = 3.0
_TIMES = np.arange(round(DURATION * VAD_RATE)) / VAD_RATE
_NOISE = np.random.default_rng(5).standard_normal(len(_TIMES))

NO_SPEECH: dict[str, Floats] = {
    "silence": np.zeros_like(_TIMES),
    "faint noise": 0.0005 * _NOISE,
    "noise": 0.1 * _NOISE,
    "clipped noise": np.sign(_NOISE),
    "bursts of noise": 0.3 * _NOISE * (np.sin(2 * np.pi * 3 * _TIMES) > 0),
    "rumble": 0.3 * np.cumsum(_NOISE) / np.abs(np.cumsum(_NOISE)).max(),
    "a constant": np.full_like(_TIMES, 0.5),
    "full scale": np.ones_like(_TIMES),
    "mains hum": 0.3 * np.sin(2 * np.pi * 50 * _TIMES),
    "a tone": 0.3 * np.sin(2 * np.pi * 440 * _TIMES),
    "a whistle": 0.3 * np.sin(2 * np.pi * 3000 * _TIMES),
    "a key press": 0.3 * (np.sin(2 * np.pi * 697 * _TIMES) + np.sin(2 * np.pi * 1209 * _TIMES)),
    "a square wave": 0.9 * np.sign(np.sin(2 * np.pi * 200 * _TIMES)),
    "clicks": (np.arange(len(_TIMES)) % 8000 == 0).astype(np.float64),
}


def pcm(samples: Floats) -> Pcm:
    """Return samples of -1 to 1 at 16 kHz."""
    return Pcm((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes(), VAD_RATE)


def at_16k(sound: Pcm) -> Pcm:
    """Return sound of any rate at 16 kHz."""
    return resampled(sound, VAD_RATE)


def heard(prompt: Prompt) -> Pcm:
    """Return a recording as an utterance: at 16 kHz, with silence around it."""
    return joined([silence(0.3, VAD_RATE), at_16k(read_wav(prompt.path)), silence(0.3, VAD_RATE)])


def windows(sound: Pcm) -> list[Pcm]:
    """Return the whole windows of a sound."""
    size = 2 * VAD_WINDOW_SAMPLES
    return [Pcm(sound.data[at : at + size], VAD_RATE) for at in range(0, len(sound.data) - size + 1, size)]


async def spoken(speak: Callable[[str], AsyncIterator[Speech]], text: str) -> Pcm:
    """Return what a synthesizer makes of ``text``."""
    return joined([piece.pcm async for piece in speak(text)])


def sentences(prompts: Sequence[Prompt], count: int) -> list[Prompt]:
    """Return ``count`` recordings of whole sentences, spread over all of them."""
    fit = [p for p in prompts if p.words >= 4 and p.text.isascii() and not set(p.text) & set("#*0123456789…")]
    fit = [p for p in fit if "..." not in p.text and p.path.stat().st_size < 8.5 * 16_000]
    return fit[:: max(len(fit) // count, 1)][:count]
