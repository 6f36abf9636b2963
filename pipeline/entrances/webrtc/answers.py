"""Answers: what the browsers' HTTP says when it says no, and bodies that are bounded as they are read."""

from google.rpc import code_pb2
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pipeline.core.errors import EntranceError, PipelineError
from pipeline.entrances.statuses import RETRY_SECONDS, status_of

_BY_STATUS = {
    code_pb2.INVALID_ARGUMENT: 400,
    code_pb2.FAILED_PRECONDITION: 409,
    code_pb2.NOT_FOUND: 404,
    code_pb2.RESOURCE_EXHAUSTED: 429,
    code_pb2.UNAVAILABLE: 503,
}
"""What stands for an error's gRPC status."""
_BY_CODE = {
    "bad-offer": 400,
    "no-permit": 401,
    "no-audio": 406,
    "upload-timeout": 408,
    "picture-too-large": 413,
    "too-long": 413,
    "too-many-pixels": 413,
    "unsupported-picture": 415,
    "too-many-calls": 503,
}
"""Where HTTP has a better word, or gRPC has none."""


def refused(error: PipelineError) -> Response:
    """Return the answer to a request that an error ended, with the time to come back where that may help.

    The application answers so to whatever its routes raise.
    """
    status = _BY_CODE.get(error.code) or _BY_STATUS.get(status_of(error).code, 500)
    return refusal(status, error.code, str(error), later(RETRY_SECONDS) if error.retryable else None)


def refusal(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """Return an answer that says what is wrong."""
    return JSONResponse({"reason": code.upper().replace("-", "_"), "message": message}, status, headers)


def later(seconds: float) -> dict[str, str]:
    """Return the header that says when to come back."""
    return {"Retry-After": str(max(1, round(seconds)))}


async def bounded(request: Request, most: int, what: str) -> bytes:
    """Return the body. Raises EntranceError ``too-long`` at more than ``most`` bytes; no more of it is read then."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise EntranceError("too-long", f"the {what} is longer than {most} bytes", field=what)
    return body


def content_type(request: Request) -> str:
    """Return the type of a body, without its parameters; empty for none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
