"""What the caller takes for an open turn decides when the caller goes on."""

from pipeline.caller.log import CallLog
from pipeline.entrances.generated.voicepipe.v1 import output_pb2
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseResponse


def heard(log: CallLog, kind: str, turn: int = 1) -> None:
    number = output_pb2.InputEventKind.Value(f"INPUT_EVENT_KIND_{kind}")
    log.feed(ConverseResponse(input_event=output_pb2.InputEvent(kind=number, turn_id=turn)))


def understood(log: CallLog, text: str, turn: int = 1) -> None:
    log.feed(ConverseResponse(transcript=output_pb2.Transcript(turn_id=turn, text=text, is_final=True)))


def began(log: CallLog, reply: int, turn: int = 1) -> None:
    log.feed(ConverseResponse(response_started=output_pb2.ResponseStarted(response_id=reply, turn_id=turn)))


def done(log: CallLog, reply: int, turn: int = 1) -> None:
    log.feed(ConverseResponse(response_done=output_pb2.ResponseDone(response_id=reply, turn_id=turn)))


def test_a_turn_is_open_from_the_first_sound_to_the_end_of_its_reply() -> None:
    log = CallLog()
    assert not log.open
    for kind in ("SPEECH_STARTED", "SPEECH_ENDED", "TURN_ENDED"):
        heard(log, kind)
        assert log.open
    understood(log, "hello")
    assert log.open
    began(log, 1)
    assert log.open
    done(log, 1)
    assert not log.open
    assert log.turns[1].reply == 1
    assert log.replies[1].turn == 1


def test_a_turn_that_was_not_understood_is_over() -> None:
    log = CallLog()
    heard(log, "SPEECH_STARTED")
    heard(log, "TURN_ENDED")
    heard(log, "NO_MATCH")
    assert not log.open
    assert log.noticed == 1


def test_an_empty_transcript_ends_a_turn() -> None:
    log = CallLog()
    heard(log, "SPEECH_STARTED")
    heard(log, "TURN_ENDED")
    understood(log, "")
    assert not log.open


def test_a_backchannel_into_a_reply_is_owed_no_answer() -> None:
    log = CallLog()
    began(log, 1, turn=0)
    heard(log, "SPEECH_STARTED")
    heard(log, "TURN_ENDED")
    understood(log, "mm-hm")
    done(log, 1, turn=0)
    assert not log.open
    assert log.turns[1].reply is None


def test_a_prompt_about_an_answered_turn_is_no_answer() -> None:
    log = CallLog()
    understood(log, "hello")
    began(log, 1)
    done(log, 1)
    heard(log, "NO_INPUT")
    began(log, 2)
    assert log.turns[1].reply == 1
    assert log.replies[2].turn is None
    assert log.noticed == 2


def test_interim_transcripts_settle_nothing() -> None:
    log = CallLog()
    heard(log, "SPEECH_STARTED")
    log.feed(ConverseResponse(transcript=output_pb2.Transcript(turn_id=1, text="hel")))
    assert log.turns[1].transcript is None


def test_messages_of_a_later_contract_are_passed_over() -> None:
    log = CallLog()
    assert log.feed(ConverseResponse()) is None
    assert log.feed(ConverseResponse(mark=output_pb2.Mark(response_id=1))) is None


def test_a_reply_that_was_cleared_leaves_the_answer_to_what_cleared_it_owed() -> None:
    log = CallLog()
    began(log, 1, turn=0)
    heard(log, "SPEECH_STARTED")
    log.feed(ConverseResponse(clear_audio=output_pb2.ClearAudio(response_id=1)))
    heard(log, "TURN_ENDED")
    understood(log, "stop")
    done(log, 1)
    assert log.open
    began(log, 2)
    done(log, 2)
    assert not log.open
