"""What agents have done with a call, and the tools that a client runs."""

from collections.abc import Callable
from typing import Any

import pytest

from pipeline.core.actions import HangUp, SendDigits, Transfer
from pipeline.core.events import (
    ActionRequested,
    CallEnd,
    CallEvent,
    CallReported,
    PlaybackStarted,
    TextTyped,
    ToolReported,
    ToolRequested,
    ToolsCancelled,
)
from pipeline.core.stages import ToolUse
from pipeline.dialog.control import HANG_UP, SEND_DIGITS, TRANSFER, Control
from pipeline.settings import Ladder
from tests.fakes import FakeLine, FakeModel
from tests.session.calls import orders_at, place
from tests.session.typists import AGENT, ASKS, CONTROL, STATUS, USE, actions, made_for, text, types

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("said", ["", "All right."])
async def test_a_transfer_is_asked_of_the_client_and_said_once(said: str) -> None:
    transfer = ToolUse(TRANSFER, {"department": "billing", "reason": "a wrong bill"})
    model = FakeModel([(0.1, said), (0.1, transfer)])
    made = made_for(types("I want a person"), agent=AGENT, model=model)
    await place(made)
    assert actions(made.line) == [Transfer(target="sip:billing@shop", reason="a wrong bill")]
    assert text(made.line) == (said or CONTROL.transferring)
    assert len(model.asked) == 1


async def test_a_transfer_to_nobody_known_is_corrected_by_the_model() -> None:
    model = FakeModel([(0.1, ToolUse(TRANSFER, {"department": "the king"}))], [(0.1, "I cannot do that.")])
    made = made_for(types("I want the king"), agent=AGENT, model=model)
    await place(made)
    assert not actions(made.line)
    assert text(made.line) == "I cannot do that."


async def test_a_transfer_that_failed_is_told_to_the_caller_when_nothing_else_is_being_said() -> None:
    line = types("I want a person", then=orders_at(ActionRequested, CallReported(kind="transfer_failed")))
    made = made_for(line, agent=AGENT, model=FakeModel([(0.1, ToolUse(TRANSFER, {"department": "billing"}))]))
    await place(made)
    assert text(line) == CONTROL.transferring + CONTROL.transfer_failed


async def test_the_call_ends_when_the_farewell_was_heard() -> None:
    made = made_for(types("Goodbye"), agent=AGENT, model=FakeModel([(0.1, ToolUse(HANG_UP, {}))]))
    ended = await place(made)
    assert ended is not None
    assert ended.reason is CallEnd.HANGUP
    assert text(made.line) == CONTROL.farewell
    assert isinstance(actions(made.line)[0], HangUp)


async def test_a_caller_who_speaks_over_the_farewell_keeps_the_call() -> None:
    line = types("Goodbye", then=orders_at(PlaybackStarted, TextTyped(text="Wait, one more thing.", language="en")))
    model = FakeModel([(0.1, ToolUse(HANG_UP, {}))], [(0.1, "Yes, what is it?")])
    made = made_for(
        line, agent=AGENT.model_copy(update={"control": Control(hang_up=True, farewell="Goodbye, and thanks.")})
    )
    made.model = model
    ended = await place(made)
    assert ended is not None
    assert ended.reason is CallEnd.CLIENT
    assert "Yes, what is it?" in text(line)


async def test_keys_are_pressed_by_the_client() -> None:
    model = FakeModel([(0.1, ToolUse(SEND_DIGITS, {"keys": "12#"}))], [(0.1, "Done.")])
    made = made_for(types("press one two"), agent=AGENT, model=model)
    await place(made)
    assert actions(made.line) == [SendDigits(digits="12#")]


def reports(**outcome: Any) -> Callable[[FakeLine, CallEvent], None]:
    def on_event(line: FakeLine, event: CallEvent) -> None:
        if isinstance(event, ToolRequested):
            line.order(ToolReported(call=event.call, **outcome))

    return on_event


async def test_a_client_runs_its_own_tool_and_the_model_goes_on_with_the_result() -> None:
    line = types("where is 48213", then=reports(result={"state": "at the depot"}))
    made = made_for(line, client_tools=(STATUS,), model=FakeModel(ASKS, [(0.1, "It is at the depot.")]))
    await place(made)
    (asked,) = line.of(ToolRequested)
    assert isinstance(asked, ToolRequested)
    assert asked.use == USE
    assert "at the depot" in made.model.asked[1][-1].text
    assert made.model.options[0].tools == (STATUS,)
    assert not line.of(ToolsCancelled)


async def test_a_client_that_cannot_run_its_tool_says_so_to_the_model() -> None:
    line = types("where is 48213", then=reports(result=None, error="no such order"))
    made = made_for(line, client_tools=(STATUS,), model=FakeModel(ASKS, [(0.1, "I do not find it.")]))
    await place(made)
    assert "no such order" in made.model.asked[1][-1].text


async def test_a_client_that_reports_nothing_is_given_up_and_told_so() -> None:
    made = made_for(types("where is 48213"), client_tools=(STATUS,), model=FakeModel(ASKS, [(0.1, "Not now.")]))
    made.ladder = Ladder(filler_after=0.0, phrase_after=0.0)
    await place(made)
    (asked,) = made.line.of(ToolRequested)
    (cancelled,) = made.line.of(ToolsCancelled)
    assert isinstance(asked, ToolRequested)
    assert isinstance(cancelled, ToolsCancelled)
    assert cancelled.calls == (asked.call,)
    assert cancelled.at - asked.at == pytest.approx(10.0)
    assert text(made.line) == "Not now."


async def test_a_result_is_not_wanted_when_the_caller_goes_on() -> None:
    line = types("where is 48213", then=orders_at(ToolRequested, TextTyped(text="Never mind.", language="en")))
    made = made_for(line, client_tools=(STATUS,), model=FakeModel(ASKS, [(0.1, "All right.")]))
    await place(made)
    assert len(line.of(ToolsCancelled)) == 1
    assert text(line) == "All right."
