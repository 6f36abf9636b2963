"""What answers do in a call besides being said: tools, call control, the client's own tools."""

from collections.abc import Callable, Mapping
from typing import Any

import anyio
import pytest

from pipeline.core.actions import HangUp, SendDigits, Transfer
from pipeline.core.events import (
    ActionRequested,
    CallEnd,
    CallEvent,
    CallReported,
    FillerStarted,
    FinalTranscript,
    PlaybackStarted,
    ReplyEnded,
    ReplyStatus,
    SpeculationEnded,
    TextDelta,
    TextTyped,
    ToolReported,
    ToolRequested,
    ToolsCancelled,
)
from pipeline.core.stages import Message, ToolSpec, ToolUse
from pipeline.dialog.agents import Agent
from pipeline.dialog.control import HANG_UP, SEND_DIGITS, TRANSFER, Control
from pipeline.dialog.tools.toolbox import Tool
from pipeline.session.headroom import Headroom
from pipeline.settings import Ladder, Speaking
from pipeline.speaking.phrases import PhraseBook
from tests.fakes import FakeLine, FakeModel, FakeRecognizer, FakeSynthesizer
from tests.session.calls import Made, asks_again_after, orders_at, place

pytestmark = pytest.mark.anyio

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


class Status:
    """A tool that takes ``seconds``, and remembers what it was run with."""

    def __init__(self, seconds: float = 0.1) -> None:
        self.seconds = seconds
        self.ran: list[Mapping[str, Any]] = []
        self.finished = 0

    async def __call__(self, arguments: Mapping[str, Any]) -> str:
        self.ran.append(arguments)
        await anyio.sleep(self.seconds)
        self.finished += 1
        return "on its way"


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


async def test_the_model_reads_what_a_tool_returned_and_answers_with_it() -> None:
    status = Status()
    made = made_for(
        types("where is 48213"), model=FakeModel(ASKS, [(0.1, "It is on its way.")]), tools=[Tool(STATUS, status)]
    )
    await place(made)
    assert status.ran == [{"order": "48213"}]
    assert text(made.line) == "It is on its way."
    shown = made.model.asked[1]
    assert shown[-2] == Message("assistant", "", uses=(USE,))
    assert shown[-1].role == "tool"
    assert "on its way" in shown[-1].text
    assert shown[: len(made.model.asked[0])] == made.model.asked[0]


async def test_a_tool_is_not_run_before_the_turn_is_over() -> None:
    status = Status()
    ran_at_commit: list[int] = []

    def look(_line: FakeLine, event: CallEvent) -> None:
        if isinstance(event, FinalTranscript):
            ran_at_commit.append(len(status.ran))

    line = FakeLine([(0.5, 1.5)], 12.0, on_event=look)
    recognizer = FakeRecognizer([(0.0, "where is my order")])
    made = made_for(line, recognizer=recognizer, model=FakeModel([(0.0, USE)], [(0.1, "It is on its way.")]))
    made.headroom = Headroom(4, 4, lambda: False)
    made.tools = [Tool(STATUS, status)]
    await place(made)
    assert line.of(SpeculationEnded)
    assert ran_at_commit == [0]
    assert len(status.ran) == 1


async def test_a_speculation_that_is_thrown_away_runs_no_tool() -> None:
    status = Status()
    line = FakeLine([(0.5, 1.5), (1.8, 2.8)], 12.0)
    recognizer = FakeRecognizer([(0.0, "where is"), (0.0, "where is my order")])
    made = made_for(line, recognizer=recognizer, model=FakeModel([(0.0, USE)], [(0.0, USE)], [(0.1, "On its way.")]))
    made.headroom = Headroom(4, 4, lambda: False)
    made.tools = [Tool(STATUS, status)]
    await place(made)
    assert len(status.ran) == 1


async def test_the_caller_hears_a_filler_while_a_tool_runs() -> None:
    synthesizer = FakeSynthesizer()
    book = PhraseBook(synthesizer, Speaking())
    await book.learn(["I am looking."], "en")
    made = made_for(types("where is 48213"), model=FakeModel(ASKS, [(0.1, "It is on its way.")]), book=book)
    made.tools = [Tool(STATUS, Status(2.0), filler="I am looking.")]
    await place(made)
    (filler,) = made.line.of(FillerStarted)
    (begun,) = made.line.of(PlaybackStarted)
    assert begun.at - filler.at > 1.5
    assert text(made.line) == "It is on its way."


async def test_a_filler_is_left_out_when_the_answer_has_begun() -> None:
    book = PhraseBook(FakeSynthesizer(), Speaking())
    await book.learn(["I am looking."], "en")
    model = FakeModel([(0.1, "Let me see. "), (0.0, USE)], [(0.1, "It is on its way.")])
    made = made_for(types("where is 48213"), model=model, book=book)
    made.tools = [Tool(STATUS, Status(2.0), filler="I am looking.")]
    await place(made)
    assert not made.line.of(FillerStarted)
    assert text(made.line) == "Let me see. It is on its way."


