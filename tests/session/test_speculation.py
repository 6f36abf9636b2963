"""Work begun before its turn is over: it saves the caller's time, and leaves no trace where it was in vain."""

from collections.abc import AsyncGenerator, Sequence

import anyio
import pytest

from pipeline.core.events import (
    CallEvent,
    Clause,
    ControlKind,
    FinalTranscript,
    PlaybackStarted,
    ReplyEnded,
    ReplyEvent,
    ReplyStarted,
    ReplyStatus,
    Speculated,
    SpeculationEnded,
    SpeechEnded,
    TextDelta,
    TextTyped,
    TurnDrafted,
    TurnEnded,
    TurnId,
)
from pipeline.core.stages import ChatDelta, Message
from pipeline.session.headroom import Headroom
from pipeline.settings import Endpointing
from tests.fakes import FakeLine, FakeModel, FakeRecognizer, FakeTurnModel
from tests.session.calls import ANSWER, LONG_ANSWER, Made, control, orders_at, place
from tests.session.test_floor import stage
from tests.virtual_time import VIRTUAL_TIME, Backend, pass_time

pytestmark = pytest.mark.anyio

SURE = FakeTurnModel([(0.02, 0.99)])
WAIT = Endpointing(min_silence=0.6, max_silence=0.6)
ONE, TWO = TurnId(1), TurnId(2)


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


def room(slots: int = 1, *, busy: bool = False) -> Headroom:
    return Headroom(slots, 4, lambda: busy)


def call(line: FakeLine, *texts: str, headroom: Headroom | None = None, model: FakeModel | None = None) -> Made:
    recognizer = FakeRecognizer([(0.05, text) for text in texts or ("When do you open?",)])
    return Made(
        line,
        recognizer=recognizer,
        model=model or FakeModel(ANSWER),
        endpointing=WAIT,
        turn_model=SURE,
        headroom=headroom or room(),
    )


def outcomes(line: FakeLine) -> list[Speculated]:
    return [event.outcome for event in line.events if isinstance(event, SpeculationEnded)]


def gap(line: FakeLine) -> float:
    """Return the seconds from the end of the first turn's speech to the first sound of the answer."""
    ended = next(event for event in line.events if isinstance(event, TurnEnded))
    begun = next(event for event in line.events if isinstance(event, PlaybackStarted))
    return begun.at - ended.speech_end_at


async def test_an_answer_that_was_begun_ahead_is_there_when_the_turn_ends() -> None:
    ahead, behind = call(FakeLine([(1.0, 2.0)], 8.0)), call(FakeLine([(1.0, 2.0)], 8.0), headroom=room(0))
    await place(ahead)
    await place(behind)
    assert outcomes(ahead.line) == [Speculated.COMMITTED]
    assert outcomes(behind.line) == [Speculated.REFUSED]
    # 0.3 s to the first token, 0.05 to a clause, 0.05 to speak: all of it fits into the wait.
    assert gap(ahead.line) == pytest.approx(WAIT.min_silence, abs=0.05)
    assert gap(behind.line) == pytest.approx(WAIT.min_silence + 0.4, abs=0.1)


async def test_what_the_client_sees_is_the_same_with_and_without() -> None:
    ahead, behind = call(FakeLine([(1.0, 2.0)], 8.0)), call(FakeLine([(1.0, 2.0)], 8.0), headroom=room(0))
    await place(ahead)
    await place(behind)
    kinds = [
        # How far the words are ahead of the sound may differ.
        [type(event) for event in made.line.events if not isinstance(event, SpeculationEnded | TextDelta | Clause)]
        for made in (ahead, behind)
    ]
    assert kinds[0] == kinds[1]
    clauses = [[event.text for event in made.line.events if isinstance(event, Clause)] for made in (ahead, behind)]
    assert clauses[0] == clauses[1] != []
    replies = [event for event in ahead.line.events if isinstance(event, ReplyEvent)]
    assert {event.reply for event in replies} == {1}
    assert len(ahead.model.asked) == 1


async def test_nothing_of_it_is_told_or_heard_before_the_turn_is_over() -> None:
    made = call(FakeLine([(1.0, 2.0)], 8.0))
    await place(made)
    kinds = [type(event) for event in made.line.events]
    assert kinds.index(TurnEnded) < kinds.index(FinalTranscript) < kinds.index(ReplyStarted)
    ended = next(event for event in made.line.events if isinstance(event, TurnEnded))
    assert all(sent.at >= ended.at for sent in made.line.audio)


