"""Our own voice that comes back is not the caller; who speaks over it is."""

from dataclasses import replace
from functools import cache
from math import inf

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.pcm import Pcm, joined
from pipeline.core.stages import VAD_RATE, VAD_WINDOW_SAMPLES
from pipeline.hearing.echo import AGAIN, SURE, EchoGate
from pipeline.hearing.played import MOST, RATE
from tests.echoes import BEFORE, START, EchoCall, EchoLine, Samples, at_level, echo_call, pcm_of, samples_of
from tests.recordings import prompts, read_speech

Verdicts = npt.NDArray[np.bool_]

WINDOW = VAD_WINDOW_SAMPLES / VAD_RATE
REPLY_DBFS, CALLER_DBFS = -22.0, -22.0
REPLIES = ("vm-nobodyavail", "demo-nogo", "queue-thankyou")
AUDIBLE = 20.0
"""Decibels below the loudest window from which one is heard."""
SETTLED = 0.35
"""Seconds of echo after which the gate knows the line."""

LINES = [
    EchoLine(delay, attenuation, rate, room)
    for delay in (0.04, 0.15, 0.4)
    for attenuation in (6.0, 12.0, 20.0)
    for rate, room in ((8_000, False), (8_000, True), (16_000, True))
]


@cache
def reply(rate: int) -> Samples:
    """Return some seconds of one speaker."""
    found = {prompt.name: prompt for prompt in prompts("en")}
    pieces = [read_speech(found[name]) for name in REPLIES]
    return at_level(samples_of(joined([Pcm(piece.data, piece.rate) for piece in pieces]), rate), REPLY_DBFS)


@cache
def caller(language: str, rate: int) -> Samples:
    """Return two seconds of another speaker."""
    said = next(
        sound
        for prompt in prompts(language)[30:]
        if prompt.words >= 5 and (sound := read_speech(prompt)).duration > 2.0
    )
    return at_level(samples_of(said, rate), CALLER_DBFS)[: 2 * rate]


def choice(line: EchoLine) -> np.random.Generator:
    return np.random.default_rng(int(1000 * line.delay + line.attenuation) if line.attenuation < inf else 1)


def levels(windows: list[Pcm]) -> Samples:
    return np.array(
        [10 * np.log10(np.mean((np.frombuffer(window.data, "<i2") / 32768) ** 2) + 1e-12) for window in windows]
    )


def judged(call: EchoCall, gate: EchoGate | None = None) -> tuple[Verdicts, Verdicts, Samples]:
    """Return for each window whether it is echo, whether it is audible, and when it ends."""
    gate = gate or EchoGate()
    verdicts = np.array([gate.is_echo(window, at) for window, at in call.heard(gate)])
    windows = call.windows()
    loud = levels(windows)
    return verdicts, loud > loud.max() - AUDIBLE, np.array([window.audio_end for window in windows])


@pytest.mark.parametrize("line", LINES, ids=str)
def test_our_own_voice_is_echo(line: EchoLine) -> None:
    verdicts, audible, ends = judged(echo_call(reply(line.rate), line, choice(line)))
    known = audible & (ends > BEFORE + line.delay + SETTLED)
    assert np.mean(verdicts[known]) > 0.93


@pytest.mark.parametrize("language", ["it", "ru", "fr"])
@pytest.mark.parametrize("line", LINES, ids=str)
def test_a_caller_over_the_echo_is_heard(line: EchoLine, language: str) -> None:
    says_at = BEFORE + 2.0
    said = caller(language, line.rate)
    call = echo_call(reply(line.rate), line, choice(line), caller=said, says_at=says_at)
    alone = echo_call(0 * reply(line.rate), line, choice(line), caller=said, says_at=says_at)
    verdicts, _, ends = judged(call)
    loud, echo = levels(alone.windows()), levels(echo_call(reply(line.rate), line, choice(line)).windows())
    speaks = (loud > loud.max() - 12) & (loud > echo) & (ends > says_at) & (ends < says_at + 2.0)
    assert np.mean(verdicts[speaks]) < 0.2
    onset = int(np.argmax(speaks))
    assert not verdicts[onset : onset + 8].all()


@pytest.mark.parametrize("language", ["it", "ru", "fr"])
def test_a_caller_on_a_line_without_echo_is_none(language: str) -> None:
    line = EchoLine(0.1, inf)
    said = np.tile(caller(language, line.rate), 3)
    verdicts, audible, _ = judged(echo_call(reply(line.rate), line, choice(line), caller=said, says_at=0.2))
    assert not verdicts[audible].any()


def test_echo_that_outlasts_the_reply_is_echo_and_then_nothing_is() -> None:
    line = EchoLine(0.4, 6.0)
    verdicts, audible, ends = judged(echo_call(reply(line.rate), line, choice(line)))
    over = BEFORE + len(reply(line.rate)) / line.rate
    assert verdicts[audible & (ends > over)].mean() > 0.9
    gate = EchoGate()
    list(echo_call(reply(line.rate), line, choice(line)).heard(gate))
    late = Pcm(pcm_of(caller("it", VAD_RATE), VAD_RATE).data[: 2 * VAD_WINDOW_SAMPLES], VAD_RATE, 100 * VAD_RATE)
    assert not gate.is_echo(late, START + 100 + WINDOW)


