"""What a telephone picks up beside its caller: noise, music, a dog, keys, hums. 16 kHz, the same each time, pure numpy.

Sounds of a given length are floats of -1 to 1 at a given level: their root mean square in dB below full scale.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from pipeline.audio.level import first_audible
from pipeline.core.pcm import Pcm
from pipeline.core.stages import VAD_RATE

Floats = npt.NDArray[np.float64]

KEYS = ((697, 1209), (770, 1336), (852, 1477), (941, 1336))
"""Two tones of a key, in hertz: 1, 5, 9 and 0. Source: ITU-T Q.23."""
CHORDS = ((262, 330, 392), (220, 262, 330), (175, 220, 262), (196, 247, 294))
"""C, A minor, F and G, in hertz."""


def at_level(sound: Floats, dbfs: float) -> Floats:
    """Return a sound at a level; silence stays silence."""
    rms = float(np.sqrt(np.mean(sound**2)))
    return sound * (10 ** (dbfs / 20) / rms) if rms else sound


def nothing(seconds: float) -> Floats:
    """Return digital silence."""
    return np.zeros(round(seconds * VAD_RATE))


def white(seconds: float) -> Floats:
    """Return white noise at -35 dBFS: a bad line."""
    return at_level(np.random.default_rng(1).standard_normal(round(seconds * VAD_RATE)), -35)


def pink(seconds: float) -> Floats:
    """Return pink noise at -35 dBFS, as of traffic or a fan: its power falls by 3 dB an octave."""
    spectrum = np.fft.rfft(np.random.default_rng(2).standard_normal(round(seconds * VAD_RATE)))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    return at_level(np.fft.irfft(spectrum, round(seconds * VAD_RATE)), -35)


def babble(voices: Sequence[Pcm], seconds: float, dbfs: float = -50) -> Floats:
    """Return people who talk at once in the background: each of ``voices`` over and over, from a place of its own."""
    samples = round(seconds * VAD_RATE)
    mixed = np.zeros(samples)
    for number, voice in enumerate(voices):
        said = np.frombuffer(voice.data, np.int16) / 32768
        mixed += np.resize(np.roll(said, number * len(said) // len(voices)), samples)
    return at_level(mixed, dbfs)


def music(seconds: float) -> Floats:
    """Return music on hold at -25 dBFS: a chord every two seconds with an arpeggio over it, in vibrato."""
    times = _times(seconds)
    sound = np.zeros_like(times)
    chord = (times // 2).astype(int) % len(CHORDS)
    note = (times / 0.25).astype(int) % 3
    pitches = np.asarray(CHORDS, dtype=np.float64)
    struck = np.exp(-(times % 0.25) / 0.15)
    for voice in range(3):
        sound += 0.3 * _voiced(pitches[chord, voice], times)
    sound += struck * _voiced(2 * pitches[chord, note], times)
    return at_level(sound, -25)


def barking(seconds: float) -> Floats:
    """Return a dog at -25 dBFS: two barks, a pause; each is noise and a falling growl through two formants."""
    noise = np.random.default_rng(3)
    sound = np.zeros(round(seconds * VAD_RATE))
    times = _times(0.3)
    for begin in np.arange(0.5, seconds - 0.8, 1.7):
        for at in (begin, begin + 0.4):
            growl = _saw(500 * np.exp(-times / 0.5) + noise.uniform(0, 60))
            bark = _through(0.5 * noise.standard_normal(len(times)) + growl, (700, 1500))
            start = round(at * VAD_RATE)
            sound[start : start + len(times)] += bark * np.exp(-times / 0.08) * np.minimum(times / 0.01, 1)
    return at_level(sound, -25)


def keys(seconds: float) -> Floats:
    """Return keys pressed at -20 dBFS, each for 0.2 s of 0.5 s."""
    times = _times(seconds)
    pressed = (times / 0.5).astype(int) % len(KEYS)
    tones = np.asarray(KEYS, dtype=np.float64)[pressed]
    sound = np.sin(2 * np.pi * tones[:, 0] * times) + np.sin(2 * np.pi * tones[:, 1] * times)
    return at_level(sound * (times % 0.5 < 0.2), -20)


def mains(seconds: float) -> Floats:
    """Return the hum of a badly earthed line at -30 dBFS: 50 Hz and its odd harmonics."""
    times = _times(seconds)
    waves = [np.sin(2 * np.pi * 50 * harmonic * times) / harmonic for harmonic in (1, 3, 5, 7)]
    return at_level(np.sum(waves, axis=0), -30)


def humming(seconds: float) -> Floats:
    """Return somebody who hums with the lips closed at -12 dBFS: "mm-hm", the second half higher, every 1.5 s.

    So loud it is speech to the voice detector.
    """
    times = _times(seconds)
    within = times % 1.5
    pitch = np.where(within < 0.3, 115, 140) + 15 * np.minimum(within, 0.6)
    loud = (within < 0.25) * np.sin(np.pi * within / 0.25) + ((within > 0.33) & (within < 0.63)) * np.sin(
        np.pi * (within - 0.33) / 0.3
    )
    return at_level(_through(_saw(pitch), (250, 1000)) * np.maximum(loud, 0), -12)


NOISES: dict[str, Callable[[float], Floats]] = {
    "silence": nothing,
    "white noise": white,
    "pink noise": pink,
    "music on hold": music,
    "a barking dog": barking,
    "keys": keys,
    "mains hum": mains,
    "a hum": humming,
}
"""All that need no voices."""


def over(speech: Pcm, noise: Floats, snr: float, before: float, after: float) -> Floats:
    """Return speech with noise under it, and alone for ``before`` and ``after`` seconds around it.

    ``snr`` is the ratio of their powers in dB. Noise that is too short is repeated.
    """
    said = np.frombuffer(speech.data, np.int16) / 32768
    power = float(np.sqrt(np.mean(said**2)))
    padded = np.concatenate((nothing(before), said, nothing(after)))
    return padded + at_level(np.resize(noise, len(padded)), 20 * np.log10(power) - snr)


def breathless(speech: Pcm) -> Pcm:
    """Return speech without its pauses: of each stretch below -40 dBFS the first 40 ms are kept."""
    pieces = [speech.data[at : at + 640] for at in range(0, len(speech.data), 640)]
    silent = [first_audible(Pcm(piece, VAD_RATE)) is None for piece in pieces]
    return Pcm(
        b"".join(piece for place, piece in enumerate(pieces) if not all(silent[max(0, place - 2) : place + 1])),
        VAD_RATE,
    )


def _times(seconds: float) -> Floats:
    return np.arange(round(seconds * VAD_RATE)) / VAD_RATE


def _voiced(pitch: Floats, times: Floats) -> Floats:
    """Return a tone with two harmonics and a vibrato of 5 Hz."""
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.006 * np.sin(2 * np.pi * 5 * times))) / VAD_RATE
    tone: Floats = np.sin(phase) + 0.5 * np.sin(2 * phase) + 0.25 * np.sin(3 * phase)
    return tone


def _saw(pitch: Floats) -> Floats:
    turns: Floats = np.cumsum(pitch) / VAD_RATE
    return 2 * (turns % 1) - 1


def _through(sound: Floats, formants: Sequence[float]) -> Floats:
    """Return a sound as a throat lets it out: loud around the formants, in hertz."""
    hertz = np.fft.rfftfreq(len(sound), 1 / VAD_RATE)
    shape = np.sum([np.exp(-(((hertz - formant) / 250) ** 2)) for formant in formants], axis=0)
    return np.fft.irfft(np.fft.rfft(sound) * shape, len(sound))