async def test_spans_that_passed_inside_the_wait_are_zero() -> None:
    made = call(FakeLine([(1.0, 2.0)], 8.0))
    await place(made)
    (ended,) = made.line.of(ReplyEnded)
    assert isinstance(ended, ReplyEnded)
    assert ended.spans["first_token"] == ended.spans["first_clause"] == ended.spans["synthesis"] == 0.0
    assert sum(ended.spans[name] for name in ("endpointing", "recognition", "handover")) == pytest.approx(
        ended.spans["response_gap"]
    )


async def test_a_caller_who_goes_on_leaves_no_trace_of_it() -> None:
    made = call(FakeLine([(1.0, 2.0), (2.4, 3.4)], 10.0), "I would like.", "I would like a cake.")
    await place(made)
    assert outcomes(made.line) == [Speculated.REOPENED, Speculated.COMMITTED]
    assert [event.reply for event in made.line.events if isinstance(event, ReplyStarted)] == [1]
    assert made.model.asked[-1][1:] == [Message("user", "I would like a cake.")]
    assert made.model.open_streams == 0


async def test_wasted_work_is_measured() -> None:
    made = call(FakeLine([(1.0, 2.0), (2.5, 3.4)], 10.0), "I would like.", "I would like a cake.")
    await place(made)
    wasted = next(event for event in made.line.events if isinstance(event, SpeculationEnded))
    drafted = wasted.at - wasted.duration
    soft = next(event for event in made.line.events if isinstance(event, SpeechEnded))
    assert drafted == pytest.approx(soft.at, abs=0.05)
    assert wasted.characters == len("We open at nine, and we close at six.")


async def test_the_second_turn_is_begun_ahead_on_what_was_heard_of_the_first_reply() -> None:
    made = call(FakeLine([(1.0, 2.0), (6.0, 7.0)], 12.0), "When do you open?", "And close?")
    await place(made)
    assert outcomes(made.line) == [Speculated.COMMITTED, Speculated.COMMITTED]
    assert made.model.asked[1][1:] == [
        Message("user", "When do you open?"),
        Message("assistant", "We open at nine, and we close at six."),
        Message("user", "And close?"),
    ]


@pytest.mark.parametrize("kind", [ControlKind.CLEAR_INPUT, ControlKind.PAUSE])
async def test_an_order_that_forgets_the_turn_forgets_it_too(kind: ControlKind) -> None:
    made = call(FakeLine([(1.0, 2.0)], 6.0, on_event=orders_at(SpeechEnded, control(kind))))
    await place(made)
    assert set(outcomes(made.line)) <= {Speculated.ABANDONED}
    assert made.line.of(ReplyStarted) == []
    assert made.model.open_streams == 0


async def test_a_typed_turn_is_answered_in_its_place() -> None:
    typed = TextTyped(text="typed", language="en")
    line = FakeLine([(1.0, 2.0)], 8.0)

    async def later() -> None:
        await pass_time(2.3)
        line.order(typed)

    made = call(line)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(later)
        await place(made)
    assert outcomes(made.line) == [Speculated.ABANDONED]
    assert made.model.asked[-1][1:] == [Message("user", "typed")]
    assert [event.reply for event in made.line.events if isinstance(event, ReplyStarted)] == [1]


async def test_a_commit_by_the_client_takes_the_work_too() -> None:
    line = FakeLine([(1.0, 2.0)], 8.0)
    made = call(line)

    async def commit() -> None:
        await pass_time(2.25)
        line.order(control(ControlKind.COMMIT_INPUT))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(commit)
        await place(made)
    assert outcomes(made.line) == [Speculated.COMMITTED]


async def test_a_call_that_ends_in_between_leaves_nothing_behind() -> None:
    made = call(FakeLine([(1.0, 2.0)], 8.0, on_event=orders_at(SpeechEnded, control(ControlKind.END))))
    await place(made)
    assert made.line.of(ReplyStarted) == []
    assert made.model.open_streams == made.synthesizer.open_streams == 0


async def test_a_busy_machine_speculates_on_nothing() -> None:
    made = call(FakeLine([(1.0, 2.0)], 8.0), headroom=room(busy=True))
    await place(made)
    assert outcomes(made.line) == [Speculated.REFUSED]
    assert len(made.line.of(ReplyEnded)) == 1


