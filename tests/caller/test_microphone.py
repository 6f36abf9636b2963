import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.caller.microphone import Microphone
from pipeline.caller.plan import Utterance
from pipeline.core.pcm import Pcm


def utterance(values: list[int], rate: int = 8000, start: int = 0) -> Utterance:
    return Utterance("x", Pcm(np.array(values, dtype="<i2").tobytes(), rate, start))


@given(
    script=st.lists(st.one_of(st.integers(1, 30), st.lists(st.integers(-9, 9), min_size=1, max_size=50)), max_size=8),
    frame=st.integers(1, 20),
)
def test_what_was_sent_is_what_is_recorded(script: list[int | list[int]], frame: int) -> None:
    microphone = Microphone(8000, frame)
    sent = b""
    for step in script:
        if isinstance(step, list):
            microphone.say(utterance(step))
        else:
            frames = [microphone.next_frame() for _ in range(step)]
            assert all(len(made) == 2 * frame for made in frames)
            sent += b"".join(frames)
    assert microphone.recording().data == sent


def test_a_silent_line_goes_on_for_ever() -> None:
    microphone = Microphone(8000, 160)
    assert not microphone.speaking
    assert [microphone.next_frame() for _ in range(3)] == [bytes(320)] * 3


def test_an_utterance_knows_where_its_audible_part_lies_on_the_line() -> None:
    microphone = Microphone(8000, 160)
    microphone.next_frame()
    spoken = microphone.say(utterance([0] * 80 + [5000] * 80 + [0] * 240, start=777))
    assert spoken.sound.start == 160
    assert spoken.begins_at == pytest.approx(240 / 8000)
    assert spoken.ends_at == pytest.approx(320 / 8000)
    while microphone.speaking:
        microphone.next_frame()
    assert microphone.recording().samples == 160 + 480


def test_an_utterance_too_quiet_to_hear_lasts_as_long_as_its_file() -> None:
    microphone = Microphone(8000, 160)
    spoken = microphone.say(utterance([1] * 400))
    assert (spoken.begins_at, spoken.ends_at) == (0, 0.05)


def test_an_utterance_of_another_rate_is_resampled() -> None:
    microphone = Microphone(8000, 160)
    assert microphone.say(utterance([0] * 4800, rate=48_000)).sound.samples == 800
