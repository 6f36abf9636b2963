from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from google.rpc import code_pb2
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import DialogError, EntranceError
from pipeline.core.events import (
    CallEnd,
    CallEnded,
    CallEnding,
    CallEvent,
    Clause,
    DigitsCollected,
    EndReason,
    FinalTranscript,
    InputMissing,
    InputProblem,
    PartialTranscript,
    PictureNoted,
    PictureState,
    PlaybackStarted,
    ReplyId,
    ReplyStatus,
    ReplyStopped,
    SpeechEnded,
    SpeechReady,
    SpeechStarted,
    SpeechSustained,
    StageFailed,
    TextDelta,
    TurnEnded,
    TurnId,
)
from pipeline.core.pcm import Pcm
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseResponse
from pipeline.entrances.generated.voicepipe.v1.output_pb2 import InputEventKind
from pipeline.entrances.statuses import status_of, status_of_end
from pipeline.entrances.switchboard import OutputRules
from pipeline.entrances.wire_out import write_audio, write_event, write_going_away
from pipeline.session.line import ReplyAudio
from tests.entrances.calls import unpack
from tests.entrances.replies import reply_ended, reply_started

TURN = TurnId(4)
REPLY = ReplyId(2)
ALL = OutputRules(interim_transcripts=True)


def written(event: CallEvent, wants: OutputRules = ALL) -> ConverseResponse:
    message = write_event(event, wants)
    assert message is not None
    return ConverseResponse.FromString(message.SerializeToString())


@pytest.mark.parametrize(
    ("event", "kind", "offset_ms"),
    [
        (SpeechStarted(turn=TURN, at=9.0, audio_at=1.25, onset_at=1.25), "SPEECH_STARTED", 1_250),
        (SpeechEnded(turn=TURN, at=9.0, audio_at=2.5), "SPEECH_ENDED", 2_500),
        (
            TurnEnded(turn=TURN, at=9.0, reason=EndReason.SILENCE, audio_at=2.5, speech_end_at=8.5),
            "TURN_ENDED",
            2_500,
        ),
        *((InputMissing(turn=TURN, at=9.0, problem=problem), problem.name, 0) for problem in InputProblem),
    ],
)
def test_what_is_noticed_of_the_input_is_told_with_its_place(event: CallEvent, kind: str, offset_ms: int) -> None:
    told = written(event).input_event
    assert told.turn_id == 4
    assert told.offset_ms == offset_ms
    assert told.kind == InputEventKind.Value(f"INPUT_EVENT_KIND_{kind}")


def test_digits_are_told() -> None:
    assert written(DigitsCollected(turn=TURN, at=0.0, digits="42#")).input_event.digits == "42#"


def test_a_final_transcript_is_told_whole() -> None:
    final = FinalTranscript(
        turn=TURN, at=0.0, text="Hallo", language="de", confidence=0.5, audio_start=1.0, audio_end=2.0
    )
    told = written(final).transcript
    assert (told.text, told.is_final, told.language, told.confidence) == ("Hallo", True, "de", 0.5)
    assert (told.start_ms, told.end_ms) == (1_000, 2_000)


@pytest.mark.parametrize(
    ("event", "wish"),
    [
        (
            PartialTranscript(turn=TURN, at=0.0, text="Ha", language="de", guess="Hallo", stability=0.5, duration=0.4),
            "interim_transcripts",
        ),
        (TextDelta(turn=TURN, at=0.0, reply=REPLY, text="We"), "response_text"),
    ],
)
def test_what_a_client_does_not_want_is_not_sent(event: CallEvent, wish: str) -> None:
    wishes: dict[str, Any] = {wish: True}
    assert write_event(event, OutputRules(**wishes)) is not None
    wishes[wish] = False
    assert write_event(event, OutputRules(**wishes)) is None


def test_spans_are_sent_in_milliseconds_where_they_are_wanted() -> None:
    assert written(reply_ended(2)).response_done.spans_ms == {"response_gap": 500.0}
    assert not written(reply_ended(2), OutputRules(spans=False)).response_done.spans_ms


def test_a_reply_begins_and_ends_under_its_id() -> None:
    assert written(reply_started(2)).response_started.response_id == 2
    done = written(reply_ended(2, ReplyStatus.BARGE_IN)).response_done
    assert (done.response_id, done.turn_id, done.heard_ms) == (2, 1, 640)
    assert (done.heard_text, done.text) == ("We open", "We open at nine.")