async def test_a_reply_that_a_caller_waits_for_takes_the_place_of_a_speculation() -> None:
    headroom = room()
    async with (
        stage(FakeModel(LONG_ANSWER), headroom=headroom) as patient,
        stage(FakeModel(ANSWER), headroom=headroom) as urgent,
    ):
        await patient.floor.speculate(ONE, "what do you sell")
        await pass_time(0.2)
        await urgent.floor.answer(ONE, "when do you open", ())
        await pass_time(0.1)
        assert patient.model.open_streams == 0
        await patient.floor.answer(ONE, "what do you sell", ())
        await pass_time(60.0)
    crowded = [event.outcome for event in patient.line.events if isinstance(event, SpeculationEnded)]
    assert crowded == [Speculated.CROWDED]
    assert [ended.status for ended in patient.ended] == [ReplyStatus.COMPLETED]


async def test_a_speculation_waits_for_room_behind_one_that_is_written() -> None:
    headroom = room()
    async with (
        stage(FakeModel(LONG_ANSWER), headroom=headroom) as first,
        stage(FakeModel(ANSWER), headroom=headroom) as second,
    ):
        await first.floor.answer(ONE, "what do you sell", ())
        await pass_time(0.2)
        await second.floor.speculate(ONE, "when do you open")
        assert second.model.asked == []
        await pass_time(60.0)
        await second.floor.speculate(ONE, "when do you open")
        await pass_time(0.1)
        assert len(second.model.asked) == 1


@pytest.mark.parametrize(
    ("turn", "text"), [(ONE, "other words"), (TWO, "when do you open")], ids=["other words", "another turn"]
)
async def test_it_is_not_taken_for_anything_else(turn: TurnId, text: str) -> None:
    model = FakeModel(ANSWER)
    async with stage(model, headroom=room()) as on:
        await on.floor.speculate(ONE, "when do you open")
        await pass_time(0.5)
        await on.floor.answer(turn, text, ())
        await pass_time(5.0)
    assert [event.outcome for event in on.line.events if isinstance(event, SpeculationEnded)] == [Speculated.CHANGED]
    assert [messages[-1].text for messages in model.asked] == ["when do you open", text]
    assert [ended.reply for ended in on.ended] == [1]


async def test_it_is_not_taken_when_something_was_said_meanwhile() -> None:
    model = FakeModel(ANSWER)
    async with stage(model, headroom=room()) as on:
        await on.floor.speculate(ONE, "when do you open")
        await pass_time(0.1)
        await on.floor.say(ONE, "Are you still there?")
        await pass_time(5.0)
        await on.floor.answer(ONE, "when do you open", ())
        await pass_time(5.0)
    found = [event.outcome for event in on.line.events if isinstance(event, SpeculationEnded)]
    assert found == [Speculated.ABANDONED]
    assert len(model.asked) == 2


async def test_how_far_it_runs_ahead_is_bounded() -> None:
    endless: Sequence[tuple[float, str]] = [(0.01, f"This is sentence number {n}. ") for n in range(500)]
    model = FakeModel(endless)
    async with stage(model, headroom=room()) as on:
        await on.floor.speculate(ONE, "tell me all")
        await pass_time(30.0)
        _, characters = on.floor._speculation.reply.work()  # type: ignore[union-attr]
    # One clause at the voice with half a second of sound, two that wait, one that cannot be put down.
    assert characters < 200


def test_a_claim_that_is_given_back_twice_or_never_used_counts_once() -> None:
    headroom = room(2)
    first, second = headroom.claim(), headroom.claim()
    assert headroom.speculate(lambda: None) is None
    first.release()
    first.release()
    second.release()
    assert headroom.speculate(lambda: None) is not None


async def test_a_claim_lasts_as_long_as_the_model_writes() -> None:
    headroom = room(1)

    async def source() -> AsyncGenerator[ChatDelta, None]:
        yield ChatDelta("a")
        yield ChatDelta("b")

    async for _ in headroom.claim().over(source()):
        assert headroom.speculate(lambda: None) is None
    assert headroom.speculate(lambda: None) is not None


def test_speculations_give_way_oldest_first() -> None:
    headroom, gone = room(2), list[str]()
    headroom.speculate(lambda: gone.append("first"))
    headroom.speculate(lambda: gone.append("second"))
    headroom.claim()
    assert gone == ["first"]
    headroom.claim()
    assert gone == ["first", "second"]


def drafted(events: Sequence[CallEvent]) -> int:
    return sum(isinstance(event, TurnDrafted) for event in events)


async def test_clients_are_never_told_of_drafts() -> None:
    made = call(FakeLine([(1.0, 2.0)], 8.0))
    await place(made)
    assert drafted(made.line.events) == 0
