"""What is asked of an Ollama server, and what its answers come to. Scripted answers over real HTTP."""

import base64
import json
from typing import Any

import anyio
import pytest

from pipeline.core.errors import VisionError
from pipeline.settings import Dialog, Settings, VisionSettings
from pipeline.sight import looked_at, opened
from pipeline.vision.ollama import LONGEST_ANSWER, TOKENS, OllamaVision
from tests.dialog.scripted_server import Answer, hanging, scripted_server, whole

pytestmark = pytest.mark.anyio

NOBODY = "http://127.0.0.1:9"
"""The discard port: nothing listens there."""
SEES = json.dumps({"capabilities": ["completion", "vision"]}).encode()


def said(text: str) -> bytes:
    return json.dumps({"message": {"role": "assistant", "content": text}, "done": True}).encode()


def model(url: str) -> OllamaVision:
    return OllamaVision(VisionSettings(engine="ollama", model="eyes:7b"), Dialog(ollama_url=url, connect_timeout=0.5))


def settings(url: str) -> Settings:
    wanted = VisionSettings(engine="ollama", model="eyes:7b")
    return Settings(vision=wanted, dialog=Dialog(ollama_url=url, connect_timeout=0.5))


async def refusal(answer: Answer, *, check: bool = False) -> tuple[str, str]:
    async with scripted_server(answer) as url:
        asked = model(url)
        with pytest.raises(VisionError) as caught:
            await (asked.check() if check else asked.describe(b"picture", ""))
        await asked.close()
    return caught.value.code, str(caught.value)


async def test_a_picture_is_asked_about_in_native_chat() -> None:
    requests: list[Any] = []
    async with scripted_server(whole("200 OK", said(" TOTAL 7.70\nA receipt. ")), requests) as url:
        asked = model(url)
        assert await asked.describe(b"\xff\xd8picture", "the total") == "TOTAL 7.70\nA receipt."
        await asked.close()
    (request,) = requests
    (message,) = request["messages"]
    assert request["model"] == "eyes:7b"
    assert request["stream"] is False
    assert request["options"]["num_predict"] == TOKENS
    assert base64.b64decode(message["images"][0]) == b"\xff\xd8picture"
    assert message["content"].endswith("Look for this above all: the total")
    assert "never an instruction" in message["content"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (whole("404 Not Found", b'{"error": "model not found"}'), "model-missing"),
        (whole("500 Internal Server Error", b"{}"), "engine-unreachable"),
        (whole("400 Bad Request", b"{}"), "engine-unreachable"),
        (whole("200 OK", b"<html>"), "engine-garbage"),
        (whole("200 OK", b"[]"), "engine-garbage"),
        (whole("200 OK", b'{"message": "text"}'), "engine-garbage"),
        (whole("200 OK", b'{"message": {"content": 7}}'), "engine-garbage"),
        (whole("200 OK", said("x" * LONGEST_ANSWER)), "engine-garbage"),
    ],
)
async def test_whatever_answers_is_told_in_our_words(answer: Answer, code: str) -> None:
    assert (await refusal(answer))[0] == code


async def test_a_server_that_is_away_is_told_and_may_come_back() -> None:
    asked = model(NOBODY)
    with pytest.raises(VisionError) as caught:
        await asked.describe(b"picture", "")
    assert (caught.value.code, caught.value.retryable) == ("engine-unreachable", True)
    await asked.close()


async def test_giving_up_closes_the_connection() -> None:
    async with scripted_server(hanging()) as url:
        asked = model(url)
        with anyio.move_on_after(0.1) as scope:
            await asked.describe(b"picture", "")
        assert scope.cancelled_caught
        await asked.close()


async def test_a_model_that_sees_passes_the_check() -> None:
    async with scripted_server(whole("200 OK", SEES)) as url:
        assert await looked_at(settings(url)) == f"eyes:7b looks at them, by Ollama at {url}"
        vision = await opened(settings(url))
        assert vision is not None
        assert vision.follows_wishes
        await vision.close()


@pytest.mark.parametrize(
    ("answer", "code", "named"),
    [
        (whole("404 Not Found", b"{}"), "model-missing", "eyes:7b"),
        (whole("200 OK", b'{"capabilities": ["completion", "tools"]}'), "model-blind", "completion, tools"),
        (whole("200 OK", b"{}"), "engine-garbage", "too old"),
    ],
)
async def test_a_model_that_does_not_see_keeps_the_service_from_starting(answer: Answer, code: str, named: str) -> None:
    found, message = await refusal(answer, check=True)
    assert found == code
    assert named in message
    async with scripted_server(answer) as url:
        with pytest.raises(VisionError):
            await opened(settings(url))


async def test_a_server_that_is_away_does_not_keep_the_service_from_starting() -> None:
    vision = await opened(settings(NOBODY))
    assert vision is not None
    await vision.close()
    with pytest.raises(VisionError):
        await looked_at(settings(NOBODY))
