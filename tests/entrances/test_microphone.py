from collections.abc import Sequence
from math import inf

import anyio
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audio.g711 import alaw_decode, alaw_encode, mulaw_decode, mulaw_encode
from pipeline.core.errors import EntranceError
from pipeline.core.pcm import MicFrame
from pipeline.entrances.microphone import Microphone
from pipeline.entrances.sound_channel import SoundChannel
from pipeline.entrances.switchboard import AudioForm, Encoding
from tests.partitions import cut, cuts

RATE = 16_000
NOISE = np.random.default_rng(7).integers(-32768, 32767, RATE // 10, dtype=np.int16).tobytes()
"""A tenth of a second at 16 kHz."""


class FixedClock:
    def now(self) -> float:
        return 42.0


class Ear:
    """A microphone and all that came through it."""

    def __init__(self, encoding: Encoding = Encoding.LINEAR16, rate: int = RATE) -> None:
        self._channel = SoundChannel(inf, 0.2, lambda: None)
        self._microphone = Microphone(AudioForm(encoding, rate), self._channel, FixedClock())
        self.problems: list[EntranceError] = []

    def hear(self, data: bytes, offset: int | None = None, *, discontinuity: bool = False) -> list[EntranceError]:
        found = self._microphone.hear(data, offset, discontinuity=discontinuity)
        self.problems += found
        return found

    def frames(self) -> list[MicFrame]:
        """End the call and return what was heard."""
        self.problems += self._microphone.end()
        found = []
        try:
            while True:
                found.append(self._channel.receive.receive_nowait())
        except anyio.EndOfStream:
            self._channel.close()
        return found

    def samples(self) -> bytes:
        """End the call and return what was heard, joined; fails where the audio clock is not even."""
        place, pieces = None, []
        for frame in self.frames():
            assert place is None or frame.pcm.start == place
            place = frame.pcm.start + frame.pcm.samples
            pieces.append(frame.pcm.data)
        return b"".join(pieces)


def heard(pieces: Sequence[bytes], encoding: Encoding, rate: int) -> bytes:
    ear = Ear(encoding, rate)
    for piece in pieces:
        if piece:
            ear.hear(piece)
    samples = ear.samples()
    assert not ear.problems
    return samples


@given(cuts())
def test_linear16_at_16_khz_comes_through_unchanged_however_it_is_cut(at: list[int]) -> None:
    assert heard(cut(NOISE, at), Encoding.LINEAR16, RATE) == NOISE


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 48_000])
@pytest.mark.parametrize("encoding", list(Encoding))
@given(at=cuts(6))
def test_every_form_gives_the_same_sound_however_it_is_cut(encoding: Encoding, rate: int, at: list[int]) -> None:
    whole = np.random.default_rng(3).bytes(encoding.sample_bytes * rate // 50)
    samples = heard([whole], encoding, rate)
    assert heard(cut(whole, at), encoding, rate) == samples
    assert len(samples) == 2 * RATE // 50


@pytest.mark.parametrize(
    ("encoding", "encode", "decode"),
    [(Encoding.MULAW, mulaw_encode, mulaw_decode), (Encoding.ALAW, alaw_encode, alaw_decode)],
)
def test_telephone_laws_are_decoded(encoding: Encoding, encode: object, decode: object) -> None:
    assert callable(encode)
    assert callable(decode)
    coded = encode(NOISE)
    assert heard([coded], encoding, RATE) == decode(coded)


def test_frames_carry_the_instant_of_their_arrival() -> None:
    ear = Ear()
    ear.hear(NOISE)
    assert [frame.at for frame in ear.frames()] == [42.0]


def test_half_a_sample_waits_for_its_other_half() -> None:
    ear = Ear()
    ear.hear(NOISE[:5], 0)
    ear.hear(NOISE[5:11], 2)
    ear.hear(NOISE[11:], 5)
    assert ear.samples() == NOISE
    assert not ear.problems


@pytest.mark.parametrize("last", [False, True])
def test_half_a_sample_that_does_not_go_on_is_dropped_and_reported(last: bool) -> None:
    ear = Ear()
    ear.hear(NOISE[:5])
    if not last:
        assert ear.hear(NOISE[6:8], discontinuity=True)[0].field == "audio.data"
    samples = ear.samples()
    assert samples == (NOISE[:4] if last else NOISE[:4] + NOISE[6:8])
    assert [problem.field for problem in ear.problems] == ["audio.data"]


@given(st.integers(1, 5 * RATE), st.integers(0, 2**63))
def test_a_gap_is_filled_with_silence(gap: int, origin: int) -> None:
    ear = Ear()
    ear.hear(NOISE, origin)
    ear.hear(NOISE, origin + len(NOISE) // 2 + gap)
    assert ear.samples() == NOISE + bytes(2 * gap) + NOISE
    assert not ear.problems


def test_a_gap_at_another_rate_is_filled_to_its_length() -> None:
    ear = Ear(Encoding.MULAW, 8_000)
    ear.hear(bytes(80), 0)
    ear.hear(bytes(80), 880)
    assert len(ear.samples()) == 2 * RATE * 960 // 8_000


def test_a_gap_of_minutes_is_skipped_and_reported_and_the_audio_clock_moves_on() -> None:
    ear = Ear()
    ear.hear(NOISE, 0)
    problems = ear.hear(NOISE, 90 * RATE)
    assert [problem.field for problem in problems] == ["audio.sample_offset"]
    assert [(frame.pcm.start, frame.pcm.data) for frame in ear.frames()] == [(0, NOISE), (90 * RATE, NOISE)]


def test_a_declared_discontinuity_is_skipped_without_complaint() -> None:
    ear = Ear()
    ear.hear(NOISE, 0)
    assert not ear.hear(NOISE, RATE, discontinuity=True)
    assert not ear.hear(NOISE, 0, discontinuity=True)
    assert [frame.pcm.start for frame in ear.frames()] == [0, RATE, RATE + len(NOISE) // 2]


@given(st.integers(0, 2 * len(NOISE) // 2))
def test_sound_that_was_sent_twice_is_heard_once(resent: int) -> None:
    ear = Ear()
    twice = NOISE + NOISE[::-1]
    ear.hear(twice[: len(NOISE)], 0)
    ear.hear(twice[len(NOISE) :], len(NOISE) // 2)
    place = len(NOISE) - resent
    ear.hear(twice[2 * place : 2 * place + 2 * resent], place)
    ear.hear(NOISE, len(NOISE))
    assert ear.samples() == twice + NOISE
    assert {problem.field for problem in ear.problems} <= {"audio.data"}


def test_a_counter_that_starts_again_is_followed_and_reported_once() -> None:
    ear = Ear()
    ear.hear(NOISE, 100 * RATE)
    assert [problem.field for problem in ear.hear(NOISE, 0)] == ["audio.sample_offset"]
    assert not ear.hear(NOISE, len(NOISE) // 2)
    assert ear.samples() == NOISE * 3


@pytest.mark.parametrize(
    ("data", "offset", "field"),
    [
        (b"", None, "audio.data"),
        (bytes(2 * RATE // 5 + 2), None, "audio.data"),
        (bytes(2 * 10 * RATE), None, "audio.data"),
        (NOISE, 2**64 - 1, "audio.sample_offset"),
    ],
)
def test_what_cannot_be_used_is_refused_and_what_follows_is_heard(data: bytes, offset: int | None, field: str) -> None:
    ear = Ear()
    ear.hear(NOISE, 0)
    problems = ear.hear(data, offset)
    assert [(problem.field, problem.code) for problem in problems] == [(field, "invalid-value")]
    assert not ear.hear(NOISE)
    assert [frame.pcm.data for frame in ear.frames()] == [NOISE, NOISE]


def test_the_longest_chunk_is_taken() -> None:
    ear = Ear()
    assert not ear.hear(bytes(2 * RATE // 5))
    assert len(ear.samples()) == 2 * RATE // 5


@given(
    st.sampled_from(Encoding),
    st.sampled_from([8_000, 16_000, 48_000]),
    st.lists(
        st.tuples(
            st.binary(max_size=700), st.none() | st.integers(0, 2**64 - 1) | st.integers(0, 9_999), st.booleans()
        ),
        max_size=8,
    ),
)
def test_no_message_breaks_it_and_the_audio_clock_never_runs_back(
    encoding: Encoding, rate: int, messages: list[tuple[bytes, int | None, bool]]
) -> None:
    ear = Ear(encoding, rate)
    for data, offset, discontinuity in messages:
        ear.hear(data, offset, discontinuity=discontinuity)
    place = 0
    for frame in ear.frames():
        assert frame.pcm.start >= place - 1  # the length of resampled sound is right to half a sample
        place = frame.pcm.start + frame.pcm.samples
    assert {problem.field for problem in ear.problems} <= {"audio.data", "audio.sample_offset"}
