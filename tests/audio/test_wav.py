import struct
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audio.g711 import alaw_encode, mulaw_decode
from pipeline.audio.wav import WavError, parse_wav, read_wav, write_wav
from pipeline.core.pcm import Pcm

SAMPLES = np.array([0, 1, -1, 256, -256, 32_512, -32_768], dtype="<i2")


def fmt(tag: int = 1, channels: int = 1, rate: int = 8000, bits: int = 16, extra: bytes = b"") -> bytes:
    frame = channels * bits // 8
    return struct.pack("<HHIIHH", tag, channels, rate, rate * frame, frame, bits) + extra


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(
        name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2) for name, content in chunks
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def values(pcm: Pcm) -> list[int]:
    return list(np.frombuffer(pcm.data, dtype="<i2"))


@pytest.mark.parametrize(
    ("bits", "sound", "expected"),
    [
        (8, b"\x80\x00\xff", [0, -32_768, 127 * 256]),
        (16, b"\x01\x00\xff\xff", [1, -1]),
        (24, b"\xff\x01\x00\x00\x00\x80", [1, -32_768]),
        (32, b"\xff\xff\x01\x00\x00\x00\x00\x80", [1, -32_768]),
    ],
)
def test_pcm_of_any_width_becomes_16_bit(bits: int, sound: bytes, expected: list[int]) -> None:
    assert values(parse_wav(riff((b"fmt ", fmt(bits=bits)), (b"data", sound)))) == expected


def test_g711_is_decoded() -> None:
    coded = bytes(range(0, 256, 5))
    assert parse_wav(riff((b"fmt ", fmt(tag=7, bits=8)), (b"data", coded))).data == mulaw_decode(coded)
    coded = alaw_encode(SAMPLES.tobytes())
    assert parse_wav(riff((b"fmt ", fmt(tag=6, bits=8)), (b"data", coded))).samples == len(SAMPLES)


def test_channels_are_averaged_without_overflow() -> None:
    sound = np.array([[32_767, 32_767], [-32_768, -32_768], [100, 300]], dtype="<i2").tobytes()
    assert values(parse_wav(riff((b"fmt ", fmt(channels=2)), (b"data", sound)))) == [32_767, -32_768, 200]


def test_the_extensible_header_names_its_encoding_in_its_tail() -> None:
    tail = struct.pack("<HHI", 22, 16, 4) + struct.pack("<H", 1) + bytes(14)
    read = parse_wav(riff((b"fmt ", fmt(tag=0xFFFE, extra=tail)), (b"data", SAMPLES.tobytes())))
    assert read == Pcm(SAMPLES.tobytes(), 8000)


def test_chunks_that_mean_nothing_to_us_are_passed_over() -> None:
    read = parse_wav(riff((b"LIST", b"odd"), (b"fmt ", fmt(rate=22_050)), (b"fact", b"1234"), (b"data", b"\1\0")))
    assert read == Pcm(b"\1\0", 22_050)


def test_a_file_that_was_written_to_a_pipe_goes_on_to_its_end() -> None:
    content = riff((b"fmt ", fmt()), (b"data", SAMPLES.tobytes()))
    size_at = content.index(b"data") + 4
    for unknown in (b"\xff\xff\xff\xff", bytes(4)):
        assert parse_wav(content[:size_at] + unknown + content[size_at + 4 :]).data == SAMPLES.tobytes()


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b"", "wav-broken", "does not begin with RIFF"),
        (b"OggS" + bytes(60), "wav-broken", "does not begin with RIFF"),
        (riff((b"fmt ", fmt())), "wav-broken", "no data chunk"),
        (riff((b"data", b"\0\0"), (b"fmt ", fmt())), "wav-broken", "before the fmt chunk"),
        (riff((b"fmt ", b"short"), (b"data", b"\0\0")), "wav-broken", "fmt chunk has 5 bytes"),
        (riff((b"fmt ", fmt(channels=0)), (b"data", b"\0\0")), "wav-broken", "0 channels at 8000 Hz"),
        (riff((b"fmt ", fmt(rate=0)), (b"data", b"\0\0")), "wav-broken", "1 channels at 0 Hz"),
        (riff((b"fmt ", fmt(tag=3, bits=32)), (b"data", bytes(4))), "wav-encoding", "save it as 16-bit PCM"),
        (riff((b"fmt ", fmt()), (b"data", bytes(100)))[:-1], "wav-broken", "100 bytes of sound promised, 99 there"),
    ],
)
def test_a_broken_header_is_named(content: bytes, code: str, message: str) -> None:
    with pytest.raises(WavError, match=message) as caught:
        parse_wav(content)
    assert caught.value.code == code


@given(content=st.binary(max_size=80))
def test_no_content_crashes_the_reader(content: bytes) -> None:
    for start in (
        b"",
        b"RIFF\0\0\0\0WAVE",
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0",
        riff((b"fmt ", fmt(channels=3, bits=24))),
    ):
        try:
            parse_wav(start + content)
        except WavError as error:
            assert str(error)  # noqa: PT017


def test_the_error_names_the_file(tmp_path: Path) -> None:
    missing = tmp_path / "missing.wav"
    with pytest.raises(WavError, match=r"missing\.wav: No such file"):
        read_wav(missing)
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"nothing")
    with pytest.raises(WavError, match=r"broken\.wav: no WAV file"):
        read_wav(broken)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mono.wav"
    write_wav(path, Pcm(SAMPLES.tobytes(), 16_000))
    assert read_wav(path) == Pcm(SAMPLES.tobytes(), 16_000)


def test_two_channels_lie_beside_each_other_and_the_shorter_ends_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    write_wav(path, Pcm(b"\1\0\2\0", 8000), Pcm(b"\3\0", 8000))
    with wave.open(str(path)) as file:
        assert file.getparams()[:4] == (2, 2, 8000, 2)
        assert file.readframes(9) == b"\1\0\3\0\2\0\0\0"


def test_channels_of_different_rates_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\[8000, 16000\]"):
        write_wav(tmp_path / "never.wav", Pcm(b"", 8000), Pcm(b"", 16_000))
