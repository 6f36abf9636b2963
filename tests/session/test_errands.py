"""What answers do in a call besides being said: tools, call control, the client's own tools."""

from collections.abc import Mapping
from typing import Any

import pytest

from pipeline.core.events import (
    CallEvent,
    FillerStarted,
    FinalTranscript,
    PlaybackStarted,
    ReplyEnded,
    ReplyStatus,
    Speculated,
    SpeculationEnded,
    TextTyped,
)
from pipeline.core.stages import Message, ToolUse
from pipeline.dialog.responder import Effort
from pipeline.dialog.tools.toolbox import Tool
from pipeline.session.headroom import Headroom
from pipeline.session.ladder import BudgetLadder
from pipeline.settings import Budget, Ladder, Speaking
from pipeline.speaking.phrases import PhraseBook
from tests.fakes import FakeLine, FakeModel, FakeRecognizer, FakeSynthesizer, FakeTool
from tests.session.calls import orders_at, place
from tests.session.typists import ASKS, STATUS, USE, made_for, text, types

pytestmark = pytest.mark.anyio


async def test_the_model_reads_what_a_tool_returned_and_answers_with_it() -> None:
    status = FakeTool()
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
    status = FakeTool()
    ran_at_commit: list[int] = []

    def look(_line: FakeLine, event: CallEvent) -> None:
        if isinstance(event, FinalTranscript):
            ran_at_commit.append(len(status.ran))

    line = FakeLine([(0.5, 1.5)], 12.0, on_event=look)
    recognizer = FakeRecognizer([(0.0, "where is my order 48213")])
    made = made_for(line, recognizer=recognizer, model=FakeModel([(0.0, USE)], [(0.1, "It is on its way.")]))
    made.headroom = Headroom(4, 4, lambda: False)
    made.tools = [Tool(STATUS, status)]
    await place(made)
    assert line.of(SpeculationEnded)
    assert ran_at_commit == [0]
    assert len(status.ran) == 1


async def test_a_speculation_that_is_thrown_away_runs_no_tool() -> None:
    status = FakeTool()
    line = FakeLine([(0.5, 1.5), (1.8, 2.8)], 12.0)
    recognizer = FakeRecognizer([(0.0, "Where is my order?"), (0.0, "Where is my order? 48213 is its number.")])
    made = made_for(line, recognizer=recognizer, model=FakeModel([(0.0, USE)], [(0.0, USE)], [(0.1, "On its way.")]))
    made.headroom = Headroom(4, 4, lambda: False)
    made.tools = [Tool(STATUS, status)]
    await place(made)
    outcomes = [event.outcome for event in line.of(SpeculationEnded) if isinstance(event, SpeculationEnded)]
    assert outcomes == [Speculated.REOPENED, Speculated.COMMITTED]
    assert len(status.ran) == 1


async def test_the_caller_hears_a_filler_while_a_tool_runs() -> None:
    synthesizer = FakeSynthesizer()
    book = PhraseBook(synthesizer, Speaking())
    await book.learn(["I am looking."], "en")
    made = made_for(types("where is 48213"), model=FakeModel(ASKS, [(0.1, "It is on its way.")]), book=book)
    made.tools = [Tool(STATUS, FakeTool(2.0), filler="I am looking.")]
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
    made.tools = [Tool(STATUS, FakeTool(2.0), filler="I am looking.")]
    await place(made)
    assert not made.line.of(FillerStarted)
    assert text(made.line) == "Let me see. It is on its way."


async def test_what_a_tool_says_of_its_failure_is_read_by_the_model() -> None:
    made = made_for(types("where is 48213"), model=FakeModel(ASKS, [(0.1, "I cannot see that now.")]))
    made.tools = [Tool(STATUS, FakeTool(60.0), timeout=1.0)]
    await place(made)
    assert "no answer within 1 s" in made.model.asked[1][-1].text
    assert text(made.line) == "I cannot see that now."


async def test_a_model_that_asks_for_tools_without_end_is_stopped() -> None:
    made = made_for(types("where is 48213"), model=FakeModel(ASKS), tools=[Tool(STATUS, FakeTool(0.0))])
    await place(made)
    (ended,) = made.line.of(ReplyEnded)
    assert isinstance(ended, ReplyEnded)
    assert ended.status is ReplyStatus.DEGRADED
    assert ended.degraded == ("tools-without-end", "fallback_phrase")


