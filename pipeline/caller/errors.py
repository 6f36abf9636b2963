"""CallError: why a call could not be placed, or broke off, in one line with the fix."""

from grpc import StatusCode
from grpc.aio import AioRpcError

from pipeline.caller.report import CallReport
from pipeline.core.errors import PipelineError


class CallError(PipelineError):
    """A call failed. ``fix`` is what to do about it, ``report`` what there was of the call."""

    stage = "call"

    def __init__(self, code: str, message: str, *, fix: str = "", report: CallReport | None = None) -> None:
        super().__init__(code, message)
        self.fix = fix
        self.report = report


_FIXES = {
    StatusCode.NOT_FOUND: "name an agent that the server has (--agent), or none",
    StatusCode.ALREADY_EXISTS: "choose another id (--id), or none",
    StatusCode.RESOURCE_EXHAUSTED: "try again later, or raise server.max_calls",
    StatusCode.UNIMPLEMENTED: "is this a voicepipe server of the same version?",
    StatusCode.UNAUTHENTICATED: "the server wants credentials",
}


def from_status(error: AioRpcError, server: str, *, opened: bool) -> CallError:
    """Return the error for a stream's status; ``opened`` says whether the server had taken the call."""
    code, details = error.code(), error.details() or ""
    name = code.name.lower().replace("_", "-")
    if code is StatusCode.UNAVAILABLE and not opened and "connect" in details.lower():
        return CallError("server-away", f"no server answers at {server}", fix="voicepipe serve")
    if opened:
        return CallError(name, f"the call broke off: {code.name}: {details}", fix="see the server's log")
    return CallError(name, f"{server} refused the call: {code.name}: {details}", fix=_FIXES.get(code, ""))
