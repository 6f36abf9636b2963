"""The client against a scripted service over real sockets, on the real clock: each call takes about a second."""

import json
from dataclasses import replace
from itertools import pairwise

import anyio
import grpc
import numpy as np
import pytest

from pipeline.audio.g711 import mulaw_decode
from pipeline.caller.errors import CallError
from pipeline.caller.live import CallOpened, LiveEvent, ReplyOver, ReplyWritten, Understood, UtteranceBegun
from pipeline.caller.place import place_call
from pipeline.caller.plan import CallPlan, Encoding, Utterance
from pipeline.caller.report import CallReport
from pipeline.core.pcm import Pcm
from pipeline.entrances.generated.voicepipe.v1 import audio_pb2, input_pb2, output_pb2
from tests.caller.server import Script, ServedCall, scripted, tone

pytestmark = pytest.mark.anyio

SAYING = Utterance("hello.wav", Pcm(tone(0.1), 8000))
PLAN = CallPlan(utterances=(SAYING,), rate=8000, pause=0.1, greeting=0.1, patience=5.0)
TURN_FIELDS = {"turn", "transcript", "language", "reply", "heard", "heard_ms", "status", "gap_ms", "spans"}
TURN_FIELDS |= {"filler_ms", "stalled_ms"}
"""What a turn's report has at least."""


async def called(script: Script, plan: CallPlan = PLAN, events: list[LiveEvent] | None = None) -> CallReport:
    heard: list[LiveEvent] = [] if events is None else events
    async with scripted(script) as (address, _):
        return await place_call(replace(plan, server=address), tell=heard.append)


async def failed(script: Script, plan: CallPlan = PLAN) -> CallError:
    with pytest.raises(CallError) as caught:
        await called(script, plan)
    return caught.value


async def one_turn(call: ServedCall) -> None:
    await call.start()
    await call.turn(1, "hello")
    await call.reply(1, 1, "Good day.", bytes(2 * 400) + tone(0.1))
    await call.end()


async def test_a_turn_is_spoken_answered_heard_and_reported() -> None:
    events: list[LiveEvent] = []
    report = await called(one_turn, events=events)
    [turn] = report.turns
    assert (turn.turn, turn.utterance, turn.transcript, turn.language) == (1, "hello.wav", "hello", "en")
    assert (turn.reply, turn.heard, turn.heard_ms, turn.status) == ("Good day.", "Good day.", 150, "completed")
    assert turn.spans == {"response_gap": 12.3}
    assert report.call_id == "call-1"
    assert report.ended is not None
    assert (report.ended.reason, report.ended.status) == ("client", "OK")
    kinds = [type(event) for event in events]
    assert kinds == [CallOpened, UtteranceBegun, Understood, ReplyWritten, ReplyOver]
    assert isinstance(events[-1], ReplyOver)
    assert events[-1].report == turn


async def test_the_gap_is_what_the_recording_shows() -> None:
    report = await called(one_turn)
    left, right = (
        np.flatnonzero(np.frombuffer(side.data, dtype="<i2"))
        for side in (report.recording.caller, report.recording.service)
    )
    assert len(left) == 800
    gap_ms = (right[0] - left[-1] - 1) / 8
    assert report.turns[0].gap_ms == pytest.approx(gap_ms, abs=0.2)
    # The last sample is sent with its frame, then come a silent frame and 50 ms of silence in the reply.
    assert 70 <= gap_ms < 400


async def test_the_report_is_json_with_the_fields_of_the_contract() -> None:
    report = json.loads(json.dumps((await called(one_turn)).to_json()))
    assert set(report) == {"call_id", "turns", "prompts", "notices", "ended"}
    assert set(report["turns"][0]) >= TURN_FIELDS


async def test_the_greeting_is_heard_out_before_the_caller_speaks() -> None:
    order: list[str] = []

    async def script(call: ServedCall) -> None:
        await call.start()
        await call.reply(1, 0, "Welcome.", tone(0.3))
        order.append("heard" if not any(any(request.audio.data) for request in call.received) else "spoken over")
        await call.turn(1, "hello")
        await call.reply(2, 1, "Good day.", tone(0.05))
        await call.end()

    report = await called(script)
    assert order == ["heard"]
    assert [prompt.text for prompt in report.prompts] == ["Welcome."]
    assert report.prompts[0].heard_ms == 300
    assert report.turns[0].reply == "Good day."


