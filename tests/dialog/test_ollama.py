import json
from contextlib import aclosing
from typing import Any

import anyio
import pytest
from anyio.abc import SocketStream

from pipeline.core.errors import DialogError
from pipeline.core.stages import Author, ChatDelta, ChatOptions, Message, Usage
from pipeline.dialog.ollama import Ollama
from pipeline.settings import Dialog
from tests.dialog.scripted_server import STREAM_HEAD, Answer, endless, hanging, part, scripted_server, whole, written

pytestmark = pytest.mark.anyio

HELLO = [Message("system", "You keep a shop."), Message("user", "Hello?")]
HTML = b"<html><body>It works!</body></html>"


def ollama(url: str, **settings: Any) -> Ollama:
    quick = {"connect_timeout": 1.0, "first_token_timeout": 0.2, "token_timeout": 0.1, "num_predict": 20}
    return Ollama(Dialog(ollama_url=url, **{**quick, **settings}), "some-model")


async def reply(model: Ollama, options: ChatOptions | None = None) -> list[ChatDelta]:
    return [delta async for delta in model.stream(HELLO, options or ChatOptions())]


async def failure(answer: Answer) -> DialogError:
    async with scripted_server(answer) as url:
        with pytest.raises(DialogError) as caught:
            await reply(ollama(url))
    return caught.value


async def test_deltas_come_in_order_and_the_last_one_carries_the_usage() -> None:
    lines = [part("Hel"), part("lo."), part("", done=True, prompt_eval_count=12, eval_count=2)]
    async with scripted_server(written(STREAM_HEAD, *lines)) as url:
        deltas = await reply(ollama(url))
    author = Author("some-model")
    hel, lo = ChatDelta("Hel", author=author), ChatDelta("lo.", author=author)
    assert deltas == [hel, lo, ChatDelta("", Usage(12, 2, "some-model"))]


async def test_a_line_may_come_in_two_halves() -> None:
    line = part("Hello.", done=True)
    async with scripted_server(written(STREAM_HEAD + line[:20], line[20:])) as url:
        assert [delta.text for delta in await reply(ollama(url))] == ["Hello."]


async def test_the_request_says_all_that_the_settings_and_the_caller_say() -> None:
    requests: list[Any] = []
    async with scripted_server(written(STREAM_HEAD, part("", done=True)), requests) as url:
        model = ollama(url, keep_alive="10m", num_ctx=2048, temperature=0.5, top_p=0.8, stop=("END",))
        await reply(model, ChatOptions(temperature=0.0, num_predict=7))
        await reply(model, ChatOptions(num_ctx=1024))
    request, other = requests
    assert other["options"]["num_ctx"] == 1024
    assert request["options"] == {
        "num_ctx": 2048,
        "num_predict": 7,
        "temperature": 0.0,
        "top_p": 0.8,
        "stop": ["END"],
    }
    assert request["keep_alive"] == "10m"
    assert request["stream"] is True
    assert request["messages"][1] == {"role": "user", "content": "Hello?"}


async def test_a_port_that_nobody_listens_on_is_unreachable() -> None:
    async with scripted_server(hanging()) as url:
        pass
    with pytest.raises(DialogError) as caught:
        await reply(ollama(url))
    assert (caught.value.code, caught.value.retryable) == ("engine-unreachable", True)


async def test_a_server_error_is_unreachable_and_worth_another_try() -> None:
    error = await failure(whole("500 Internal Server Error", b'{"error":"llama runner terminated"}'))
    assert (error.code, error.retryable) == ("engine-unreachable", True)


async def test_a_model_that_the_server_has_not_is_named_with_the_command_that_pulls_it() -> None:
    error = await failure(whole("404 Not Found", b'{"error":"model \'some-model\' not found"}'))
    assert error.code == "model-missing"
    assert "ollama pull some-model" in str(error)


async def test_check_finds_a_model_that_is_missing() -> None:
    async with scripted_server(whole("404 Not Found", b'{"error":"model not found"}')) as url:
        with pytest.raises(DialogError) as caught:
            await ollama(url).check()
    assert caught.value.code == "model-missing"


def having(digests: list[str], requests: list[Any]) -> Answer:
    """Answer as a server that has some-model, with one digest after the other."""

    async def answer(client: SocketStream) -> None:
        if requests[-1] is not None:
            await whole("200 OK", b'{"details":{"family":"llama"},"model_info":{}}')(client)
            return
        models = [{"model": "other", "digest": "no"}, {"model": "some-model:latest", "digest": digests.pop(0)}]
        await whole("200 OK", json.dumps({"models": models}).encode())(client)

    return answer


async def test_check_learns_the_digest_of_a_model_that_is_there_and_learns_it_anew() -> None:
    requests: list[Any] = []
    async with scripted_server(having(["abc", "def"], requests), requests) as url:
        model = ollama(url)
        assert model.digest == ""
        for digest in ("abc", "def"):
            await model.check()
            assert model.digest == digest


