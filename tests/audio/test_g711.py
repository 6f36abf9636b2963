from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audio.g711 import alaw_decode, alaw_encode, mulaw_decode, mulaw_encode

Codec = Callable[[bytes], bytes]

EVERY_CODE = bytes(range(256))
EVERY_SAMPLE = np.arange(-32768, 32768).astype("<i2").tobytes()


def samples(*values: int) -> bytes:
    return np.array(values, dtype="<i2").tobytes()


def test_mulaw_codes_have_the_values_of_the_standard() -> None:
    # ITU-T G.711 table 2a gives 14-bit values: 8031, 4191, 99, 0 and their negatives.
    assert mulaw_decode(b"\x80\x8f\xdf\xff") == samples(8031 * 4, 4191 * 4, 99 * 4, 0)
    assert mulaw_decode(b"\x00\x0f\x7f") == samples(-8031 * 4, -4191 * 4, 0)


def test_alaw_codes_have_the_values_of_the_standard() -> None:
    # ITU-T G.711 table 1a gives 13-bit values: 4032, 1, and their negatives; codes are sent with even bits inverted.
    assert alaw_decode(b"\xaa\xd5\xd4") == samples(4032 * 8, 1 * 8, 3 * 8)
    assert alaw_decode(b"\x2a\x55") == samples(-4032 * 8, -1 * 8)


def test_a_kilohertz_at_the_standard_level_is_the_standard_sequence() -> None:
    # ITU-T G.711 tables 5 and 6: these eight codes, repeated, are 1 kHz at 0 dBm0.
    mulaw = bytes.fromhex("1e0b0b1e9e8b8b9e")
    alaw = bytes.fromhex("34212134b4a1a1b4")
    for coded, decode in ((mulaw, mulaw_decode), (alaw, alaw_decode)):
        wave = np.frombuffer(decode(coded * 100), dtype="<i2").astype(float)
        level = 10 * np.log10(np.mean(wave**2) / 32_768**2)
        assert abs(level - -6.15) < 0.2
        assert np.abs(np.fft.rfft(wave)).argmax() == 100


@pytest.mark.parametrize(("encode", "decode"), [(mulaw_encode, mulaw_decode), (alaw_encode, alaw_decode)])
class TestBothLaws:
    def test_coding_what_was_decoded_changes_nothing(self, encode: Codec, decode: Codec) -> None:
        assert decode(encode(decode(EVERY_CODE))) == decode(EVERY_CODE)

    def test_louder_stays_louder(self, encode: Codec, decode: Codec) -> None:
        heard = np.frombuffer(decode(encode(EVERY_SAMPLE)), dtype="<i2").astype(int)
        assert np.all(np.diff(heard) >= 0)

    def test_the_error_is_within_half_a_step(self, encode: Codec, decode: Codec) -> None:
        sent = np.arange(-32768, 32768)
        heard = np.frombuffer(decode(encode(EVERY_SAMPLE)), dtype="<i2").astype(int)
        inside = np.abs(sent) < 32_256
        assert np.all(np.abs(heard - sent)[inside] <= np.abs(sent[inside]) / 31 + 16)

    @given(coded=st.binary(max_size=64), at=st.integers(0, 64))
    def test_where_the_stream_is_cut_does_not_matter(self, encode: Codec, decode: Codec, coded: bytes, at: int) -> None:
        assert decode(coded[:at]) + decode(coded[at:]) == decode(coded)
        wide = decode(coded)
        assert encode(wide[: 2 * at]) + encode(wide[2 * at :]) == encode(wide)

    def test_half_a_sample_is_refused(self, encode: Codec, decode: Codec) -> None:
        assert decode(b"") == encode(b"") == b""
        with pytest.raises(ValueError, match="3 bytes"):
            encode(b"abc")
