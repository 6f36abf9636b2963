"""Who may go on with a call, and with what. On virtual time."""

from collections.abc import Mapping
from typing import Any

import pytest
from google.rpc import code_pb2

from pipeline.entrances.generated.voicepipe.v1.audio_pb2 import AudioFormat, AudioInput
from pipeline.entrances.generated.voicepipe.v1.config_pb2 import (
    BargeInConfig,
    ClientCapabilities,
    DtmfConfig,
    EndpointingConfig,
    OutputConfig,
    Pacing,
    ToolDeclaration,
)
from pipeline.entrances.generated.voicepipe.v1.config_pb2 import Caller as CallerMessage
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest
from pipeline.entrances.generated.voicepipe.v1.input_pb2 import PlaybackEvent
from tests.entrances.calls import FakeSwitchboard, unpack
from tests.entrances.resuming import code, hosted
from tests.entrances.wires import lost
from tests.virtual_time import VIRTUAL_TIME, pass_time

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, Mapping[str, Any]]:
    return VIRTUAL_TIME


async def test_a_token_that_is_not_good_reads_the_same_whatever_is_wrong_with_it() -> None:
    async with hosted(FakeSwitchboard()) as service:
        wire, started = await service.called()
        token = started.started.resume_token
        assert len(token) * 6 >= 128
        lost(wire)
        await pass_time(1.0)
        refusals = [await service.refused(resume_token=wrong) for wrong in ("x", token[:-1], token + "A", "Ω" * 99)]
        refusals.append(await service.refused(resume_token=token, agent_id="bank"))  # another tenant's, perhaps
        again, next_started = await service.called(resume_token=token)
        await again.send(ConverseRequest(audio=AudioInput(data=bytes(640))))
        await pass_time(0.1)
        refusals.append(await service.refused(resume_token=token))
        again.hang_up()
        await pass_time(1.0)
        again.received.close()
        refusals.append(await service.refused(resume_token=next_started.started.resume_token))
    assert {one.code for one in refusals} == {code_pb2.NOT_FOUND}
    assert len({one.SerializeToString() for one in refusals}) == 1


async def test_a_thousand_guesses_change_nothing() -> None:
    async with hosted(FakeSwitchboard()) as service:
        wire, started = await service.called()
        lost(wire)
        for number in range(1000):
            assert code(await service.refused(resume_token=f"guess-{number}")) == "UNKNOWN_TOKEN"
        again, _ = await service.called(resume_token=started.started.resume_token)
        again.hang_up()
        await pass_time(1.0)
        again.received.close()
        assert service.count("calls_refused_total", code="unknown-token") == 1000


async def test_a_token_is_good_until_its_successor_has_arrived() -> None:
    async with hosted(FakeSwitchboard()) as service:
        wire, started = await service.called()
        lost(wire)
        unread, _ = await service.called(resume_token=started.started.resume_token)
        lost(unread)  # before Started was read
        again, _ = await service.called(resume_token=started.started.resume_token)
        again.hang_up()
        await pass_time(1.0)
        again.received.close()


async def test_an_open_stream_ends_as_aborted_when_another_resumes_its_call() -> None:
    async with hosted(FakeSwitchboard()) as service:
        wire, started = await service.called()
        await pass_time(3.0)
        again, _ = await service.called(resume_token=started.started.resume_token)
        await wire.over.wait()
        assert wire.status is not None
        assert (wire.status.code, code(wire.status)) == (code_pb2.ABORTED, "RESUMED_ELSEWHERE")
        again.hang_up()
        await pass_time(1.0)
        for one in (wire, again):
            one.received.close()


CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    ({"conversation_id": "c-2"}, "start.conversation_id"),
    ({"languages": ["de"]}, "start.languages"),
    ({"endpointing": EndpointingConfig(no_input_ms=9_000)}, "start.endpointing"),
    ({"barge_in": BargeInConfig(min_speech_ms=9)}, "start.barge_in"),
    ({"dtmf": DtmfConfig(max_digits=9)}, "start.dtmf"),
    ({"caller": CallerMessage(ani="+1")}, "start.caller"),
    ({"parameters": {"order": "9"}}, "start.parameters"),
    ({"tools": [ToolDeclaration(name="t", description="d")]}, "start.tools"),
    ({"output": OutputConfig(lead_ms=999)}, "start.output.lead_ms"),
    (
        {"output": OutputConfig(pacing=Pacing.PACING_FAST), "capabilities": ClientCapabilities(can_clear=True)},
        "start.output.pacing",
    ),
    ({"last_seen_seq": 99}, "start.last_seen_seq"),
    ({"last_playback": PlaybackEvent()}, "start.last_playback.response_id"),
    ({"input_audio": AudioFormat()}, "start.input_audio.encoding"),
]


@pytest.mark.parametrize(("parts", "field"), CONTRADICTIONS, ids=[field for _, field in CONTRADICTIONS])
async def test_what_cannot_change_is_named_and_costs_no_token(parts: dict[str, Any], field: str) -> None:
    async with hosted(FakeSwitchboard()) as service:
        wire, started = await service.called(conversation_id="c-1", languages=["en"])
        token = started.started.resume_token
        lost(wire)
        refusal = await service.refused(resume_token=token, **parts)
        assert refusal.code == code_pb2.INVALID_ARGUMENT
        assert unpack(refusal)[0] == [field]
        again, _ = await service.called(resume_token=token, conversation_id="c-1", languages=["en"], agent_id="shop")
        again.hang_up()
        await pass_time(1.0)
        again.received.close()


@pytest.mark.parametrize("parts", [{"last_seen_seq": 1}, {"last_playback": PlaybackEvent(response_id=1)}])
async def test_what_is_for_resuming_needs_a_token(parts: dict[str, Any]) -> None:
    async with hosted(FakeSwitchboard()) as service:
        refusal = await service.refused(**parts)
        assert refusal.code == code_pb2.INVALID_ARGUMENT
        assert unpack(refusal)[0] == [f"start.{next(iter(parts))}"]
