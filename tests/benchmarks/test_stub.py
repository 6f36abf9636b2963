import json
from collections.abc import Mapping
from typing import Any

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message, Scope

from benchmarks.peers.stub import REPLY, Pace, application, paced, tokens
from pipeline.core.clock import LoopClock
from tests.virtual_time import VIRTUAL_TIME, Backend, pass_time

pytestmark = pytest.mark.anyio
PACE = Pace(first=0.05, per_second=50.0)


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


class Client:
    """Asks the server one thing, without a socket; may go away in the middle of the answer."""

    def __init__(self, path: str, asked: Mapping[str, Any] | None = None, *, leave_after: int = 1000) -> None:
        self.scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "method": "GET" if asked is None else "POST",
            "path": path,
            "query_string": b"",
            "headers": [],
        }
        self._body = json.dumps(asked).encode()
        self._leave_after = leave_after
        self.pieces: list[tuple[float, str]] = []
        """When each piece of the answer came, and the piece."""

    async def receive(self) -> Message:
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body" and message["body"]:
            if len(self.pieces) == self._leave_after:
                raise OSError("the client has gone")
            self.pieces.append((LoopClock().now(), message["body"].decode()))

    @property
    def text(self) -> str:
        return "".join(piece for _, piece in self.pieces)


def test_the_reply_has_about_25_words_in_two_sentences_and_no_early_comma() -> None:
    assert 20 <= len(REPLY.split()) <= 30
    assert REPLY.count(".") == 2
    assert "," not in " ".join(REPLY.split()[:10])


def test_tokens_are_words_and_make_the_text_again() -> None:
    assert tokens("We're open, now.") == ["We", "'", "re", " open", ",", " now", "."]
    assert "".join(tokens(REPLY)) == REPLY


def test_tokens_are_due_at_an_even_pace() -> None:
    assert [PACE.due(number) for number in (0, 1, 50)] == pytest.approx([0.05, 0.07, 1.05])


async def test_a_reply_keeps_its_pace() -> None:
    clock = LoopClock()
    began_at = clock.now()
    came = [clock.now() - began_at async for _ in paced(["a", "b", "c"], PACE, clock)]
    assert came == pytest.approx([0.05, 0.07, 0.09])


async def test_a_slow_reader_gets_what_is_overdue_at_once() -> None:
    clock = LoopClock()
    began_at, came = clock.now(), []
    async for _ in paced(["a", "b", "c", "d"], PACE, clock):
        came.append(clock.now() - began_at)
        if len(came) == 1:
            await pass_time(0.03)
    assert came == pytest.approx([0.05, 0.08, 0.09, 0.11])


async def test_ollamas_chat_is_a_line_a_token() -> None:
    began_at = LoopClock().now()
    client = Client("/api/chat", {"model": "any", "messages": [], "stream": True})
    await application(PACE, LoopClock())(client.scope, client.receive, client.send)
    lines = [json.loads(line) for line in client.text.splitlines()]
    assert "".join(line["message"]["content"] for line in lines) == REPLY
    assert [line["done"] for line in lines] == [False] * len(tokens(REPLY)) + [True]
    assert client.pieces[0][0] - began_at == pytest.approx(0.05)
    assert client.pieces[-1][0] - began_at == pytest.approx(PACE.due(len(tokens(REPLY)) - 1))


async def test_openais_completions_are_server_sent_events() -> None:
    client = Client("/v1/chat/completions", {"model": "any", "messages": [], "stream": True})
    await application(PACE, LoopClock())(client.scope, client.receive, client.send)
    events = client.text.split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    choices = [json.loads(event.removeprefix("data: "))["choices"][0] for event in events[:-2]]
    assert "".join(choice["delta"].get("content", "") for choice in choices) == REPLY
    assert choices[-1]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/api/chat", {"options": {"num_predict": 3}}),
        ("/v1/chat/completions", {"max_tokens": 3}),
        ("/v1/chat/completions", {"max_completion_tokens": 3}),
    ],
)
async def test_a_reply_is_as_short_as_is_asked_for(path: str, limit: dict[str, Any]) -> None:
    client = Client(path, {"model": "any", "messages": [], **limit})
    await application(PACE, LoopClock())(client.scope, client.receive, client.send)
    assert len(client.pieces) == 3 + 1


async def test_a_client_that_goes_away_ends_the_reply() -> None:
    server, clock = application(PACE, LoopClock()), LoopClock()
    began_at = clock.now()
    client = Client("/api/chat", {"model": "any", "messages": []}, leave_after=4)
    with pytest.raises(ClientDisconnect):
        await server(client.scope, client.receive, client.send)
    assert clock.now() - began_at == pytest.approx(PACE.due(4))
    counted = Client("/served")
    await server(counted.scope, counted.receive, counted.send)
    assert json.loads(counted.text) == {"begun": 1, "finished": 0}


async def test_what_a_client_asks_first_is_answered() -> None:
    server = application(PACE, LoopClock())
    for path, asked in (("/api/version", None), ("/api/tags", None), ("/api/show", {"model": "any"})):
        client = Client(path, asked)
        await server(client.scope, client.receive, client.send)
        assert isinstance(json.loads(client.text), dict)
