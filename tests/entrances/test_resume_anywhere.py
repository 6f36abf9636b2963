"""Wherever connections break: the call is the one that it would have been. Real sessions, on virtual time."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import anyio
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.core.stages import ToolUse
from pipeline.entrances.generated.voicepipe.v1 import config_pb2, input_pb2, output_pb2
from pipeline.settings import Settings
from tests.entrances.calls import start_message
from tests.entrances.resuming import Cut, Phone, hosted
from tests.entrances.wires import Break
from tests.fakes import FakeModel
from tests.session.calls import ANSWER
from tests.switchboards import Service
from tests.virtual_time import run_virtually

TOOL = config_pb2.ToolDeclaration(name="order_status", description="Tells where an order is.")
SETTINGS = Settings.model_validate({"speculation": {"enabled": False}, "call": {"no_input": 60.0}})


@dataclass(frozen=True)
class Told:
    """A call as its client knows it afterwards."""

    said: list[tuple[int, str]]
    ended: list[int]
    """Turns."""
    answers: list[tuple[int, str, str, int]]
    captions: list[str]
    tools: list[tuple[str, str]]
    notices: list[Any]


def told(phone: Phone) -> Told:
    captions: dict[int, str] = {}
    for text in phone.of("response_text"):
        captions[text.response_id] = captions.get(text.response_id, "") + text.delta
    answers: list[output_pb2.ResponseDone] = []
    for one in phone.of("response_done"):
        before = answers[-1] if answers else output_pb2.ResponseDone(turn_id=99)
        # What was played while nobody noticed that the caller was away is said again; no answer ends with another.
        if before.turn_id != one.turn_id or not before.text.endswith(one.text):
            answers.append(one)
    over = output_pb2.INPUT_EVENT_KIND_TURN_ENDED
    return Told(
        said=[(one.turn_id, one.text) for one in phone.of("transcript") if one.is_final],
        ended=[one.turn_id for one in phone.of("input_event") if one.kind == over],
        answers=[(one.turn_id, one.text, one.heard_text, one.status) for one in answers],
        captions=[captions[one.response_id] for one in answers],
        tools=[(one.name, one.call_id) for one in phone.of("tool_call")],
        notices=phone.of("notice"),
    )


async def called(cuts: list[Cut]) -> Phone:
    """Speak, type what needs a tool, speak, hang up; each once the answer before was heard."""
    model = FakeModel(ANSWER, [(0.3, ToolUse("order_status", {}))], [(0.3, "It is on its way.")], ANSWER)
    board = Service(SETTINGS, model=model)
    board.calls.open(board.shared)
    async with hosted(board.calls) as service, anyio.create_task_group() as tasks:
        phone = Phone(service.reception, service.tasks, cuts, start_message(tools=[TOOL]))
        tasks.start_soon(phone.run)
        tasks.start_soon(phone.speak)
        phone.loud = 50
        await phone.until(lambda: len(told(phone).answers) == 1)
        await phone.say(text=input_pb2.TextInput(text="where is my order"))
        await phone.until(lambda: len(told(phone).answers) == 2)
        phone.loud = 50
        await phone.until(lambda: len(told(phone).answers) == 3)
        await phone.say(control=input_pb2.Control(kind=input_pb2.CONTROL_KIND_END))
        await phone.over.wait()
        tasks.cancel_scope.cancel()
    return phone


def cut() -> st.SearchStrategy[Cut]:
    return st.builds(
        Cut, after=st.integers(1, 900), how=st.sampled_from(Break), away=st.sampled_from([0.01, 0.3, 1.5, 6.0])
    )


@cache
def whole() -> Told:
    """Return the call without a break."""
    return told(run_virtually(lambda: called([])))


def test_the_call_that_is_compared_with_is_whole() -> None:
    assert [text for _, text in whole().said] == ["when do you open", "where is my order", "when do you open"]
    assert [answer[1] for answer in whole().answers] == whole().captions
    assert len(whole().captions) == 3
    assert len(whole().tools) == 1
    assert whole().notices == []


def check(cuts: list[Cut]) -> None:
    phone = run_virtually(lambda: called(cuts))
    assert told(phone) == whole()
    assert phone.repeated == 0
    numbers = [one.seq for one in phone.news]
    assert numbers == list(range(1, len(numbers) + 1))


@settings(max_examples=20)
@given(st.lists(cut(), min_size=1, max_size=4))
@example([Cut(1), Cut(0), Cut(0), Cut(1)])
@example([Cut(60, Break.HALF_DEAD, 3.0)])
@example([Cut(52, away=6.0), Cut(1, away=6.0)])  # longer than an answer may take
def test_wherever_a_connection_breaks_nothing_is_lost_and_nothing_comes_twice(cuts: list[Cut]) -> None:
    check(cuts)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@settings(max_examples=1000, derandomize=False)
@given(st.lists(cut(), min_size=1, max_size=6))
def test_a_thousand_calls_break_anywhere(cuts: list[Cut]) -> None:
    check(cuts)
