"""Answers: what the browsers' HTTP says when it says no, and bodies that are bounded as they are read."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


def refusal(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """Return an answer that says what is wrong."""
    return JSONResponse({"reason": code.upper().replace("-", "_"), "message": message}, status, headers)


def later(seconds: float) -> dict[str, str]:
    """Return the header that says when to come back."""
    return {"Retry-After": str(max(1, round(seconds)))}


async def bounded(request: Request, most: int) -> bytes | None:
    """Return the body, None when it has more than ``most`` bytes; no more of it is read then."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            return None
    return body