def test_an_answer_carries_its_sources() -> None:
    done = written(replace(reply_ended(2), sources=("hours.md", "faq.csv"), knowledge="9f2c")).response_done
    assert (list(done.sources), done.knowledge_version) == (["hours.md", "faq.csv"], "9f2c")


@pytest.mark.parametrize("status", list(ReplyStatus))
def test_every_stop_clears_the_clients_speaker(status: ReplyStatus) -> None:
    told = written(ReplyStopped(turn=TURN, at=0.0, reply=REPLY, status=status)).clear_audio
    assert told.response_id == 2
    assert told.reason


@pytest.mark.parametrize(
    "event",
    [
        Clause(turn=TURN, at=0.0, reply=REPLY, index=0, text="We"),
        SpeechReady(turn=TURN, at=0.0, reply=REPLY, index=0),
        PlaybackStarted(turn=TURN, at=0.0, reply=REPLY),
        SpeechSustained(turn=TURN, at=0.0, audio_at=0.0, onset_at=0.0),
    ],
)
def test_inner_events_stay_inside(event: CallEvent) -> None:
    assert write_event(event, ALL) is None


def test_a_failure_names_the_stage_and_the_message_that_caused_it() -> None:
    failed = StageFailed(
        turn=TURN,
        at=0.0,
        stage="entrance",
        code="invalid-value",
        message="dtmf.digit is malformed",
        retryable=False,
        field="dtmf.digit",
        refers_to=7,
    )
    notice = written(failed).notice
    assert notice.refers_to_seq == 7
    assert notice.status.code == code_pb2.INVALID_ARGUMENT
    assert unpack(notice.status)[:2] == (["dtmf.digit"], "INVALID_VALUE")


def test_the_end_is_announced_and_told() -> None:
    assert written(CallEnding(turn=TURN, at=0.0, remaining=30.0)).going_away.time_left_ms == 30_000
    ended = written(CallEnded(turn=TURN, at=0.0, reason=CallEnd.HANGUP, duration=61.5, turns=4)).ended
    assert (ended.duration_ms, ended.turns) == (61_500, 4)


@pytest.mark.parametrize("reason", list(CallEnd))
def test_every_end_has_a_status(reason: CallEnd) -> None:
    found = status_of_end(reason)
    assert (found.code == code_pb2.OK) == (reason in {CallEnd.CLIENT, CallEnd.NO_INPUT, CallEnd.HANGUP})


def test_failures_of_other_stages_are_unavailable_when_they_may_pass_and_internal_when_not() -> None:
    assert status_of(DialogError("engine-timeout", "x", retryable=True)).code == code_pb2.UNAVAILABLE
    assert status_of(DialogError("engine-garbage", "x")).code == code_pb2.INTERNAL
    assert status_of(EntranceError("unknown-agent", "x", field="start.agent_id")).code == code_pb2.NOT_FOUND


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_no_instant_is_too_large_for_its_field(at: float, remaining: float) -> None:
    writers: list[Callable[[], ConverseResponse | None]] = [
        lambda: write_audio(ReplyAudio(TURN, REPLY, Pcm(b"", 1, round(max(-1e300, min(at, 1e300)))), last=False), b""),
        lambda: write_going_away(remaining),
        lambda: write_event(SpeechStarted(turn=TURN, at=0.0, audio_at=at, onset_at=0.0), ALL),
        lambda: write_event(CallEnded(turn=TURN, at=0.0, reason=CallEnd.CLIENT, duration=at, turns=0), ALL),
    ]
    assert all(write() is not None for write in writers)


def test_what_became_of_a_picture_is_told() -> None:
    ready = PictureNoted(turn=TURN, at=9.0, media="m1", state=PictureState.READY, note="TOTAL 7.70", took=0.9)
    noted = written(ready).picture_noted
    assert (noted.media_id, noted.note, noted.took_ms, noted.problem.code) == ("m1", "TOTAL 7.70", 900, 0)
    failed = replace(ready, state=PictureState.FAILED, note="", code="looking-timeout", message="too slow")
    problem = written(failed).picture_noted.problem
    assert problem.message == "too slow"
    assert unpack(problem)[1] == "LOOKING_TIMEOUT"
