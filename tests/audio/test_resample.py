import itertools

import numpy as np
import numpy.typing as npt
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st

from pipeline.audio.resample import Resampler
from pipeline.core.pcm import Pcm
from tests.partitions import cut, cuts

RATES = (8000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000)
PAIRS = [pair for pair in itertools.product(RATES, RATES) if pair[0] != pair[1]]


def sound(samples: npt.NDArray[np.float64]) -> bytes:
    return np.rint(samples).astype("<i2").tobytes()


def noise(samples: int, seed: int = 1) -> bytes:
    return sound(np.random.default_rng(seed).uniform(-32768, 32767, samples))


def tone(hertz: float, rate: int, amplitude: float = 20_000.0) -> bytes:
    return sound(amplitude * np.sin(2 * np.pi * hertz * np.arange(rate) / rate))


def resampled(data: bytes, from_rate: int, to_rate: int) -> npt.NDArray[np.float64]:
    resampler = Resampler(from_rate, to_rate)
    out = resampler.feed(Pcm(data, from_rate)).data + resampler.flush().data
    return np.frombuffer(out, dtype="<i2").astype(np.float64)


def decibels(samples: npt.NDArray[np.float64], reference: float = 20_000.0 / np.sqrt(2)) -> float:
    return float(20 * np.log10(max(float(np.sqrt(np.mean(samples**2))), 1e-9) / reference))


@given(
    pair=st.sampled_from(PAIRS),
    samples=st.integers(0, 3000),
    seed=st.integers(0, 99),
    start=st.integers(0, 100_000),
    at=cuts(),
)
def test_every_cut_of_a_stream_gives_the_same_samples(
    pair: tuple[int, int], samples: int, seed: int, start: int, at: list[int]
) -> None:
    whole = noise(samples, seed)
    resampler = Resampler(*pair)
    made = []
    fed = start
    for part in cut(range(samples), at):
        made.append(resampler.feed(Pcm(whole[2 * part.start : 2 * part.stop], pair[0], fed)))
        fed += len(part)
    made.append(resampler.flush())
    assert b"".join(piece.data for piece in made) == sound(resampled(whole, *pair))
    place = round(start * pair[1] / pair[0])
    for piece in made:
        if piece.samples:
            assert piece.start == place
        place += piece.samples


@pytest.mark.parametrize(("from_rate", "to_rate"), PAIRS)
@pytest.mark.parametrize("samples", [0, 1, 7, 160, 9999, 20_000])
def test_the_length_is_that_of_the_input(from_rate: int, to_rate: int, samples: int) -> None:
    assert abs(len(resampled(noise(samples), from_rate, to_rate)) - samples * to_rate / from_rate) <= 0.5


@pytest.mark.parametrize(("from_rate", "to_rate"), PAIRS)
def test_no_more_than_three_milliseconds_are_held_back(from_rate: int, to_rate: int) -> None:
    resampler = Resampler(from_rate, to_rate)
    assert resampler.delay <= 0.0031
    piece = Pcm(bytes(2 * (from_rate // 50)), from_rate)
    for count in range(1, 20):
        made = resampler.feed(piece)
        held_back = count * piece.duration - made.audio_end
        assert held_back <= resampler.delay + 1 / to_rate


@pytest.mark.parametrize(("from_rate", "to_rate"), PAIRS)
def test_speech_under_the_telephone_limit_comes_out_as_loud_as_it_went_in(from_rate: int, to_rate: int) -> None:
    for hertz in (300, 1000, 3300):
        assert abs(decibels(resampled(tone(hertz, from_rate), from_rate, to_rate))) < 0.1


@pytest.mark.parametrize("from_rate", [11_025, 16_000, 22_050, 24_000, 48_000])
def test_what_does_not_fit_into_a_telephone_does_not_fold_into_it(from_rate: int) -> None:
    for hertz in (4150, 4700, 5400):
        assert decibels(resampled(tone(hertz, from_rate), from_rate, 8000)[100:-100]) < -55


@pytest.mark.parametrize(("from_rate", "to_rate"), PAIRS)
def test_a_tone_differs_little_from_what_soxr_makes_of_it(from_rate: int, to_rate: int) -> None:
    ours = resampled(tone(1000, from_rate), from_rate, to_rate)
    whole = np.frombuffer(tone(1000, from_rate), dtype="<i2")
    theirs = soxr.resample(whole, from_rate, to_rate).astype(np.float64)
    inner = slice(to_rate // 10, to_rate * 9 // 10)
    assert decibels(ours[inner] - theirs[inner]) < -60


def test_constant_sound_stays_exactly_as_it_is() -> None:
    made = resampled(sound(np.full(4000, 12_345.0)), 22_050, 8000)
    assert set(made[100:-100]) == {12_345.0}


def test_full_scale_clips_and_does_not_wrap_around() -> None:
    square = np.repeat([32_767.0, -32_768.0] * 50, 40)
    made = resampled(sound(square), 8000, 48_000)
    assert np.all(np.sign(made[120:230]) == 1)
    assert made.max() == 32_767
    assert made.min() == -32_768


def test_equal_rates_pass_through_untouched() -> None:
    resampler = Resampler(16_000, 16_000)
    piece = Pcm(noise(100), 16_000, 5)
    assert resampler.feed(piece) is piece
    assert resampler.flush().samples == 0
    assert resampler.delay == 0


def test_flushing_begins_a_new_stream() -> None:
    resampler = Resampler(8000, 16_000)
    piece = Pcm(noise(500), 8000, 80)
    first = [resampler.feed(piece), resampler.flush()]
    assert [resampler.feed(piece), resampler.flush()] == first


def test_sound_of_another_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="from 8000 Hz was fed 16000 Hz"):
        Resampler(8000, 16_000).feed(Pcm(b"", 16_000))
    with pytest.raises(ValueError, match="0 Hz"):
        Resampler(0, 8000)
