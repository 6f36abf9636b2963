"""The client whose connection breaks: it goes on with its call, and says and hears everything once."""

from dataclasses import replace

import grpc
import pytest

from pipeline.caller.continuity import Continuity
from pipeline.caller.errors import CallError
from pipeline.caller.live import CallGoesOn, CallOpened, LiveEvent
from pipeline.caller.place import place_call
from pipeline.caller.speaker import Speaker
from pipeline.entrances.generated.voicepipe.v1 import audio_pb2, config_pb2, input_pb2, output_pb2
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest, ConverseResponse
from tests.caller.server import ServedCall, scripted, tone
from tests.caller.test_place import PLAN

pytestmark = pytest.mark.anyio

FIRST, NEXT = "one", "two"
"""Tokens."""


class Breaking:
    """A service that breaks the first stream in the middle of a reply, and goes on over the second."""

    def __init__(self, code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE, *, resumes: bool = True) -> None:
        self.starts: list[config_pb2.ConversationStart] = []
        self.heard: list[list[ConverseRequest]] = []
        """What came over each stream."""
        self._code = code
        self._resumes = resumes

    async def __call__(self, call: ServedCall) -> None:
        request = await call.receive(lambda one: one.HasField("start"))
        self.starts.append(request.start)
        if len(self.starts) == 1:
            await self._begin(call)
        elif not self._resumes:
            await call.context.abort(grpc.StatusCode.NOT_FOUND, "the call cannot be resumed")
        else:
            await self._go_on(call)

    async def _begin(self, call: ServedCall) -> None:
        await call.send(started=output_pb2.Started(conversation_id="c-1", agent_id="shop", resume_token=FIRST))
        await call.send(seq=1, response_started=output_pb2.ResponseStarted(response_id=1))
        await call.send(audio=audio_pb2.ResponseAudio(response_id=1, data=tone(0.5)))
        await call.playback(1, input_pb2.PLAYBACK_KIND_STARTED)
        await call.receive(lambda one: one.HasField("audio") and one.seq > 20)
        self.heard.append(call.received)
        await call.context.abort(self._code, "the connection broke")

    async def _go_on(self, call: ServedCall) -> None:
        await call.send(started=output_pb2.Started(conversation_id="c-1", agent_id="shop", resume_token=NEXT))
        await call.send(resumption_update=output_pb2.ResumptionUpdate(token=NEXT, resumable=True, last_consumed_seq=9))
        await call.send(seq=1, response_started=output_pb2.ResponseStarted(response_id=1))
        await call.send(seq=2, response_text=output_pb2.ResponseText(response_id=1, delta="Good day."))
        await call.send(audio=audio_pb2.ResponseAudio(response_id=1, data=tone(0.3), last=True))
        await call.playback(1, input_pb2.PLAYBACK_KIND_COMPLETED)
        await call.end_reply(1, 0, "Good day.", heard_ms=300)
        await call.receive(lambda one: one.HasField("audio"))
        self.heard.append(call.received)
        await call.end()


async def test_the_caller_goes_on_with_the_call_and_says_what_was_lost_again() -> None:
    service, events = Breaking(), list[LiveEvent]()
    async with scripted(service) as (address, _):
        report = await place_call(replace(PLAN, server=address, utterances=()), tell=events.append)
    assert report.ended is not None
    first, second = service.starts
    assert (first.resume_token, second.resume_token, second.last_seen_seq) == ("", FIRST, 1)
    assert second.last_playback.response_id == 1
    assert 0 < second.last_playback.played_ms <= 500
    assert [type(event) for event in events[:2]] == [CallOpened, CallGoesOn]
    before, after = ([one.seq for one in heard if one.HasField("audio")] for heard in service.heard)
    assert after[0] in {10, 11}
    assert {seq for seq in before if seq > 9} <= set(after)  # the service had them, and said that it had not
    assert after == sorted(after)
    assert [prompt.text for prompt in report.prompts] == ["Good day."]


@pytest.mark.parametrize("code", [grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED])
async def test_what_is_no_broken_connection_ends_the_call(code: grpc.StatusCode) -> None:
    service = Breaking(code, resumes=False)
    async with scripted(service) as (address, _):
        with pytest.raises(CallError) as caught:
            await place_call(replace(PLAN, server=address, utterances=()))
    # A status that is sent under the client's writes is one that grpc.aio may replace by INTERNAL.
    assert caught.value.code == "internal" or len(service.starts) == 1


async def test_a_call_that_is_not_there_any_more_fails_with_what_broke_it() -> None:
    service = Breaking(resumes=False)
    async with scripted(service) as (address, _):
        with pytest.raises(CallError, match="the connection broke"):
            await place_call(replace(PLAN, server=address, utterances=()))
    assert len(service.starts) == 2


async def test_a_caller_that_shall_not_resume_does_not() -> None:
    service = Breaking()
    async with scripted(service) as (address, _):
        with pytest.raises(CallError, match="the connection broke"):
            await place_call(replace(PLAN, server=address, utterances=(), resume=0.0))
    assert len(service.starts) == 1


def test_what_the_service_has_is_not_kept_and_playback_never_is() -> None:
    kept = Continuity()
    for request in (
        ConverseRequest(audio=audio_pb2.AudioInput(data=b"1")),
        ConverseRequest(playback=input_pb2.PlaybackEvent(response_id=1)),
        ConverseRequest(text=input_pb2.TextInput(text="hello")),
    ):
        kept.numbered(request)
    assert [one.seq for one in kept.not_consumed(0)] == [1, 3]
    assert [one.seq for one in kept.not_consumed(1)] == [3]
    assert kept.not_consumed(3) == []


def test_a_message_that_comes_again_is_no_news() -> None:
    kept = Continuity()
    news = [kept.is_news(ConverseResponse(seq=number)) for number in (1, 2, 2, 1, 3, 0, 0)]
    assert news == [True, True, False, False, True, True, True]


def test_the_speaker_counts_a_reply_anew_on_another_stream() -> None:
    speaker = Speaker(8000)
    speaker.arrived(1, tone(1.0), 10.0, last=False)
    heard = speaker.renew(10.4)
    assert heard is not None
    assert (heard.reply, heard.played_ms) == (1, 400)
    assert not speaker.playing(10.5)
    speaker.arrived(1, tone(0.5), 12.0, last=True)
    assert [report.played_ms for report in speaker.due(12.5)] == [500, 500]
    assert speaker.heard(1, 13.0) == pytest.approx(0.9)


def test_a_reply_that_was_heard_to_its_end_stays_heard() -> None:
    speaker = Speaker(8000)
    speaker.arrived(1, tone(0.5), 10.0, last=True)
    speaker.due(10.5)
    heard = speaker.renew(11.0)
    assert heard is not None
    assert heard.played_ms == 500
    assert speaker.due(12.0) == []
