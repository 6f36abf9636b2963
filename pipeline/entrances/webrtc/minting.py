"""Minting: where a site's backend gets tokens for its pages, as from OpenAI: ``POST /v1/realtime/client_secrets``.

A backend that holds ``rtc.token_key`` may sign tokens itself instead (see permits.py).
"""

import hmac
import json
from collections.abc import Callable, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from pipeline.entrances.fields import text_at
from pipeline.entrances.webrtc.answers import bounded, refusal
from pipeline.entrances.webrtc.permits import SECONDS, mint
from pipeline.settings import Rtc

PATH = "/v1/realtime/client_secrets"
LONGEST_WISH = 64 * 1024
"""Bytes. OpenAI's clients send a whole session, of which we take the prompt's id as the agent."""
LASTS = (1.0, 7200.0)
"""Seconds that a token may last. Source: OpenAI allows the same two hours at most."""


def minting(settings: Rtc, calendar: Callable[[], float]) -> Sequence[BaseRoute]:
    """Return where tokens are made; nothing unless ``rtc.token_key`` and ``rtc.api_key`` are set."""
    key, password = settings.token_key.get_secret_value(), settings.api_key.get_secret_value()
    if not (key and password):
        return []

    async def minted(request: Request) -> Response:
        given = request.headers.get("authorization", "").partition(" ")[2].strip()
        if not hmac.compare_digest(given.encode(), password.encode()):
            return refusal(401, "no-permit", "Authorization: Bearer with rtc.api_key is needed")
        body = await bounded(request, LONGEST_WISH, "body")
        try:
            wish = json.loads(body or b"{}")
            agent = text_at(wish, "agent") or text_at(wish, "session", "prompt", "id")
            seconds = _seconds(wish)
        except (ValueError, RecursionError) as error:
            return refusal(400, "unknown-message", str(error))
        token, expires = mint(key, now=calendar(), seconds=seconds, agent=agent, origin=text_at(wish, "origin"))
        told = {"value": token, "expires_at": int(expires), "session": {"type": "realtime", "model": agent}}
        return JSONResponse(told, headers={"Cache-Control": "no-store"})

    return [Route(PATH, minted, methods=["POST"])]


def _seconds(wish: Any) -> float:
    """Return how long a token shall last. Raises ValueError."""
    after = wish.get("expires_after", {}) if isinstance(wish, dict) else None
    seconds = after.get("seconds", SECONDS) if isinstance(after, dict) else None
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not LASTS[0] <= seconds <= LASTS[1]:
        raise ValueError(f"the body is an object; expires_after.seconds; allowed: {LASTS[0]:g} to {LASTS[1]:g}")
    return seconds
