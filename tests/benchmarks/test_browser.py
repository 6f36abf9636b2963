"""What is read off the tape of a call from a browser."""

from typing import Any

from benchmarks.browser import TAPE_RATE, Tape, turns
from benchmarks.peers.measure import Block, Turn
from benchmarks.speech import Saying
from pipeline.core.pcm import Pcm, silence
from tests.caller.server import tone

LATE = 0.2
"""Seconds by which the microphone comes later on the tape than its file says."""


def strip(*parts: tuple[float, bool]) -> Pcm:
    """Return sound of so many seconds each, loud or silent."""
    sounds = (tone(seconds, TAPE_RATE) if loud else silence(seconds, TAPE_RATE).data for seconds, loud in parts)
    return Pcm(b"".join(sounds), TAPE_RATE)


def of_one_saying(reply: Pcm, *told: tuple[float, dict[str, Any]]) -> Turn:
    """Return what a saying of 1 s came to, from 3 s on in the microphone's file and 3.2 to 4.2 s on the tape."""
    saying = Saying("hello.wav", strip((1.0, True)), "Hello there.")
    microphone = strip((3.0 + LATE, False), (1.0, True), (10.0, False))
    (found,) = turns(Tape(microphone, reply, told), Block("single", 0, (saying,)), [3.0])
    return found


def begun(number: int) -> dict[str, Any]:
    return {"responseStarted": {"responseId": number}}


def test_the_gap_is_from_the_last_sample_said_to_the_first_one_heard() -> None:
    transcript = {"transcript": {"text": " hello there ", "isFinal": True}}
    told = (4.5, transcript), (4.6, begun(1)), (6.0, {"responseDone": {"text": "Good day."}})
    turn = of_one_saying(strip((4.8, False), (1.0, True), (8.0, False)), *told)
    assert turn.gaps_ms == (600.0,)
    assert (turn.gap_ms, turn.cut_off_ms) == (600.0, None)
    assert (turn.heard, turn.answer, turn.parts) == ("hello there", "Good day.", 1)


def test_behind_an_answer_that_came_too_early_the_one_to_all_counts() -> None:
    reply = strip((3.9, False), (0.2, True), (0.2, False), (0.1, True), (0.7, False), (1.0, True), (7.0, False))
    turn = of_one_saying(reply, (3.8, begun(1)), (5.0, begun(2)))
    assert turn.gaps_ms == (-300.0, 900.0)  # the first one goes on at 4.3 s, behind the saying's end: no other reply
    assert (turn.cut_off_ms, turn.gap_ms) == (-300.0, 900.0)


def test_a_reply_that_is_not_heard_is_none() -> None:
    assert of_one_saying(strip((14.0, False)), (4.5, begun(1))).gap_ms is None
