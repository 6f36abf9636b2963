"""Errors as gRPC statuses with the details of google.rpc, so that a client's code can tell them apart. Pure."""

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from pipeline.core.errors import EntranceError, PipelineError, VisionError
from pipeline.core.events import CallEnd

DOMAIN = "voicepipe"
RETRY_SECONDS = 5
"""When a client that was refused may ask again; sooner would only add to the load."""

_ENTRANCE_CODES = {
    "invalid-value": code_pb2.INVALID_ARGUMENT,
    "unknown-message": code_pb2.INVALID_ARGUMENT,
    "not-served": code_pb2.UNIMPLEMENTED,
    "no-start": code_pb2.FAILED_PRECONDITION,
    "second-start": code_pb2.FAILED_PRECONDITION,
    "start-timeout": code_pb2.DEADLINE_EXCEEDED,
    "not-permitted": code_pb2.PERMISSION_DENIED,
    "unknown-agent": code_pb2.NOT_FOUND,
    "unknown-conversation": code_pb2.NOT_FOUND,
    "unknown-turn": code_pb2.NOT_FOUND,
    "unknown-token": code_pb2.NOT_FOUND,
    "no-records": code_pb2.FAILED_PRECONDITION,
    "call-exists": code_pb2.ALREADY_EXISTS,
    "too-many-calls": code_pb2.RESOURCE_EXHAUSTED,
    "draining": code_pb2.UNAVAILABLE,
    "not-ready": code_pb2.UNAVAILABLE,
    "client-stalled": code_pb2.ABORTED,
    "resumed-elsewhere": code_pb2.ABORTED,
    "events-missed": code_pb2.DATA_LOSS,
    "vision-off": code_pb2.FAILED_PRECONDITION,
    "call-over": code_pb2.FAILED_PRECONDITION,
    "unknown-media": code_pb2.NOT_FOUND,
    "too-many-pictures": code_pb2.RESOURCE_EXHAUSTED,
    "upload-timeout": code_pb2.DEADLINE_EXCEEDED,
    "picture-too-large": code_pb2.INVALID_ARGUMENT,
    "unsupported-picture": code_pb2.INVALID_ARGUMENT,
    "broken-picture": code_pb2.INVALID_ARGUMENT,
    "trailing-data": code_pb2.INVALID_ARGUMENT,
    "too-many-pixels": code_pb2.INVALID_ARGUMENT,
}
_CLIENTS = (EntranceError.stage, VisionError.stage)
"""Stages that complain of what a client sent."""
_QUOTAS = {"too-many-calls": "server.max_calls", "too-many-pictures": "vision.waiting"}

_END_CODES = {
    CallEnd.CLIENT: code_pb2.OK,
    CallEnd.NO_INPUT: code_pb2.OK,
    CallEnd.HANGUP: code_pb2.OK,
    CallEnd.MAX_DURATION: code_pb2.DEADLINE_EXCEEDED,
    CallEnd.DRAINING: code_pb2.UNAVAILABLE,
    CallEnd.FAILED: code_pb2.UNAVAILABLE,
}

_END_MESSAGES = {
    CallEnd.MAX_DURATION: "the call reached its longest duration",
    CallEnd.DRAINING: "the server stops",
    CallEnd.FAILED: "a stage failed for good",
}


def status_of(error: PipelineError) -> status_pb2.Status:
    """Return what a client is told of an error."""
    field = error.field if isinstance(error, EntranceError) else ""
    return status(error.stage, error.code, str(error), retryable=error.retryable, field=field)


def status(stage: str, code: str, message: str, *, retryable: bool = False, field: str = "") -> status_pb2.Status:
    """Return the status of a failure: a known code of the entrance, else UNAVAILABLE or INTERNAL."""
    number = _ENTRANCE_CODES.get(code) if stage in _CLIENTS else None
    if number is None:
        number = code_pb2.UNAVAILABLE if retryable else code_pb2.INTERNAL
    details: list[Message] = [
        error_details_pb2.ErrorInfo(
            reason=code.upper().replace("-", "_"), domain=DOMAIN, metadata={"stage": stage} if stage else {}
        )
    ]
    if field:
        violation = error_details_pb2.BadRequest.FieldViolation(field=field, description=message)
        details.append(error_details_pb2.BadRequest(field_violations=[violation]))
    if number == code_pb2.RESOURCE_EXHAUSTED:
        quota = error_details_pb2.QuotaFailure.Violation(subject=_QUOTAS[code], description=message)
        details.append(error_details_pb2.QuotaFailure(violations=[quota]))
    return _packed(number, message, details)


def status_of_end(reason: CallEnd) -> status_pb2.Status:
    """Return the status of a stream whose call has ended."""
    number = _END_CODES[reason]
    if number == code_pb2.OK:
        return status_pb2.Status(code=number)
    info = error_details_pb2.ErrorInfo(reason=reason.value.upper(), domain=DOMAIN)
    return _packed(number, _END_MESSAGES[reason], [info])


def _packed(number: code_pb2.Code, message: str, details: list[Message]) -> status_pb2.Status:
    if number in (code_pb2.UNAVAILABLE, code_pb2.RESOURCE_EXHAUSTED):
        details.append(error_details_pb2.RetryInfo(retry_delay=Duration(seconds=RETRY_SECONDS)))
    found = status_pb2.Status(code=number, message=message)
    for detail in details:
        found.details.add().Pack(detail)
    return found


INTERNAL = status("", "internal", "a fault of the server; its log knows more")
"""The status of an error that nobody expected."""
