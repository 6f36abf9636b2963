"""Callers who type, and what came of it."""

from collections.abc import Callable
from typing import Any

from pipeline.core.events import (
    ActionRequested,
    CallEvent,
    ReplyEnded,
    TextDelta,
    TextTyped,
)
from pipeline.core.stages import ToolSpec, ToolUse
from pipeline.dialog.agents import Agent
from pipeline.dialog.control import Control
from tests.fakes import FakeLine
from tests.session.calls import Made, asks_again_after

CONTROL = Control(transfer={"billing": "sip:billing@shop"}, hang_up=True, send_digits=True)
AGENT = Agent(id="test", name="Test", persona="You are a test.", control=CONTROL)
STATUS = ToolSpec(
    "order_status",
    "Where an order is.",
    {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]},
)
USE = ToolUse("order_status", {"order": "48213"})
ASKS = [(0.3, USE)]


def unheard(line: FakeLine, event: CallEvent) -> None:
    """Do nothing."""


def text(line: FakeLine) -> str:
    return "".join(event.text for event in line.of(TextDelta) if isinstance(event, TextDelta))


def actions(line: FakeLine) -> list[object]:
    return [event.action for event in line.of(ActionRequested) if isinstance(event, ActionRequested)]


def made_for(line: FakeLine, **parts: Any) -> Made:
    """Return the parts of a call whose caller may be silent for long."""
    return Made(line, call=asks_again_after(100.0), **parts)


def types(*texts: str, then: Callable[[FakeLine, CallEvent], None] | None = None) -> FakeLine:
    """Return a caller who types the first text at once, and each other when an answer is over."""
    due = [TextTyped(text=text, language="en") for text in texts]

    def on_event(line: FakeLine, event: CallEvent) -> None:
        if isinstance(event, ReplyEnded) and due:
            line.order(due.pop(0))
        if then is not None:
            then(line, event)

    line = FakeLine([], 30.0, on_event=on_event)
    line.order(due.pop(0))
    return line
