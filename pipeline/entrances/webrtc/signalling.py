"""Signalling: the HTTP by which browsers open calls, after WHIP (RFC 9725): an offer in, an answer out, DELETE ends it.

WHIP's media go one way only, so this is WHIP-style: the answer is ``sendrecv``. There is no trickle: offer and answer
hold all candidates, and PATCH is answered with 405.
"""

from collections.abc import Callable, Mapping, Sequence

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from pipeline.entrances.realtime.dialect import Realtime
from pipeline.entrances.webrtc.answers import bounded, content_type, later, refusal
from pipeline.entrances.webrtc.calls import RtcCalls
from pipeline.entrances.webrtc.json_wire import Contract, Dialect
from pipeline.entrances.webrtc.limits import Limiter
from pipeline.entrances.webrtc.permits import Permit
from pipeline.settings import Rtc

SDP = "application/sdp"
LONGEST_OFFER = 64 * 1024
"""Bytes. Chromium's with one track and many interfaces has 3000."""
PATHS: Mapping[str, Callable[[str], Dialect]] = {
    "/v1/rtc": lambda _agent: Contract(),
    "/v1/realtime/calls": Realtime,
}
"""Ours and OpenAI's: the same calls, in other words on the data channel."""


def routes(calls: RtcCalls, limiter: Limiter) -> Sequence[BaseRoute]:
    """Return where calls are opened and ended; GET tells which servers may carry their sound."""

    async def offered(request: Request) -> Response:
        if content_type(request) != SDP:
            return refusal(415, "unsupported-type", f"the body's type must be {SDP}", {"Accept-Post": SDP})
        wait = limiter.wait(request.client.host if request.client is not None else "")
        if wait > 0:
            return refusal(429, "too-many-offers", "too many offers from this address", later(wait))
        body = await bounded(request, LONGEST_OFFER, "offer")
        dialect = PATHS[request.url.path](request.query_params.get("agent", ""))
        answered = await calls.answer(body.decode("utf-8", "replace"), dialect, _permit(calls, request))
        location = f"{request.url.path}/{answered.id}"
        return Response(answered.sdp, 201, {"Location": location, "ETag": f'"{answered.id}"'}, SDP)

    async def servers(request: Request) -> Response:
        _permit(calls, request)  # they may come with a password
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


def _permit(calls: RtcCalls, request: Request) -> Permit:
    """Return what the one who asks may do. Raises EntranceError ``no-permit``."""
    return calls.permits.admit(request.headers.get("authorization", ""), request.headers.get("origin", ""))


def cross_origin(settings: Rtc) -> Middleware:
    """Return what lets pages of other origins call, those that the settings name."""
    return Middleware(
        CORSMiddleware,
        allow_origins=settings.origins,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "X-OpenAI-Agents-SDK"],
        expose_headers=["Location", "Retry-After"],
        max_age=600,
    )
