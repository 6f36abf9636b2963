"""The browsers' HTTP: the page, the calls that it opens, and what it asks beside them."""

from pathlib import Path

from google.protobuf import json_format
from google.protobuf.message import Message
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as AsgiMessage

from pipeline.core.clock import Calendar
from pipeline.core.errors import PipelineError
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import SubmitFeedbackRequest, SubmitFeedbackResponse
from pipeline.entrances.reception import Ground
from pipeline.entrances.webrtc.answers import bounded, refusal, refused
from pipeline.entrances.webrtc.calls import RtcCalls
from pipeline.entrances.webrtc.limits import Limiter
from pipeline.entrances.webrtc.media import media_route
from pipeline.entrances.webrtc.minting import minting
from pipeline.entrances.webrtc.signalling import cross_origin, routes
from pipeline.entrances.wire_catalog import write_agents
from pipeline.entrances.wire_records import read_feedback
from pipeline.settings import Rtc

PAGE = Path(__file__).parent / "page"
LONGEST_FEEDBACK = 64 * 1024
"""Bytes."""
POLICY = "default-src 'self'; media-src 'self' blob: mediastream:; img-src 'self' blob: data:; frame-ancestors 'self'"
"""The page loads nothing from anywhere else: it works offline."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), camera=(self)",
}


def web_app(calls: RtcCalls, ground: Ground, settings: Rtc) -> Starlette:
    """Return the application."""
    limiter = Limiter(settings.offers_burst, settings.offers_per_minute, ground.clock)

    async def agents(_request: Request) -> Response:
        return _told(write_agents(ground))

    async def feedback(request: Request) -> Response:
        body = await bounded(request, LONGEST_FEEDBACK, "feedback")
        try:
            wanted = json_format.Parse(body, SubmitFeedbackRequest(), ignore_unknown_fields=True)
        except (json_format.ParseError, UnicodeError) as error:
            return refusal(400, "unknown-message", f"the body is no SubmitFeedbackRequest in JSON: {error}")
        wanted.conversation_id = request.path_params["call"]
        kept = await ground.switchboard.take_feedback(read_feedback(wanted))
        return _told(SubmitFeedbackResponse(feedback_id=kept))

    async def kiosk(_request: Request) -> Response:
        return FileResponse(PAGE / "kiosk.html", headers={"Cache-Control": "no-store"})

    return Starlette(
        routes=[
            *routes(calls, limiter),
            *minting(settings, Calendar().now),
            Route("/v1/agents", agents),
            Route("/v1/conversations/{call}/feedback", feedback, methods=["POST"]),
            media_route(ground),
            Route("/kiosk", kiosk),
            Mount("/", StaticFiles(directory=PAGE, html=True)),
        ],
        exception_handlers={PipelineError: _refused},
        middleware=[cross_origin(settings), Middleware(_Guarded)],
    )


class _Guarded:
    """Lets browsers hold the page to what it needs, and keep nothing of calls; of the page, what is still the same.

    Not by Starlette's BaseHTTPMiddleware, which has a task group and a stream for each request: a hundred refusals held
    up the sound of calls for 140 ms instead of 75.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def guarded(message: AsgiMessage) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Cache-Control", "no-store" if scope["path"].startswith("/v1/") else "no-cache")
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, guarded)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, PipelineError)  # noqa: S101  it is named so
    return refused(error)


def _told(message: Message) -> Response:
    return Response(json_format.MessageToJson(message, indent=None), media_type="application/json")