async def test_the_next_utterance_waits_until_the_reply_was_heard() -> None:
    async def script(call: ServedCall) -> None:
        await call.start()
        for number in (1, 2):
            await call.turn(number, f"say {number}")
            await call.reply(number, number, "Yes.", tone(0.2))
        await call.end()

    report = await called(script, replace(PLAN, utterances=(SAYING, SAYING)))
    assert [turn.transcript for turn in report.turns] == ["say 1", "say 2"]
    caller = np.flatnonzero(np.frombuffer(report.recording.caller.data, dtype="<i2"))
    service = np.flatnonzero(np.frombuffer(report.recording.service.data, dtype="<i2"))
    begins_again = next(after for before, after in pairwise(caller) if after - before > 1)
    # The caller looks up once a frame, and what is said then lies in the frame that is being captured.
    assert begins_again - service[1599] >= (0.1 - 2 * 0.02) * 8000


async def test_talking_over_a_reply_begins_after_so_many_seconds_of_it() -> None:
    async def script(call: ServedCall) -> None:
        await call.start()
        await call.begin_reply(1, 0, "A long welcome.", tone(5.0))
        await call.speech()
        await call.send(clear_audio=output_pb2.ClearAudio(response_id=1, reason=output_pb2.CLEAR_REASON_BARGE_IN))
        cleared = await call.playback(1, input_pb2.PLAYBACK_KIND_CLEARED)
        await call.end_reply(1, 0, "A long welcome.", cleared.played_ms, status=output_pb2.RESPONSE_STATUS_BARGE_IN)
        await call.send(transcript=output_pb2.Transcript(turn_id=1, text="hello", is_final=True))
        await call.reply(2, 1, "Good day.", tone(0.05))
        await call.end()

    report = await called(script, replace(PLAN, talk_over=0.2))
    [prompt] = report.prompts
    assert prompt.status == "barge_in"
    assert 300 <= prompt.heard_ms < 900


async def test_cleared_sound_is_never_heard_and_never_reported_complete() -> None:
    calls: list[ServedCall] = []

    async def script(call: ServedCall) -> None:
        calls.append(call)
        await call.start()
        await call.turn(1, "hello")
        await call.begin_reply(1, 1, "Wrong.", tone(1.0))
        await call.playback(1, input_pb2.PLAYBACK_KIND_STARTED)
        await call.send(clear_audio=output_pb2.ClearAudio(response_id=1, reason=output_pb2.CLEAR_REASON_CANCELLED))
        await call.send(audio=audio_pb2.ResponseAudio(response_id=1, data=tone(0.5), last=True))
        cleared = await call.playback(1, input_pb2.PLAYBACK_KIND_CLEARED)
        await call.end_reply(1, 1, "Wrong.", cleared.played_ms, status=output_pb2.RESPONSE_STATUS_CANCELLED)
        await call.end()

    report = await called(script)
    kinds = [request.playback.kind for request in calls[0].received if request.HasField("playback")]
    assert kinds == [input_pb2.PLAYBACK_KIND_STARTED, input_pb2.PLAYBACK_KIND_CLEARED]
    heard = np.count_nonzero(np.frombuffer(report.recording.service.data, dtype="<i2")) / 8
    assert report.turns[0].status == "cancelled"
    assert heard == pytest.approx(report.turns[0].heard_ms, abs=1)
    assert heard < 300


async def test_the_line_is_sent_in_real_time_without_gaps_in_the_encoding_that_was_asked_for() -> None:
    calls: list[ServedCall] = []

    async def script(call: ServedCall) -> None:
        calls.append(call)
        start = await call.start()
        assert start.input_audio.encoding == audio_pb2.AUDIO_ENCODING_MULAW
        assert start.capabilities.can_clear
        assert start.capabilities.reports_playback
        await call.receive(lambda request: mulaw_decode(request.audio.data) != bytes(320) and bool(request.audio.data))
        for kind in (output_pb2.INPUT_EVENT_KIND_SPEECH_STARTED, output_pb2.INPUT_EVENT_KIND_TURN_ENDED):
            await call.send(input_event=output_pb2.InputEvent(kind=kind, turn_id=1))
        await call.send(transcript=output_pb2.Transcript(turn_id=1, text="hi", is_final=True))
        await call.reply(1, 1, "Hello.", b"\x10" * 4000)
        await call.end()

    report = await called(script, replace(PLAN, encoding=Encoding.MULAW))
    frames = [request.audio for request in calls[0].received if request.HasField("audio")]
    assert all(len(frame.data) == 160 for frame in frames)
    assert [frame.sample_offset for frame in frames] == [160 * number for number in range(len(frames))]
    assert report.turns[0].heard_ms == 500
    assert len(frames) / 50 == pytest.approx(report.recording.service.duration, abs=0.1)


