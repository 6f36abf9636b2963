import grpc
import pytest

from pipeline.caller.log import CallLog
from pipeline.caller.microphone import Microphone
from pipeline.caller.plan import Utterance
from pipeline.caller.report import CallReport
from pipeline.caller.speaker import Speaker
from pipeline.caller.summary import Ears, call_report
from pipeline.core.pcm import Pcm
from pipeline.entrances.generated.voicepipe.v1 import output_pb2
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseResponse
from tests.caller.server import tone

BEGAN_AT = 1000.0
"""The line's first sample; the caller speaks from 0.5 s to 1.5 s of it."""


def reported(turn_ended_ms: int, reply_at: float, reply_sound: bytes) -> CallReport:
    microphone = Microphone(8000, 160)
    for _ in range(25):
        microphone.next_frame()
    microphone.say(Utterance("speech", Pcm(tone(1.0) + bytes(8000), 8000)))
    speaker = Speaker(8000)
    log = CallLog()
    transcript = output_pb2.Transcript(turn_id=1, text="hello", is_final=True, end_ms=turn_ended_ms)
    log.feed(ConverseResponse(transcript=transcript))
    log.feed(ConverseResponse(response_started=output_pb2.ResponseStarted(response_id=1, turn_id=1)))
    speaker.arrived(1, reply_sound, BEGAN_AT + reply_at, last=True)
    return call_report(log, Ears(microphone, speaker, BEGAN_AT, BEGAN_AT + 5), grpc.StatusCode.OK)


def test_the_gap_runs_from_the_last_audible_sample_said_to_the_first_one_heard() -> None:
    report = reported(1500, 2.0, bytes(2 * 800) + tone(0.1))
    assert report.turns[0].gap_ms == pytest.approx(600)


def test_a_reply_into_a_pause_of_the_caller_has_a_negative_gap() -> None:
    assert reported(900, 1.2, tone(0.1)).turns[0].gap_ms == pytest.approx(-300)


def test_a_reply_without_audible_sound_has_no_gap() -> None:
    assert reported(1500, 2.0, bytes(800)).turns[0].gap_ms is None


def test_a_turn_that_ended_before_anything_was_said_belongs_to_no_utterance() -> None:
    [turn] = reported(100, 2.0, tone(0.1)).turns
    assert turn.utterance == ""
    assert turn.gap_ms is None


def test_a_reply_that_never_ended_is_reported_as_far_as_it_came() -> None:
    [turn] = reported(1500, 2.0, tone(0.1)).turns
    assert turn.status == "none"


def test_the_recording_has_both_sides_from_the_same_instant() -> None:
    recording = reported(1500, 2.0, tone(0.1)).recording
    assert recording.service.duration == 5
    assert recording.service.data[2 * 16_000 : 2 * 16_001] == tone(0.1)[:2]
