"""Tools that the client runs, and what it is asked to do with the call, as messages."""

from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct

from pipeline.core.actions import Action, HangUp, SendDigits, Transfer
from pipeline.core.errors import EntranceError
from pipeline.core.events import ActionRequested, ReplyId, ToolReported, ToolRequested, ToolsCancelled, TurnId
from pipeline.core.stages import ToolSpec, ToolUse
from pipeline.entrances.generated.voicepipe.v1 import input_pb2, output_pb2
from pipeline.entrances.generated.voicepipe.v1.config_pb2 import ToolDeclaration
from pipeline.entrances.switchboard import OutputRules
from pipeline.entrances.wire_out import write_event
from pipeline.entrances.wire_tools import read_tool_result, read_tools

WHERE: dict[str, Any] = {"turn": TurnId(1), "at": 0.0, "reply": ReplyId(2)}


def struct(value: dict[str, Any]) -> Struct:
    made = Struct()
    made.update(value)
    return made


def declared(name: str = "weather", description: str = "Tells the weather.", **schema: object) -> ToolDeclaration:
    return ToolDeclaration(name=name, description=description, parameters=struct(dict(schema)))


def test_a_tool_is_read_with_its_schema() -> None:
    schema: dict[str, Any] = {"type": "object", "properties": {"place": {"type": "string"}}}
    assert read_tools([declared(**schema)]) == (ToolSpec("weather", "Tells the weather.", schema),)


def test_a_tool_without_a_schema_has_no_arguments() -> None:
    (tool,) = read_tools([declared()])
    assert tool.parameters == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("tools", "field"),
    [
        ([declared(name="")], "start.tools[0].name"),
        ([declared(), declared(name="two words")], "start.tools[1].name"),
        ([declared(name="x" * 65)], "start.tools[0].name"),
        ([declared(), declared()], "start.tools[1].name"),
        ([declared(description="")], "start.tools[0].description"),
        ([declared(description="x" * 1001)], "start.tools[0].description"),
        ([declared(title="x" * 17_000)], "start.tools[0].parameters"),
        ([declared(maximum=float("nan"))], "start.tools[0].parameters"),
        ([declared(name=f"t{n}") for n in range(17)], "start.tools"),
    ],
)
def test_what_is_wrong_with_a_tool_is_named(tools: list[ToolDeclaration], field: str) -> None:
    with pytest.raises(EntranceError) as raised:
        read_tools(tools)
    assert raised.value.field == field


def test_a_result_and_an_error_are_told_apart() -> None:
    result = input_pb2.ToolResult(call_id="tool-1", result=struct({"state": "sent"}))
    assert read_tool_result(result) == ToolReported(call="tool-1", result={"state": "sent"})
    failed = input_pb2.ToolResult(call_id="tool-1", error="no such order")
    assert read_tool_result(failed) == ToolReported(call="tool-1", result=None, error="no such order")


def test_a_result_that_is_too_long_is_refused() -> None:
    with pytest.raises(EntranceError) as raised:
        read_tool_result(input_pb2.ToolResult(call_id="tool-1", result=struct({"state": "x" * 70_000})))
    assert raised.value.field == "tool_result.result"


def test_a_tool_is_asked_for_with_its_arguments() -> None:
    event = ToolRequested(**WHERE, call="tool-1", use=ToolUse("weather", {"place": "Rome", "days": 2}))
    message = write_event(event, OutputRules())
    assert message is not None
    assert (message.tool_call.call_id, message.tool_call.name) == ("tool-1", "weather")
    assert dict(message.tool_call.arguments) == {"place": "Rome", "days": 2.0}


def test_results_that_are_not_wanted_are_named() -> None:
    message = write_event(ToolsCancelled(**WHERE, calls=("tool-1", "tool-2")), OutputRules())
    assert message is not None
    assert list(message.tool_call_cancelled.call_ids) == ["tool-1", "tool-2"]


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (
            Transfer("sip:billing", reason="a bill", attended=True, parameters={"order": "48213"}),
            output_pb2.Action(
                transfer=output_pb2.Transfer(
                    target="sip:billing",
                    mode=output_pb2.TRANSFER_MODE_ATTENDED,
                    reason="a bill",
                    parameters=struct({"order": "48213"}),
                )
            ),
        ),
        (HangUp("said goodbye"), output_pb2.Action(hangup=output_pb2.Hangup(reason="said goodbye"))),
        (SendDigits("12#"), output_pb2.Action(send_dtmf=output_pb2.SendDtmf(digits="12#"))),
    ],
)
def test_an_action_is_asked_for_after_the_reply(action: Action, expected: output_pb2.Action) -> None:
    message = write_event(ActionRequested(**WHERE, action=action), OutputRules())
    assert message is not None
    assert message.action == expected
    assert not message.action.immediate
