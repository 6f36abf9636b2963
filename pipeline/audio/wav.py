"""WAV files: what people have on disk in, 16-bit PCM out."""

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.audio.g711 import alaw_decode, mulaw_decode
from pipeline.core.errors import PipelineError
from pipeline.core.pcm import SAMPLE_BYTES, Pcm

_PCM, _ALAW, _MULAW, _EXTENSIBLE = 1, 6, 7, 0xFFFE
_ENCODINGS = {(_PCM, 8): 1, (_PCM, 16): 2, (_PCM, 24): 3, (_PCM, 32): 4, (_ALAW, 8): 1, (_MULAW, 8): 1}
"""Format tag and bits, to bytes of one sample. Source: RFC 2361 and Microsoft's mmreg.h."""
_UNKNOWN_BYTES = (0, 0xFFFFFFFF)
"""Lengths that a writer to a pipe leaves in the header: the sound goes on to the end of the file."""


class WavError(PipelineError):
    """A file is no WAV that can be read: ``wav-unreadable``, ``wav-broken`` or ``wav-encoding``."""

    stage = "audio"


def read_wav(path: Path) -> Pcm:
    """Return the file's sound as 16-bit mono at its own rate; several channels are averaged.

    Reads PCM of 8, 16, 24 and 32 bits and G.711. Raises WavError.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WavError("wav-unreadable", f"{path}: {error.strerror}") from error
    try:
        return parse_wav(content)
    except WavError as error:
        raise WavError(error.code, f"{path}: {error}") from error


def write_wav(path: Path, *channels: Pcm) -> None:
    """Write 16-bit PCM, one channel for each ``channels``; shorter ones end in silence.

    Raises ValueError for no channel or for rates that differ, OSError when the file cannot be written.
    """
    rates = {channel.rate for channel in channels}
    if len(rates) != 1:
        raise ValueError(f"channels of one rate are needed, not {sorted(rates)}")
    sound = np.zeros((max(channel.samples for channel in channels), len(channels)), dtype="<i2")
    for index, channel in enumerate(channels):
        sound[: channel.samples, index] = np.frombuffer(channel.data, dtype="<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(SAMPLE_BYTES)
        file.setframerate(rates.pop())
        file.writeframes(sound.tobytes())


def parse_wav(content: bytes) -> Pcm:
    """Return the sound of a WAV file's ``content``, as ``read_wav`` does. Raises WavError."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise WavError("wav-broken", "no WAV file (it does not begin with RIFF and WAVE)")
    layout = b""
    at = 12
    while at + 8 <= len(content):
        name, declared = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        body = content[at + 8 : at + 8 + declared]
        if name == b"data":
            if not layout:
                raise WavError("wav-broken", "its sound comes before the fmt chunk that describes it")
            if declared in _UNKNOWN_BYTES:
                body = content[at + 8 :]
            elif len(body) < declared:
                raise WavError("wav-broken", f"cut short: {declared} bytes of sound promised, {len(body)} there")
            return _decoded(layout, body)
        if name == b"fmt ":
            layout = body
        at += 8 + declared + declared % 2
    raise WavError("wav-broken", "no sound in it (no data chunk)")


def _decoded(layout: bytes, sound: bytes) -> Pcm:
    if len(layout) < 16:
        raise WavError("wav-broken", f"its fmt chunk has {len(layout)} bytes, at least 16 are needed")
    tag, channels, bits = (int.from_bytes(layout[at : at + 2], "little") for at in (0, 2, 14))
    rate = int.from_bytes(layout[4:8], "little")
    if tag == _EXTENSIBLE and len(layout) >= 26:
        tag = int.from_bytes(layout[24:26], "little")
    if (tag, bits) not in _ENCODINGS:
        raise WavError("wav-encoding", f"format {tag} with {bits} bits is not supported: save it as 16-bit PCM")
    if not channels or not rate:
        raise WavError("wav-broken", f"its header says {channels} channels at {rate} Hz")
    whole = len(sound) - len(sound) % (_ENCODINGS[tag, bits] * channels)
    samples = _samples(tag, bits, sound[:whole]).reshape(-1, channels)
    mono = samples[:, 0] if channels == 1 else np.rint(samples.mean(axis=1))
    return Pcm(mono.astype("<i2").tobytes(), rate)


def _samples(tag: int, bits: int, sound: bytes) -> npt.NDArray[np.int16]:
    if tag == _ALAW:
        return np.frombuffer(alaw_decode(sound), dtype="<i2")
    if tag == _MULAW:
        return np.frombuffer(mulaw_decode(sound), dtype="<i2")
    if bits == 8:
        return (np.frombuffer(sound, dtype=np.uint8).astype(np.int16) - 128) * 256
    width = bits // 8
    highest = np.frombuffer(sound, dtype=np.uint8).reshape(-1, width)[:, width - 2 :]
    return np.ascontiguousarray(highest).view("<i2")[:, 0]
