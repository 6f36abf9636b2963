import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.speech import Saying, apart, between_words, hesitating, in_one_breath, joined, pausing
from pipeline.audio.level import first_audible, last_audible
from pipeline.core.pcm import Pcm, silence

RATE = 8000


def tone(seconds: float, amplitude: int = 8000) -> bytes:
    samples = np.full(round(seconds * RATE), amplitude, dtype="<i2")
    samples[::2] *= -1
    return samples.tobytes()


def hush(seconds: float, amplitude: int = 20) -> bytes:
    return tone(seconds, amplitude)


def spoken(name: str, *parts: bytes) -> Saying:
    return Saying(name, Pcm(b"".join(parts), RATE), f"text of {name}")


def silences(sound: Pcm) -> list[float]:
    """Return the lengths of the inaudible stretches inside the audible part, in seconds, from 50 ms on."""
    loud = np.flatnonzero(np.abs(np.frombuffer(sound.data, dtype="<i2").astype(int)) > 400)
    return [round(int(gap - 1) / RATE, 3) for gap in np.diff(loud) if gap - 1 >= 0.05 * RATE]


@given(st.floats(0.1, 2.0), st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0, 0.5))
def test_the_pause_is_measured_between_what_is_audible(pause: float, tail: float, lead: float, end: float) -> None:
    sound = apart(Pcm(tone(0.4) + hush(tail), RATE), Pcm(hush(lead) + tone(0.3) + hush(end), RATE), pause)
    assert silences(sound) == [pytest.approx(pause, abs=0.002)]
    assert first_audible(sound) == 0
    assert last_audible(sound) == pytest.approx((0.7 + pause) * RATE, abs=4)


def test_what_is_inaudible_is_kept_where_it_fits() -> None:
    sound = apart(Pcm(tone(0.4) + hush(0.1), RATE), Pcm(hush(0.1) + tone(0.3), RATE), 0.5)
    silent = np.frombuffer(sound.data, dtype="<i2")[round(0.4 * RATE) : round(0.9 * RATE)]
    assert np.count_nonzero(silent) == round(0.2 * RATE)


def test_sounds_of_different_rates_do_not_join() -> None:
    with pytest.raises(ValueError, match="do not join"):
        apart(Pcm(tone(0.1), 8000), Pcm(tone(0.1), 16000), 0.5)


def test_a_recording_is_cut_at_its_quietest_place() -> None:
    sound = Pcm(tone(0.6) + hush(0.12, 60) + tone(0.4) + hush(0.12) + tone(0.6), RATE)
    assert between_words(sound) == pytest.approx((0.6 + 0.12 + 0.4 + 0.06) * RATE, abs=0.03 * RATE)


@pytest.mark.parametrize(
    "sound",
    [
        tone(2.0),
        tone(0.9) + hush(0.06) + tone(0.9),
        tone(0.2) + hush(0.2) + tone(2.0),
        tone(0.1) + hush(0.12) + tone(0.1),
        silence(1.0, RATE).data,
    ],
    ids=["no pause", "a stop consonant", "near the beginning", "too short", "silence"],
)
def test_a_recording_without_a_quiet_place_is_not_cut(sound: bytes) -> None:
    assert between_words(Pcm(sound, RATE)) is None
    assert hesitating(Saying("a", Pcm(sound, RATE), "text"), 0.5) is None


def test_a_hesitating_caller_says_the_same_with_a_pause() -> None:
    saying = spoken("a", tone(0.6), hush(0.2), tone(0.6))
    hesitant = hesitating(saying, 0.8)
    assert hesitant is not None
    assert (hesitant.text, hesitant.pauses) == (saying.text, (0.8,))
    assert silences(hesitant.sound) == [0.8]


def test_two_sayings_become_one() -> None:
    both = joined(spoken("a", tone(0.5)), spoken("b", tone(0.4)), 0.7)
    assert (both.name, both.text, both.pauses) == ("a+b", "text of a text of b", (0.7,))
    assert silences(both.sound) == [0.7]


def test_pauses_are_spread_over_both_kinds() -> None:
    pool = [
        spoken(f"{number}", tone(0.6), *([hush(0.2), tone(0.6)] if number % 3 == 0 else [tone(0.6)]))
        for number in range(30)
    ]
    made = pausing(pool, 10, seed=1)
    assert ["+" in saying.name for saying in made] == [False, True] * 5
    assert sorted(saying.pauses[0] for saying in made) == [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2]
    assert [saying.name for saying in made] == [saying.name for saying in pausing(pool, 10, seed=1)]
    assert len({name for saying in made for name in saying.name.rstrip("|").split("+")}) == 15


def test_a_small_pool_gives_what_it_has() -> None:
    pool = [spoken("a", tone(0.6), hush(0.2), tone(0.6)), spoken("b", tone(0.5))]
    assert [saying.name for saying in pausing(pool, 8, seed=1)] == ["a|"]


def said(text: str, *, pause: float = 0.0) -> Saying:
    """Return two noises with a pause in between."""
    loud = np.full(8000, 8000, "<i2").tobytes()
    return Saying("said", Pcm(loud + bytes(2 * round(8000 * pause)) + loud, 8000), text)


@pytest.mark.parametrize(
    ("saying", "whole"),
    [
        (said("That conference is full."), True),
        (said("That conference is full.", pause=0.2), True),
        (said("That conference is full.", pause=0.4), False),
        (said("the number I have is"), False),
        (said("Press 1 to go on. Press 2 to go back."), False),
    ],
)
def test_one_breath_is_one_whole_sentence_without_a_pause(saying: Saying, whole: bool) -> None:
    assert in_one_breath(saying) is whole
