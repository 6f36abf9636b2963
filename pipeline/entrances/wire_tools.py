"""Tools that the client runs, and what it is asked to do with the call: between events and messages. Pure."""

import re
from collections.abc import Sequence

from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct

from pipeline.core.actions import HangUp, SendDigits, Transfer
from pipeline.core.events import ActionRequested, ToolReported, ToolRequested, ToolsCancelled
from pipeline.core.stages import ToolSpec
from pipeline.entrances import fields
from pipeline.entrances.generated.voicepipe.v1 import config_pb2, input_pb2, output_pb2
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseResponse

TOOLS = 16
"""Most tools of one client: each costs the model a hundred tokens of its context."""
DESCRIPTION_CHARS = 1_000
SCHEMA_BYTES = 16 * 1024
RESULT_BYTES = 64 * 1024
"""Longest result of a client's tool. The model is shown far less."""
ERROR_CHARS = 500

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


def read_tools(tools: Sequence[config_pb2.ToolDeclaration]) -> tuple[ToolSpec, ...]:
    """Return the tools that a client declares. Raises EntranceError."""
    if len(tools) > TOOLS:
        raise fields.wrong("start.tools", f"has {len(tools)} entries; allowed: {TOOLS}")
    found: dict[str, ToolSpec] = {}
    for at, tool in enumerate(tools):
        path = f"start.tools[{at}]"
        if not _NAME.fullmatch(tool.name):
            raise fields.wrong(f"{path}.name", f"is malformed; allowed: {_NAME.pattern}")
        if tool.name in found:
            raise fields.wrong(f"{path}.name", f"is {tool.name}, which stands there before; allowed: a new one")
        if not 1 <= len(tool.description) <= DESCRIPTION_CHARS:
            length = len(tool.description)
            raise fields.wrong(f"{path}.description", f"has {length} characters; allowed: 1 to {DESCRIPTION_CHARS}")
        schema = fields.json_object(tool.parameters, f"{path}.parameters", SCHEMA_BYTES)
        found[tool.name] = ToolSpec(tool.name, tool.description, schema or {"type": "object", "properties": {}})
    return tuple(found.values())


def read_tool_result(result: input_pb2.ToolResult) -> ToolReported:
    """Return what became of a tool. Raises EntranceError."""
    match result.WhichOneof("outcome"):
        case "result":
            answer = fields.json_object(result.result, "tool_result.result", RESULT_BYTES)
            return ToolReported(call=result.call_id, result=answer)
        case "error":
            if len(result.error) > ERROR_CHARS:
                length = len(result.error)
                raise fields.wrong("tool_result.error", f"has {length} characters; allowed: {ERROR_CHARS}")
            return ToolReported(call=result.call_id, result=None, error=result.error)
        case _:
            raise fields.wrong("tool_result.outcome", "is empty; allowed: result or error")


def write_errand(event: ActionRequested | ToolRequested | ToolsCancelled) -> ConverseResponse:
    """Return the message by which the client's side is asked to do something."""
    match event:
        case ActionRequested():
            return ConverseResponse(action=_action(event))
        case ToolRequested():
            arguments = ParseDict(dict(event.use.arguments), Struct())
            call = output_pb2.ToolCall(call_id=event.call, name=event.use.name, arguments=arguments)
            return ConverseResponse(tool_call=call)
        case ToolsCancelled():
            return ConverseResponse(tool_call_cancelled=output_pb2.ToolCallCancelled(call_ids=event.calls))


def _action(event: ActionRequested) -> output_pb2.Action:
    match event.action:
        case Transfer() as wanted:
            transfer = output_pb2.Transfer(
                target=wanted.target,
                mode=output_pb2.TRANSFER_MODE_ATTENDED if wanted.attended else output_pb2.TRANSFER_MODE_BLIND,
                reason=wanted.reason,
                parameters=ParseDict(dict(wanted.parameters), Struct()),
            )
            return output_pb2.Action(transfer=transfer, immediate=event.immediate)
        case HangUp(reason):
            return output_pb2.Action(hangup=output_pb2.Hangup(reason=reason), immediate=event.immediate)
        case SendDigits(digits):
            return output_pb2.Action(send_dtmf=output_pb2.SendDtmf(digits=digits), immediate=event.immediate)
