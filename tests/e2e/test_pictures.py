"""A caller sends a picture to the real service, and asks about it: a real model answers from what was read."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from benchmarks.vision_pictures import SHEETS, drawn, fonts, held, missing, written
from pipeline.entrances.generated.voicepipe.v1 import input_pb2, output_pb2
from pipeline.entrances.generated.voicepipe.v1.media_pb2 import MediaHeader, UploadMediaRequest
from pipeline.entrances.generated.voicepipe.v1.media_pb2_grpc import MediaServiceStub
from tests.e2e.conftest import CONFIG
from tests.e2e.service import metrics, running
from tests.entrances.calls import Caller

pytestmark = [pytest.mark.e2e, pytest.mark.anyio, pytest.mark.timeout(400)]

QWEN = "qwen2.5-coder-1.5b-instruct"
AGENT = """
name = "Receipts"
persona = "You are the telephone of Corner Bakery. You help callers with their receipts."
"""


async def upload(channel: grpc.aio.Channel, call: str, picture: bytes) -> str:
    async def parts() -> AsyncIterator[UploadMediaRequest]:
        yield UploadMediaRequest(header=MediaHeader(conversation_id=call, mime_type="image/jpeg"))
        for at in range(0, len(picture), 65_536):
            yield UploadMediaRequest(chunk=picture[at : at + 65_536])

    answered: Any = MediaServiceStub(channel).UploadMedia(parts())
    return str((await answered).media_id)


async def asked(caller: Caller, question: str) -> output_pb2.ResponseDone:
    await caller.send(text=input_pb2.TextInput(text=question, language="en"))
    return (await caller.next("response_done")).response_done


async def test_the_facts_of_a_receipt_are_in_the_answers(tmp_path: Path, ollama_with_tools: str) -> None:
    receipt = SHEETS[0]
    picture = written(held(drawn(receipt, fonts("en")[0]), 180))
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "line.toml").write_text(AGENT)
    config = CONFIG.format(agents=tmp_path / "agents", ollama=ollama_with_tools)
    config = config.replace("smollm2-135m-instruct", QWEN).replace(
        "num_predict = 16", "num_predict = 60\ntemperature = 0.0\nfirst_token_timeout = 120.0\ntoken_timeout = 60.0"
    )
    config += "\n[vision]\npatience = 60.0\ntimeout = 60.0\n[ladder]\nphrase_after = 0.0\n"
    with running(config, tmp_path) as service:
        async with grpc.aio.insecure_channel(service.grpc) as channel:
            caller = Caller(channel)
            started = (await caller.start(conversation_id="call-1")).started
            assert started.limits.max_image_bytes == 10_000_000
            media = await upload(channel, "call-1", picture)
            await caller.send(image=input_pb2.ImageInput(media_id=media))
            # Asked before the picture was read: the answer waits for it.
            first = await asked(caller, "What is the total on my receipt?")
            assert "17.50" in first.text, first.text
            assert first.spans_ms["vision"] > 0
            second = await asked(caller, "And what is the receipt number?")
            assert "4821" in second.text.replace(" ", ""), second.text
            await caller.rest()
        counted = metrics(service)
    assert counted['voicepipe_pictures_total{state="ready"}'] == 1


async def test_what_was_read_is_told_to_the_client(tmp_path: Path, ollama_server: str) -> None:
    sheet = SHEETS[3]
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "line.toml").write_text(AGENT)
    config = CONFIG.format(agents=tmp_path / "agents", ollama=ollama_server) + "\n[vision]\ntimeout = 60.0\n"
    with running(config, tmp_path) as service:
        async with grpc.aio.insecure_channel(service.grpc) as channel:
            caller = Caller(channel)
            await caller.start(conversation_id="call-1")
            media = await upload(channel, "call-1", written(drawn(sheet, fonts("zh")[0])))
            received = (await caller.next("picture_noted")).picture_noted
            assert (received.media_id, received.state) == (media, output_pb2.PICTURE_STATE_RECEIVED)
            ready = (await caller.next("picture_noted")).picture_noted
            assert (ready.media_id, ready.state) == (media, output_pb2.PICTURE_STATE_READY)
            assert not missing(sheet, ready.note), ready.note
            assert ready.took_ms > 0
            await caller.rest()
