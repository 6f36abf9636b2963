import json
from contextlib import aclosing
from typing import Any

import anyio
import pytest
from anyio.abc import SocketStream

from pipeline.core.stages import ChatOptions, Message
from pipeline.dialog import starvation
from pipeline.dialog.ollama import Ollama
from pipeline.dialog.starvation import IN_A_ROW, LONG_WAIT, Starvation
from pipeline.settings import Dialog
from tests.dialog.scripted_server import STREAM_HEAD, part, scripted_server
from tests.virtual_time import pass_time, run_virtually

HELLO = [Message("user", "Hello?")]


async def give_up(starvation: Starvation, after: float) -> None:
    since = starvation.begun()
    await pass_time(after)
    starvation.gave_up(since)


def test_requests_that_wait_long_one_after_the_other_are_a_stuck_model() -> None:
    async def run() -> None:
        starvation = Starvation()
        for _ in range(IN_A_ROW):
            assert not starvation.stuck
            await give_up(starvation, LONG_WAIT)
        assert starvation.stuck
        starvation.answered()
        assert not starvation.stuck

    run_virtually(run)


def test_a_model_that_answers_now_and_then_is_not_stuck() -> None:
    async def run() -> None:
        starvation = Starvation()
        for _ in range(10 * IN_A_ROW):
            await give_up(starvation, LONG_WAIT)
            starvation.answered()
            assert not starvation.stuck

    run_virtually(run)


def test_requests_that_are_given_up_early_say_nothing() -> None:
    async def run() -> None:
        starvation = Starvation()
        for _ in range(10 * IN_A_ROW):
            await give_up(starvation, LONG_WAIT - 0.01)
        assert not starvation.stuck

    run_virtually(run)


def test_who_waits_while_others_are_answered_says_nothing() -> None:
    async def run() -> None:
        starvation = Starvation()

        async def others() -> None:
            for _ in range(4):
                await pass_time(LONG_WAIT / 2)
                starvation.answered()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(others)
            for _ in range(4):
                tasks.start_soon(give_up, starvation, 2 * LONG_WAIT + 0.01)
        assert not starvation.stuck

    run_virtually(run)


class ServerWithoutPlaces:
    """Hangs until the model is unloaded, which takes it a moment."""

    def __init__(self, *, unloads: bool = True) -> None:
        self.requests: list[Any] = []
        self.stuck = True
        self._unloads = unloads
        self._polls = 0

    async def answer(self, client: SocketStream) -> None:
        request = self.requests[-1]
        if request is None:
            self._polls += 1
            self.stuck = self.stuck and not (self._unloads and self._polls > 2)
            models = [{"model": "some-model:latest"}] if self.stuck else []
            await _say(client, {"models": models})
        elif "messages" not in request:
            await _say(client, {"model": "some-model", "response": "", "done": True, "done_reason": "unload"})
        elif self.stuck:
            await client.receive()
        else:
            await client.send(STREAM_HEAD + part("Hello.", done=True))


async def _say(client: SocketStream, body: dict[str, Any]) -> None:
    text = json.dumps(body).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n"
    await client.send(head.encode() + text)


@pytest.mark.anyio
async def test_a_stuck_model_is_unloaded_and_answers_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starvation, "LONG_WAIT", 0.1)
    server = ServerWithoutPlaces()
    unloads: list[str] = []
    async with scripted_server(server.answer, server.requests) as url:
        model = Ollama(Dialog(ollama_url=url), "some-model", lambda: unloads.append("now"))
        for _ in range(IN_A_ROW):
            await hung_up(model)
            assert unloads == []
        assert await said(model) == "Hello."
        assert await said(model) == "Hello."
    assert unloads == ["now"]
    (unload,) = (request for request in server.requests if request and "messages" not in request)
    assert (unload["model"], unload["keep_alive"]) == ("some-model", 0)


@pytest.mark.anyio
async def test_callers_wait_for_one_unloading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starvation, "LONG_WAIT", 0.1)
    server = ServerWithoutPlaces()
    unloads: list[str] = []
    async with scripted_server(server.answer, server.requests) as url:
        model = Ollama(Dialog(ollama_url=url), "some-model", lambda: unloads.append("now"))
        for _ in range(IN_A_ROW):
            await hung_up(model)
        texts: list[str] = []

        async def call() -> None:
            texts.append(await said(model))

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(call)
    assert texts == ["Hello."] * 3
    assert unloads == ["now"]


@pytest.mark.anyio
async def test_a_model_that_stays_loaded_is_asked_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starvation, "LONG_WAIT", 0.1)
    monkeypatch.setattr("pipeline.dialog.ollama.UNLOAD_TIMEOUT", 0.3)
    server = ServerWithoutPlaces(unloads=False)
    async with scripted_server(server.answer, server.requests) as url:
        model = Ollama(Dialog(ollama_url=url), "some-model")
        for _ in range(IN_A_ROW):
            await hung_up(model)
        await hung_up(model, after=0.6)
        assert server.requests[-1]["messages"]
        server.stuck = False
        assert await said(model) == "Hello."


async def hung_up(model: Ollama, after: float = 0.3) -> None:
    """Ask as a caller does who hangs up before there is an answer."""
    with anyio.move_on_after(after) as waiting:
        await said(model)
    assert waiting.cancelled_caught


async def said(model: Ollama) -> str:
    async with aclosing(model.stream(HELLO, ChatOptions())) as deltas:
        return "".join([delta.text async for delta in deltas])
