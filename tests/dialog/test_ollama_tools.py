import json
from typing import Any

import pytest
from anyio.abc import SocketStream

from pipeline.core.clock import LoopClock
from pipeline.core.errors import DialogError
from pipeline.core.stages import ChatDelta, ChatOptions, Message, ToolSpec, ToolUse
from pipeline.dialog.health import Health
from pipeline.dialog.ollama import Ollama
from pipeline.dialog.routed import Candidate
from pipeline.dialog.routing import Candidates, Router, Routing
from pipeline.settings import Dialog
from tests.dialog.desk import Notes
from tests.dialog.scripted_server import STREAM_HEAD, Answer, part, scripted_server, whole, written
from tests.dialog.test_ollama import HELLO, failure, ollama, reply

pytestmark = pytest.mark.anyio

ORDER = {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}
TOOLS = ChatOptions(tools=(ToolSpec("order_status", "Where an order is.", ORDER),))
USE = ToolUse("order_status", {"order": "48213"})


async def test_tools_are_told_the_same_each_time_and_calls_with_their_results_are_sent_back() -> None:
    requests: list[Any] = []
    said = [*HELLO, Message("assistant", "One moment.", (USE,)), Message("tool", "shipped", tool="order_status")]
    async with scripted_server(written(STREAM_HEAD, part("", done=True)), requests) as url:
        model = ollama(url)
        for _ in range(2):
            assert [delta async for delta in model.stream(said, TOOLS)]
        await model.warm(said, TOOLS)
    first, *others = [json.dumps(request["tools"]) for request in requests]
    assert others == [first, first]
    assert requests[0]["tools"] == [
        {
            "type": "function",
            "function": {"name": "order_status", "description": "Where an order is.", "parameters": ORDER},
        }
    ]
    assert requests[0]["messages"][2:] == [
        {
            "role": "assistant",
            "content": "One moment.",
            "tool_calls": [{"function": {"name": "order_status", "arguments": {"order": "48213"}}}],
        },
        {"role": "tool", "content": "shipped", "tool_name": "order_status"},
    ]


async def called(*lines: bytes) -> list[ChatDelta]:
    async with scripted_server(written(STREAM_HEAD, *lines)) as url:
        return await reply(ollama(url), TOOLS)


async def test_calls_that_the_server_knows_as_such_are_uses() -> None:
    call = {"function": {"name": "order_status", "arguments": {"order": "48213"}}}
    line = json.dumps({"message": {"role": "assistant", "content": "", "tool_calls": [call]}, "done": False}) + "\n"
    deltas = await called(part("One moment."), line.encode(), part("", done=True))
    assert [delta.text for delta in deltas] == ["One moment.", "", ""]
    assert [delta.uses for delta in deltas] == [(), (USE,), ()]


async def test_a_call_that_the_server_takes_for_text_is_a_use_and_no_text() -> None:
    pieces = ("Let me look. ", '{"name": "order_sta', 'tus", "arguments": {"order": ', '"48213"}}')
    deltas = await called(*map(part, pieces), part("", done=True))
    assert "".join(delta.text for delta in deltas) == "Let me look. "
    assert [use for delta in deltas for use in delta.uses] == [USE]


REFUSAL = whole("400 Bad Request", b'{"error":"registry.ollama.ai/library/some-model does not support tools"}')


async def test_a_model_whose_template_has_no_tools_is_asked_without_and_that_is_remembered() -> None:
    requests: list[Any] = []
    told: list[str] = []
    answered = written(STREAM_HEAD, part("We open at nine."), part("", done=True))

    async def answer(client: SocketStream) -> None:
        await (REFUSAL if requests[-1]["tools"] else answered)(client)

    async with scripted_server(answer, requests) as url:
        model = Ollama(Dialog(ollama_url=url), "some-model", toolless=lambda: told.append("toolless"))
        desk = Candidate("some-model", model, Health(LoopClock()))
        router = Router(Routing(), Candidates([desk]), LoopClock(), Notes())
        for _ in range(4):
            deltas = [delta async for delta in router.route("hello").stream(HELLO, TOOLS)]
            assert "".join(delta.text for delta in deltas) == "We open at nine."
            assert not desk.health.failing
    assert [bool(request["tools"]) for request in requests] == [True, False, False, False, False]
    assert told == ["toolless"]


async def test_a_server_that_says_so_though_nobody_spoke_of_tools_is_asked_once() -> None:
    error = await failure(REFUSAL)
    assert (error.code, error.retryable) == ("tools-unsupported", False)
    assert "the model some-model cannot use tools" in str(error)


def vectors(*rows: Any) -> Answer:
    return whole("200 OK", json.dumps({"model": "some-model", "embeddings": rows}).encode())


async def test_each_text_gets_its_vector() -> None:
    requests: list[Any] = []
    async with scripted_server(vectors([1.0, 0.0], [0.0, 1.0]), requests) as url:
        model = ollama(url)
        assert await model.embed(["one", "two"]) == [[1.0, 0.0], [0.0, 1.0]]
    (request,) = requests
    assert (model.model, request["model"], request["input"]) == ("some-model", "some-model", ["one", "two"])


@pytest.mark.parametrize("rows", [(), ([1.0, 0.0],), ([1.0], [1.0, 0.0]), ([], []), ("a", "b")])
async def test_vectors_that_do_not_fit_the_texts_are_garbage(rows: Any) -> None:
    async with scripted_server(vectors(*rows)) as url:
        with pytest.raises(DialogError) as caught:
            await ollama(url).embed(["one", "two"])
    assert caught.value.code == "engine-garbage"


async def test_an_embedding_model_that_is_missing_comes_with_the_command_that_pulls_it() -> None:
    async with scripted_server(whole("404 Not Found", b'{"error":"model not found"}')) as url:
        with pytest.raises(DialogError, match="ollama pull some-model") as caught:
            await ollama(url).embed(["one"])
    assert caught.value.code == "model-missing"