async def test_what_a_tool_says_of_its_failure_is_read_by_the_model() -> None:
    made = made_for(types("where is 48213"), model=FakeModel(ASKS, [(0.1, "I cannot see that now.")]))
    made.tools = [Tool(STATUS, Status(60.0), timeout=1.0)]
    await place(made)
    assert "no answer within 1 s" in made.model.asked[1][-1].text
    assert text(made.line) == "I cannot see that now."


async def test_a_model_that_asks_for_tools_without_end_is_stopped() -> None:
    made = made_for(types("where is 48213"), model=FakeModel(ASKS), tools=[Tool(STATUS, Status(0.0))])
    await place(made)
    (ended,) = made.line.of(ReplyEnded)
    assert isinstance(ended, ReplyEnded)
    assert ended.status is ReplyStatus.DEGRADED
    assert ended.degraded == ("tools-without-end", "fallback_phrase")


async def test_what_changes_something_waits_for_the_callers_yes() -> None:
    status = Status()
    cancel = Tool(STATUS, status, confirm="Shall I cancel order {order}?")
    made = made_for(
        types("cancel 48213", "Yes, please."), model=FakeModel(ASKS, [(0.1, "It is cancelled.")]), tools=[cancel]
    )
    await place(made)
    assert text(made.line) == "Shall I cancel order 48213?It is cancelled."
    assert status.ran == [{"order": "48213"}]
    assert made.model.asked[1][-2].uses == (USE,)


async def test_a_no_runs_nothing_and_is_told_to_the_model() -> None:
    status = Status()
    cancel = Tool(STATUS, status, confirm="Shall I cancel order {order}?")
    made = made_for(types("cancel 48213", "No, don't."), model=FakeModel(ASKS, [(0.1, "As you like.")]), tools=[cancel])
    await place(made)
    assert not status.ran
    assert "said no" in made.model.asked[1][-1].text


async def test_a_question_that_was_not_heard_to_its_end_is_not_answered_by_a_later_yes() -> None:
    status = Status()
    cancel = Tool(STATUS, status, confirm="Shall I cancel order {order}, with all that is in it, for good?")
    line = types("cancel 48213")
    talk = orders_at(PlaybackStarted, TextTyped(text="Yes.", language="en"))
    line.on_event = talk
    made = made_for(line, model=FakeModel(ASKS, [(0.1, "Fine.")]), tools=[cancel])
    await place(made)
    assert not status.ran


async def test_a_later_yes_to_something_else_runs_nothing() -> None:
    status = Status()
    cancel = Tool(STATUS, status, confirm="Shall I cancel order {order}?")
    model = FakeModel(ASKS, [(0.1, "We open at nine. Is that all?")], [(0.1, "Bye.")])
    made = made_for(types("cancel 48213", "When do you open?", "Yes."), model=model, tools=[cancel])
    await place(made)
    assert not status.ran


async def test_what_was_confirmed_is_done_to_its_end_though_the_caller_speaks_over_it() -> None:
    status = Status(3.0)
    cancel = Tool(STATUS, status, confirm="Shall I cancel order {order}?")
    line = types("cancel 48213", "Yes.")
    made = made_for(line, model=FakeModel(ASKS, [(0.1, "It is cancelled.")]), tools=[cancel])
    types_next = line.on_event or unheard

    def also(line: FakeLine, event: CallEvent) -> None:
        types_next(line, event)
        if isinstance(event, FinalTranscript) and event.text == "Yes.":
            line.order(TextTyped(text="Hurry up.", language="en"))

    line.on_event = also
    await place(made)
    assert status.finished == 1
    assert "Done in this call" in made.model.asked[-1][-1].text
    assert "48213" in made.model.asked[-1][-1].text


@pytest.mark.parametrize("said", ["", "All right. "])
async def test_a_transfer_is_asked_of_the_client_and_said_once(said: str) -> None:
    transfer = ToolUse(TRANSFER, {"to": "billing", "reason": "a wrong bill"})
    model = FakeModel([(0.1, said), (0.1, transfer)])
    made = made_for(types("I want a person"), agent=AGENT, model=model)
    await place(made)
    assert actions(made.line) == [Transfer(target="sip:billing@shop", reason="a wrong bill")]
    assert text(made.line) == (said or CONTROL.transferring)
    assert len(model.asked) == 1


async def test_a_transfer_to_nobody_known_is_corrected_by_the_model() -> None:
    model = FakeModel([(0.1, ToolUse(TRANSFER, {"to": "the king"}))], [(0.1, "I cannot do that.")])
    made = made_for(types("I want the king"), agent=AGENT, model=model)
    await place(made)
    assert not actions(made.line)
    assert text(made.line) == "I cannot do that."


async def test_a_transfer_that_failed_is_told_to_the_caller_when_nothing_else_is_being_said() -> None:
    line = types("I want a person", then=orders_at(ActionRequested, CallReported(kind="transfer_failed")))
    made = made_for(line, agent=AGENT, model=FakeModel([(0.1, ToolUse(TRANSFER, {"to": "billing"}))]))
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