async def test_a_turn_that_was_not_understood_does_not_stop_the_call() -> None:
    async def script(call: ServedCall) -> None:
        await call.start()
        await call.speech()
        for kind in ("SPEECH_STARTED", "TURN_ENDED", "NO_MATCH"):
            event = output_pb2.InputEventKind.Value(f"INPUT_EVENT_KIND_{kind}")
            await call.send(input_event=output_pb2.InputEvent(kind=event, turn_id=1))
        await call.reply(1, 1, "Pardon?", tone(0.05))
        await call.end()

    report = await called(script)
    assert [prompt.text for prompt in report.prompts] == ["Pardon?"]
    assert (report.turns[0].transcript, report.turns[0].reply, report.turns[0].status) == ("", "", "none")
    assert report.turns[0].gap_ms is None


async def test_a_notice_is_part_of_the_report() -> None:
    async def script(call: ServedCall) -> None:
        await call.start()
        notice = output_pb2.Notice(retryable=True)
        notice.status.code = grpc.StatusCode.UNAVAILABLE.value[0]
        notice.status.message = "the model is gone"
        await call.send(notice=notice)
        await call.turn(1, "hello")
        await call.reply(1, 1, "Sorry.", tone(0.05))
        await call.end()

    [notice] = (await called(script)).notices
    assert (notice.code, notice.message, notice.retryable) == ("UNAVAILABLE", "the model is gone", True)


async def test_a_call_that_the_service_ends_is_no_error() -> None:
    async def script(call: ServedCall) -> None:
        await call.start()
        await call.turn(1, "hello")
        await call.farewell(output_pb2.END_REASON_MAX_DURATION)
        await call.context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "too long")

    report = await called(script)
    assert report.ended is not None
    assert (report.ended.reason, report.ended.status) == ("max_duration", "DEADLINE_EXCEEDED")


async def test_a_server_that_is_away_is_named_with_the_fix() -> None:
    with pytest.raises(CallError, match=r"no server answers at 127\.0\.0\.1:1") as caught:
        await place_call(replace(PLAN, server="127.0.0.1:1"))
    assert caught.value.fix == "voicepipe serve"


@pytest.mark.parametrize(
    ("code", "fix"),
    [
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "try again later"),
        (grpc.StatusCode.NOT_FOUND, "--agent"),
        (grpc.StatusCode.ALREADY_EXISTS, "--id"),
    ],
)
async def test_a_refused_call_says_why_and_what_to_do(code: grpc.StatusCode, fix: str) -> None:
    async def script(call: ServedCall) -> None:
        await call.context.abort(code, "not today")

    error = await failed(script)
    assert f"refused the call: {code.name}: not today" in str(error)
    assert fix in error.fix


async def test_a_server_that_vanishes_in_mid_call_leaves_a_report_of_what_there_was() -> None:
    async def script(call: ServedCall) -> None:
        await call.start()
        await call.turn(1, "hello")
        await call.begin_reply(1, 1, "Good", tone(0.2), last=False)
        await call.playback(1, input_pb2.PLAYBACK_KIND_STARTED)
        await call.context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")

    error = await failed(script)
    assert "the call broke off: UNAVAILABLE: Socket closed" in str(error)
    assert error.report is not None
    assert error.report.ended is None
    [turn] = error.report.turns
    assert (turn.transcript, turn.reply, turn.status) == ("hello", "Good", "none")


async def test_a_server_that_closes_without_a_word_is_an_error() -> None:
    async def script(call: ServedCall) -> None:
        await call.start()

    assert (await failed(script)).code == "no-end"


@pytest.mark.parametrize("take_the_call", [True, False])
async def test_a_silent_server_is_given_up(take_the_call: bool) -> None:
    async def script(call: ServedCall) -> None:
        if take_the_call:
            await call.start()
        await call.receive(lambda _: False)

    error = await failed(script, replace(PLAN, patience=0.5))
    assert error.code == "no-answer"
    assert ("notice that 'hello.wav' was said" if take_the_call else "take the call") in str(error)


async def test_a_caller_who_is_stopped_hangs_up_and_hears_the_call_end() -> None:
    stop = anyio.Event()

    async def script(call: ServedCall) -> None:
        await call.start()
        stop.set()
        await call.end()

    async with scripted(script) as (address, _):
        report = await place_call(replace(PLAN, server=address, greeting=60.0, patience=60.0), stop=stop)
    assert report.ended is not None
    assert (report.ended.reason, report.turns) == ("client", ())


async def test_a_caller_who_is_stopped_before_the_call_was_taken_leaves() -> None:
    stop = anyio.Event()

    async def script(call: ServedCall) -> None:
        stop.set()
        await call.receive(lambda _: False)

    async with scripted(script) as (address, _):
        with pytest.raises(CallError, match="stopped before the call was taken"):
            await place_call(replace(PLAN, server=address), stop=stop)