async def test_a_number_that_the_model_made_up_is_run_with_nothing() -> None:
    status = FakeTool()
    model = FakeModel([(0.1, ToolUse("order_status", {"order": "99999"}))], [(0.1, "Which order is it?")])
    made = made_for(types("where is my order"), model=model, tools=[Tool(STATUS, status)])
    await place(made)
    assert not status.ran
    assert "nobody has said 99999" in made.model.asked[1][-1].text
    assert text(made.line) == "Which order is it?"


async def test_a_call_behind_the_first_sentence_is_run_also_where_answers_are_to_be_short() -> None:
    status = FakeTool()
    ladder = Ladder(filler_after=0.0, phrase_after=0.0)
    late = BudgetLadder(ladder, {"response_gap": Budget(p50=0.1, p95=0.2)}, has_smaller=False)
    for _ in range(4):
        late.gap(9.0)
    assert late.effort is Effort.SHORT
    model = FakeModel([(0.1, "I will look that up for you. "), (0.1, USE)], [(0.1, "It is on its way.")])
    made = made_for(types("where is 48213"), model=model, tools=[Tool(STATUS, status)], budget_ladder=late)
    await place(made)
    assert len(status.ran) == 1
    assert text(made.line) == "I will look that up for you. It is on its way."


async def test_what_changes_something_waits_for_the_callers_yes() -> None:
    status = FakeTool()
    cancel = Tool(STATUS, status, confirm="Shall I cancel order {order}?")
    made = made_for(
        types("cancel 48213", "Yes, please."), model=FakeModel(ASKS, [(0.1, "It is cancelled.")]), tools=[cancel]
    )
    await place(made)
    assert text(made.line) == "Shall I cancel order 48213?It is cancelled."
    assert status.ran == [{"order": "48213"}]
    assert made.model.asked[1][-2].uses == (USE,)


async def test_the_caller_hears_a_filler_while_what_was_agreed_to_is_done() -> None:
    book = PhraseBook(FakeSynthesizer(), Speaking())
    await book.learn(["I am at it."], "en")
    cancel = Tool(STATUS, FakeTool(2.0), filler="I am at it.", confirm="Shall I cancel order {order}?")
    model = FakeModel(ASKS, [(0.1, "It is cancelled.")])
    made = made_for(types("cancel 48213", "Yes, please."), model=model, tools=[cancel], book=book)
    await place(made)
    assert [event.text for event in made.line.of(FillerStarted) if isinstance(event, FillerStarted)] == ["I am at it."]


async def test_a_no_runs_nothing_and_is_told_to_the_model() -> None:
    status = FakeTool()
    cancel = Tool(STATUS, status, confirm="Shall I cancel order {order}?")
    made = made_for(types("cancel 48213", "No, don't."), model=FakeModel(ASKS, [(0.1, "As you like.")]), tools=[cancel])
    await place(made)
    assert not status.ran
    assert "said no" in made.model.asked[1][-1].text


async def test_a_question_that_was_not_heard_to_its_end_is_not_answered_by_a_later_yes() -> None:
    status = FakeTool()
    cancel = Tool(STATUS, status, confirm="Shall I cancel order {order}, with all that is in it, for good?")
    line = types("cancel 48213")
    talk = orders_at(PlaybackStarted, TextTyped(text="Yes.", language="en"))
    line.on_event = talk
    made = made_for(line, model=FakeModel(ASKS, [(0.1, "Fine.")]), tools=[cancel])
    await place(made)
    assert not status.ran


async def test_a_later_yes_to_something_else_runs_nothing() -> None:
    status = FakeTool()
    cancel = Tool(STATUS, status, confirm="Shall I cancel order {order}?")
    model = FakeModel(ASKS, [(0.1, "We open at nine. Is that all?")], [(0.1, "Bye.")])
    made = made_for(types("cancel 48213", "When do you open?", "Yes."), model=model, tools=[cancel])
    await place(made)
    assert not status.ran


async def test_what_was_confirmed_is_done_to_its_end_though_the_caller_speaks_over_it() -> None:
    status, line = FakeTool(3.0), types("cancel 48213", "Yes.")

    async def work(arguments: Mapping[str, Any]) -> str:
        line.order(TextTyped(text="Hurry up.", language="en"))
        return await status(arguments)

    cancel = Tool(STATUS, work, confirm="Shall I cancel order {order}?")
    made = made_for(line, model=FakeModel(ASKS, [(0.1, "It is cancelled.")]), tools=[cancel])
    await place(made)
    assert status.finished == 1
    assert "Done in this call" in made.model.asked[-1][-1].text
    assert "48213" in made.model.asked[-1][-1].text
