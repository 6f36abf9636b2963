import json
from typing import Any

import pytest

from pipeline.core.errors import DialogError
from pipeline.core.stages import ChatDelta, ChatOptions, Message, ToolSpec, ToolUse
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


async def test_a_model_whose_template_has_no_tools_is_named() -> None:
    refusal = whole("400 Bad Request", b'{"error":"registry.ollama.ai/library/some-model does not support tools"}')
    error = await failure(refusal)
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
