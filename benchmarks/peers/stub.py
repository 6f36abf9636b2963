"""A language model that thinks nothing: always the same reply, at a fixed pace, over Ollama's and OpenAI's interfaces.

It takes the model's time and its chance out of a comparison. No figure for how good or fast a model is comes from it.

python -m benchmarks.peers.stub prints its URL and serves until it is stopped.
"""

import json
import re
import socket
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import anyio
import typer
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from pipeline.core.clock import Clock, LoopClock

REPLY = (
    "We are open from seven in the morning until six in the evening on every weekday. "
    "On Saturday we are open from eight until two."
)
"""No comma in the first ten words: cutting a reply early at one is a help that real replies seldom give."""
_TOKEN = re.compile(r"\s*(?:\w+|[^\w\s])")


@dataclass(frozen=True, slots=True)
class Pace:
    """When tokens come."""

    first: float = 0.05
    """Seconds from the request to the first token."""
    per_second: float = 60.0
    """Tokens a second from then on."""

    def due(self, number: int) -> float:
        """Return when token ``number`` comes, counted from 0, in seconds after the request."""
        return self.first + number / self.per_second


@dataclass(slots=True)
class Tally:
    """What has been asked for."""

    begun: int = 0
    finished: int = 0
    """Replies that were written to their end; the others were closed by the client, or are being written."""


def tokens(text: str) -> list[str]:
    """Return ``text`` in word-like pieces, each with the space before it."""
    return _TOKEN.findall(text)


async def paced(pieces: Sequence[str], pace: Pace, clock: Clock) -> AsyncGenerator[str, None]:
    """Yield each piece when it is due; one that is asked for late comes at once and delays no other."""
    asked_at = clock.now()
    for number, piece in enumerate(pieces):
        await anyio.sleep(max(0.0, asked_at + pace.due(number) - clock.now()))
        yield piece


def application(pace: Pace, clock: Clock, text: str = REPLY) -> Starlette:
    """Return a server that always answers ``text``."""
    tally = Tally()

    def reply(most: int | None, line: Callable[[str, bool], str]) -> StreamingResponse:
        return StreamingResponse(_lines(tokens(text)[:most], line, pace, clock, tally), media_type="text/plain")

    async def chat(request: Request) -> Response:
        asked = await request.json()
        return reply(
            asked.get("options", {}).get("num_predict"), lambda text, done: _ollama(asked["model"], text, done)
        )

    async def completions(request: Request) -> Response:
        asked = await request.json()
        most = asked.get("max_tokens") or asked.get("max_completion_tokens")
        return reply(most, lambda text, done: _openai(asked["model"], text, done))

    async def version(_: Request) -> Response:
        return JSONResponse({"version": "0.0.0-stub"})

    async def show(_: Request) -> Response:
        return JSONResponse({"details": {"family": "stub"}, "model_info": {}, "capabilities": ["completion"]})

    async def tags(_: Request) -> Response:
        return JSONResponse({"models": [{"model": "stub", "name": "stub"}]})

    async def served(_: Request) -> Response:
        return JSONResponse({"begun": tally.begun, "finished": tally.finished})

    routes = [
        Route("/api/chat", chat, methods=["POST"]),
        Route("/v1/chat/completions", completions, methods=["POST"]),
        Route("/api/show", show, methods=["POST"]),
        Route("/api/version", version),
        Route("/api/tags", tags),
        Route("/served", served),
    ]
    return Starlette(routes=routes)


async def _lines(
    pieces: Sequence[str], line: Callable[[str, bool], str], pace: Pace, clock: Clock, tally: Tally
) -> AsyncGenerator[str, None]:
    """Yield a reply's messages. A client that closes the connection ends it at the next token."""
    tally.begun += 1
    async for piece in paced(pieces, pace, clock):
        yield line(piece, False)
    yield line("", True)
    tally.finished += 1


def _ollama(model: str, text: str, done: bool) -> str:
    message: dict[str, Any] = {"model": model, "message": {"role": "assistant", "content": text}, "done": done}
    if done:
        message |= {"done_reason": "stop", "prompt_eval_count": 1, "eval_count": 1}
    return json.dumps(message) + "\n"


def _openai(model: str, text: str, done: bool) -> str:
    delta = {} if done else {"role": "assistant", "content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": "stop" if done else None}
    chunk = {"id": "stub", "object": "chat.completion.chunk", "created": 0, "model": model, "choices": [choice]}
    return f"data: {json.dumps(chunk)}\n\n" + ("data: [DONE]\n\n" if done else "")


def main(
    *,
    first: Annotated[float, typer.Option(help="Seconds to the first token.", min=0)] = Pace().first,
    rate: Annotated[float, typer.Option(help="Tokens a second.", min=0.1)] = Pace().per_second,
    reply: Annotated[str, typer.Option(help="What it always says.")] = REPLY,
) -> None:
    """Serve on a free port of the loopback until stopped."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        sys.stdout.write(f"http://127.0.0.1:{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        server = application(Pace(first, rate), LoopClock(), reply)
        config = uvicorn.Config(server, log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    typer.run(main)