@pytest.mark.parametrize("body", [HTML, b"", b"[]", b'{"details": 7}'])
async def test_check_knows_that_something_else_answers(body: bytes) -> None:
    async with scripted_server(whole("200 OK", body, "text/html")) as url:
        with pytest.raises(DialogError) as caught:
            await ollama(url).check()
    assert caught.value.code == "engine-garbage"


async def test_check_does_not_wait_for_ever() -> None:
    async with scripted_server(hanging(STREAM_HEAD)) as url:
        with pytest.raises(DialogError) as caught:
            await ollama(url).check()
    assert caught.value.code == "engine-timeout"


@pytest.mark.parametrize(
    "line",
    [
        HTML,
        b'{"message": {"role": "assist',
        b"NaN\n",
        b"[1, 2]\n",
        b'"text"\n',
        b'{"message": {"role": "assistant", "content": NaN}, "done": false}\n',
        b'{"message": 3, "done": false}\n',
        b'{"done": false}\n',
        b"\xff\xfe\xfd\n",
    ],
)
async def test_garbage_in_the_stream_is_called_so(line: bytes) -> None:
    assert (await failure(written(STREAM_HEAD, part("Hel"), line))).code == "engine-garbage"


async def test_a_stream_that_ends_without_an_end_is_garbage() -> None:
    assert (await failure(written(STREAM_HEAD, part("Hel")))).code == "engine-garbage"


async def test_no_http_at_all_is_unreachable() -> None:
    assert (await failure(written(b"220 mail.example.com ESMTP\r\n"))).code == "engine-unreachable"


async def test_a_connection_cut_in_mid_answer_is_unreachable() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
    assert (await failure(written(head, part("Hel")))).code == "engine-unreachable"


async def test_an_error_in_mid_stream_is_unreachable() -> None:
    assert (await failure(written(STREAM_HEAD, part("Hel"), b'{"error":"out of memory"}\n'))).code == (
        "engine-unreachable"
    )


@pytest.mark.parametrize(
    "said", [(), (STREAM_HEAD,), (STREAM_HEAD, part("Hel")), (STREAM_HEAD, part("Hel"), b'{"message": {"ro')]
)
async def test_a_server_that_hangs_is_given_up(said: tuple[bytes, ...]) -> None:
    error = await failure(hanging(*said))
    assert (error.code, error.retryable) == ("engine-timeout", True)


async def test_a_server_that_writes_without_end_is_given_up() -> None:
    assert (await failure(endless(part("and ")))).code == "engine-garbage"


async def test_a_line_without_end_does_not_fill_the_memory() -> None:
    async with scripted_server(endless(b"x" * 65536)) as url:
        with pytest.raises(DialogError) as caught:
            await reply(ollama(url, first_token_timeout=20.0))
    assert caught.value.code == "engine-garbage"


async def test_redirects_are_not_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    assert (await failure(written(moved))).code == "engine-unreachable"


async def test_errors_hold_nothing_of_the_conversation() -> None:
    error = await failure(whole("500 Internal Server Error", b'{"error":"prompt was: Hello?"}'))
    assert "Hello?" not in str(error)


def watched(gone: anyio.Event) -> Answer:
    async def answer(client: SocketStream) -> None:
        await client.send(STREAM_HEAD + part("Once") + part(" upon"))
        with pytest.raises(anyio.EndOfStream):
            await client.receive()
        gone.set()

    return answer


async def test_closing_a_reply_closes_the_connection_at_once() -> None:
    gone = anyio.Event()
    async with scripted_server(watched(gone)) as url:
        async with aclosing(ollama(url, token_timeout=60.0).stream(HELLO, ChatOptions())) as deltas:
            assert (await anext(deltas)).text == "Once"
        with anyio.fail_after(30):
            await gone.wait()


async def test_cancelling_a_reply_closes_the_connection_at_once() -> None:
    gone, heard = anyio.Event(), anyio.Event()

    async def listen(url: str) -> None:
        async for delta in ollama(url, token_timeout=60.0).stream(HELLO, ChatOptions()):
            if delta.text == " upon":
                heard.set()

    async with scripted_server(watched(gone)) as url:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listen, url)
            with anyio.fail_after(30):
                await heard.wait()
            tasks.cancel_scope.cancel()
        with anyio.fail_after(30):
            await gone.wait()


async def test_warming_reads_the_messages_and_writes_one_token() -> None:
    requests: list[Any] = []
    async with scripted_server(written(STREAM_HEAD, part("", done=True)), requests) as url:
        await ollama(url).warm(HELLO, ChatOptions())
    assert requests[0]["options"]["num_predict"] == 1
    assert len(requests[0]["messages"]) == len(HELLO)
