"""Signalling: the HTTP by which browsers open calls, after WHIP (RFC 9725): an offer in, an answer out, DELETE ends it.

WHIP's media go one way only, so this is WHIP-style: the answer is ``sendrecv``. There is no trickle: offer and answer
hold all candidates, and PATCH is answered with 405.
"""

from collections.abc import Sequence

from google.rpc import code_pb2
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from pipeline.core.errors import EntranceError, PipelineError
from pipeline.entrances.statuses import RETRY_SECONDS, status_of
from pipeline.entrances.webrtc.calls import RtcCalls
from pipeline.entrances.webrtc.limits import Limiter
from pipeline.settings import Rtc

SDP = "application/sdp"
LONGEST_OFFER = 64 * 1024
"""Bytes. Chromium's with one track and many interfaces has 3000."""
PATHS = ("/v1/rtc", "/v1/realtime/calls")
"""Ours, and OpenAI's name for the same."""

_HTTP = {
    code_pb2.INVALID_ARGUMENT: 400,
    code_pb2.FAILED_PRECONDITION: 409,
    code_pb2.NOT_FOUND: 404,
    code_pb2.RESOURCE_EXHAUSTED: 429,
    code_pb2.UNAVAILABLE: 503,
}
_STATUSES = {"bad-offer": 400, "no-audio": 406, "not-ready": 503, "draining": 503, "too-many-calls": 503}


def routes(calls: RtcCalls, limiter: Limiter) -> Sequence[BaseRoute]:
    """Return where calls are opened and ended; GET tells which servers may carry their sound."""

    async def offered(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != SDP:
            return refusal(415, "unsupported-type", f"the body's type must be {SDP}", {"Accept-Post": SDP})
        wait = limiter.wait(request.client.host if request.client is not None else "")
        if wait > 0:
            return refusal(429, "too-many-offers", "too many offers from this address", _later(wait))
        body = await bounded(request, LONGEST_OFFER)
        if body is None:
            return refusal(413, "too-long", f"the offer is longer than {LONGEST_OFFER} bytes")
        try:
            answered = await calls.answer(body.decode("utf-8", "replace"))
        except EntranceError as error:
            headers = _later(RETRY_SECONDS) if error.retryable else {}
            return refusal(_STATUSES.get(error.code, 400), error.code, str(error), headers)
        location = f"{request.url.path}/{answered.id}"
        return Response(answered.sdp, 201, {"Location": location, "ETag": f'"{answered.id}"'}, SDP)

    async def servers(_request: Request) -> Response:
        told = [{"urls": one.urls, "username": one.username, "credential": one.credential} for one in calls.servers]
        return JSONResponse({"iceServers": told})

    async def ended(request: Request) -> Response:
        if calls.hang_up(request.path_params["call"]):
            return Response(status_code=200)
        return refusal(404, "unknown-call", "there is no such call, or it is over")

    return [
        route
        for path in PATHS
        for route in (
            Route(path, servers, methods=["GET"]),
            Route(path, offered, methods=["POST"]),
            Route(path + "/{call}", ended, methods=["DELETE"]),
        )
    ]


def cross_origin(settings: Rtc) -> Middleware:
    """Return what lets pages of other origins call, those that the settings name."""
    return Middleware(
        CORSMiddleware,
        allow_origins=settings.origins,
        allow_methods=["POST", "DELETE"],
        allow_headers=["Authorization", "Content-Type"],
        expose_headers=["Location", "Retry-After"],
        max_age=600,
    )


def refusal(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """Return an answer that says what is wrong."""
    return JSONResponse({"reason": code.upper().replace("-", "_"), "message": message}, status, headers)


def status_code(error: PipelineError) -> int:
    """Return the HTTP status that stands for an error's gRPC status."""
    return _HTTP.get(status_of(error).code, 500)


def _later(seconds: float) -> dict[str, str]:
    return {"Retry-After": str(max(1, round(seconds)))}


async def bounded(request: Request, most: int) -> bytes | None:
    """Return the body, None when it has more than ``most`` bytes; no more of it is read then."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            return None
    return body