def test_a_delay_that_changes_is_followed() -> None:
    gate = EchoGate()
    near, far = EchoLine(0.06, 10.0), EchoLine(0.3, 10.0)
    judged(echo_call(reply(8_000), near, choice(near)), gate)
    later = replace(echo_call(reply(8_000), far, choice(far)), begins=30.0)
    verdicts, audible, ends = judged(later, gate)
    assert np.mean(verdicts[audible & (ends > 30.0 + BEFORE + far.delay + SETTLED)]) > 0.9


def test_sound_that_was_lost_costs_no_more_than_the_time_to_find_the_echo_again() -> None:
    line, gate = EchoLine(0.15, 10.0), EchoGate()
    call = echo_call(reply(8_000), line, choice(line))
    lost = (BEFORE + 2.0, BEFORE + 2.5)
    verdicts = [
        not lost[0] <= window.audio_end < lost[1] and gate.is_echo(window, at) for window, at in call.heard(gate)
    ]
    _, audible, ends = judged(call)
    assert np.mean(np.array(verdicts)[audible & (ends > lost[1] + SETTLED)]) > 0.93


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_it_does_not_matter_how_the_reply_is_cut(rate: int) -> None:
    line = EchoLine(0.15, 10.0)
    call, sent = (
        echo_call(reply(8_000), line, choice(line)),
        pcm_of(samples_of(pcm_of(reply(8_000), 8_000), rate), rate),
    )
    found = []
    for size in (rate // 100, rate // 50, rate // 10):
        gate = EchoGate()
        pieces = [sent.data[at : at + 2 * size] for at in range(0, len(sent.data), 2 * size)]
        for index, piece in enumerate(pieces):
            gate.played(Pcm(piece, rate), START + BEFORE + index * size / rate)
        found.append([gate.is_echo(window, at) for window, at in call.heard(EchoGate())])
    assert found[0] == found[1] == found[2]
    assert np.mean(found[0]) > 0.5


def test_a_caller_who_has_the_word_keeps_it_for_a_few_windows_of_echo() -> None:
    line = EchoLine(0.1, 6.0)
    gate = EchoGate()
    weighed, plain = [], []
    call = echo_call(reply(8_000), line, choice(line), caller=caller("it", 8_000), says_at=BEFORE + 2.0)
    for window, at in call.heard(gate):
        weighed.append(gate.weigh(1.0, window, at))
    judge = EchoGate()
    plain = [judge.is_echo(window, at) for window, at in call.heard(judge)]
    spoken = 0
    for index, echo in enumerate(plain):
        if not echo:
            assert weighed[index] == 1.0
            spoken += 1
        elif spoken >= SURE and index + AGAIN < len(plain):
            run = plain[index:].index(False) if False in plain[index:] else len(plain) - index
            assert weighed[index : index + min(run, AGAIN - 1)] == [1.0] * min(run, AGAIN - 1)
            spoken = SURE if run < AGAIN else 0
        else:
            spoken = 0 if weighed[index] == 0.0 else spoken
    assert 0.0 in weighed


sounds = st.binary(min_size=2 * VAD_WINDOW_SAMPLES, max_size=2 * VAD_WINDOW_SAMPLES)


@given(st.lists(sounds, max_size=20))
def test_where_nothing_was_played_nothing_is_echo(windows: list[bytes]) -> None:
    gate = EchoGate()
    for index, data in enumerate(windows):
        window = Pcm(data, VAD_RATE, index * VAD_WINDOW_SAMPLES)
        assert gate.weigh(0.7, window, START + window.audio_end) == 0.7


steps = st.one_of(
    st.tuples(st.just("play"), st.sampled_from([8_000, 16_000, 22_050]), st.floats(-2.0, 5.0), st.floats(0.0, 4.0)),
    st.tuples(st.just("hear"), st.integers(0, 3), st.floats(0.0, 0.3), st.just(0.0)),
)


@settings(deadline=None)
@given(st.lists(steps, max_size=30), st.integers(0, 2**32 - 1))
def test_memory_is_bounded_and_any_order_of_events_is_taken(
    made: list[tuple[str, int, float, float]], seed: int
) -> None:
    gate, noise = EchoGate(), np.random.default_rng(seed)
    now, place = START, 0
    for kind, number, seconds, length in made:
        if kind == "play":
            gate.played(pcm_of(noise.normal(0, 0.1, round(length * number)), number), now + seconds)
        else:
            place += number * VAD_WINDOW_SAMPLES
            now = START + (place + VAD_WINDOW_SAMPLES) / VAD_RATE
            gate.is_echo(Pcm(pcm_of(noise.normal(0, 0.1, VAD_WINDOW_SAMPLES), VAD_RATE).data, VAD_RATE, place), now)
            place += VAD_WINDOW_SAMPLES
        assert gate._played.samples < MOST + 5 * RATE


def test_what_has_been_heard_is_forgotten_while_a_reply_plays() -> None:
    line, gate, most = EchoLine(0.1, 10.0), EchoGate(), 0
    for window, at in echo_call(np.tile(reply(8_000), 4), line, choice(line)).heard(gate):
        gate.is_echo(window, at)
        most = max(most, gate._played.samples)
    assert most < 1.5 * RATE
