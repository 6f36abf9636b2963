from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import pytest

from pipeline.core.clock import LoopClock
from pipeline.core.events import (
    PlaybackStarted,
    ReplyEnded,
    ReplyId,
    ReplyStarted,
    ReplyStatus,
    ReplyStopped,
    TurnId,
)
from pipeline.core.stages import ChatOptions, Message
from pipeline.dialog.agents import Phrases
from pipeline.dialog.history import History
from pipeline.dialog.memory import Memory
from pipeline.dialog.responder import Responder
from pipeline.dialog.routing import Router
from pipeline.dialog.state import DialogState
from pipeline.dialog.tools.toolbox import Toolbox
from pipeline.session.desk import CallDesk
from pipeline.session.floor import Floor, State
from pipeline.session.headroom import Headroom
from pipeline.session.ladder import BudgetLadder
from pipeline.session.languages import Languages
from pipeline.session.plan import Engines
from pipeline.session.shape import ReplyShape
from pipeline.settings import Channels, Ladder, Playout, Speaking
from pipeline.speaking.phrases import PhraseBook
from tests.fakes import FakeLine, FakeModel, FakeRecognizer, FakeSynthesizer, FakeVoice, recognitions
from tests.session.calls import ANSWER, LONG_ANSWER, SILENT_AGENT, no_speculation
from tests.virtual_time import pass_time

pytestmark = pytest.mark.anyio

TURN = TurnId(1)


@dataclass
class Stage:
    """A floor, its client and what ended on it."""

    floor: Floor
    history: History
    state: DialogState
    line: FakeLine
    model: FakeModel
    ended: list[ReplyEnded] = field(default_factory=list)


def shape(*, reports_playback: bool) -> ReplyShape:
    return ReplyShape(
        Speaking(),
        Playout(),
        Channels(),
        paced=True,
        speech_stops=True,
        reports_playback=reports_playback,
        protected_start=0.0,
        primes=False,
        ladder=Ladder(filler_after=0.0, phrase_after=0.0),
        phrases=Phrases(failure=""),
        language="en",
    )


def no_tools() -> CallDesk:
    return CallDesk(SILENT_AGENT, Toolbox(), (), DialogState(), patience=1.0)


@asynccontextmanager
async def stage(
    model: FakeModel, *, reports_playback: bool = False, headroom: Headroom | None = None
) -> AsyncIterator[Stage]:
    line, history, state = FakeLine([], 0.0), History(8, 4000), DialogState()
    recognizer = FakeRecognizer([(0.1, "hello")])
    engines = Engines(
        voice=FakeVoice(),
        recognitions=recognitions(recognizer),
        turn_model=None,
        responder=Responder(Router.of(model), "You are a test.", ChatOptions()),
        toolbox=Toolbox(),
        synthesizer=PhraseBook(FakeSynthesizer(), Speaking()),
        ladder=BudgetLadder(Ladder(), {}, has_smaller=False),
        headroom=headroom or no_speculation(),
    )
    floor = Floor(
        line,
        engines,
        Memory(history, state),
        no_tools(),
        Languages(engines, shape(reports_playback=reports_playback)),
        clock=LoopClock(),
        tell=line.send,
    )
    made = Stage(floor, history, state, line, model)
    over_in, over = anyio.create_memory_object_stream[ReplyEnded](8)

    async def take() -> None:
        async for ended in over:
            floor.ended(ended)
            made.ended.append(ended)

    async with over_in, over, anyio.create_task_group() as tasks:
        floor.replies.open(tasks, over_in)
        tasks.start_soon(take)
        yield made
        tasks.cancel_scope.cancel()
    line.close()


async def test_the_state_follows_the_reply() -> None:
    async with stage(FakeModel(ANSWER)) as on:
        states = [on.floor.state]
        await on.floor.answer(TURN, "when do you open", ())
        states.append(on.floor.state)
        await pass_time(1.0)
        states.append(on.floor.state)
        await pass_time(5.0)
        states.append(on.floor.state)
    assert states == [State.LISTENING, State.THINKING, State.SPEAKING, State.LISTENING]


async def test_an_answer_is_asked_for_with_what_was_said_and_heard_before() -> None:
    model = FakeModel(ANSWER)
    async with stage(model) as on:
        await on.floor.say(TURN, "Hello!")
        await pass_time(3.0)
        await on.floor.answer(TURN, "when do you open", ())
        await pass_time(5.0)
    assert model.asked[0][1:] == [Message("assistant", "Hello!"), Message("user", "when do you open")]
    assert on.history.messages()[-1] == Message("assistant", "We open at nine, and we close at six.")


async def test_an_empty_phrase_is_not_said() -> None:
    async with stage(FakeModel(ANSWER)) as on:
        assert not await on.floor.say(TURN, "")
        assert on.floor.state is State.LISTENING
        assert on.line.events == []


async def test_stopping_without_a_reply_tells_nothing() -> None:
    async with stage(FakeModel(ANSWER)) as on:
        await on.floor.stop(ReplyStatus.BARGE_IN)
        assert on.line.events == []
        assert not on.floor.may_be_stopped


async def test_a_reply_is_stopped_once() -> None:
    async with stage(FakeModel(LONG_ANSWER)) as on:
        await on.floor.answer(TURN, "what do you sell", ())
        await pass_time(3.0)
        await on.floor.stop(ReplyStatus.BARGE_IN)
        await on.floor.stop(ReplyStatus.CANCELLED)
        await pass_time(1.0)
    assert len(on.line.of(ReplyStopped)) == 1
    assert [ended.status for ended in on.ended] == [ReplyStatus.BARGE_IN]


async def test_the_history_has_what_was_heard_as_soon_as_a_reply_is_stopped() -> None:
    async with stage(FakeModel(LONG_ANSWER)) as on:
        await on.floor.answer(TURN, "what do you sell", ())
        await pass_time(3.0)
        await on.floor.stop(ReplyStatus.BARGE_IN)
        asked, heard = on.history.messages()
    assert asked == Message("user", "what do you sell")
    assert "".join(delta for _, delta in LONG_ANSWER).startswith(heard.text)


@pytest.mark.parametrize("reports_playback", [False, True])
async def test_what_was_heard_does_not_grow_after_the_stop(reports_playback: bool) -> None:
    async with stage(FakeModel(LONG_ANSWER), reports_playback=reports_playback) as on:
        await on.floor.answer(TURN, "what do you sell", ())
        await pass_time(3.0)
        (started,) = on.line.of(PlaybackStarted)
        await on.floor.stop(ReplyStatus.BARGE_IN)
        (stopped,) = on.line.of(ReplyStopped)
        await pass_time(1.0)
    (ended,) = on.ended
    assert ended.heard_ms == pytest.approx(1000 * (stopped.at - started.at), abs=1)


async def test_a_client_may_say_after_the_stop_how_far_it_had_played() -> None:
    async with stage(FakeModel(LONG_ANSWER), reports_playback=True) as on:
        await on.floor.answer(TURN, "what do you sell", ())
        await pass_time(3.0)
        await on.floor.stop(ReplyStatus.BARGE_IN)
        on.floor.replies.played(ReplyId(1), 700)
        await pass_time(1.0)
    assert [ended.heard_ms for ended in on.ended] == [700]


async def test_the_word_of_a_client_on_another_reply_changes_nothing() -> None:
    async with stage(FakeModel(LONG_ANSWER)) as on:
        await on.floor.answer(TURN, "what do you sell", ())
        await pass_time(3.0)
        on.floor.replies.played(ReplyId(7), 0)
        await on.floor.stop(ReplyStatus.BARGE_IN)
        await pass_time(1.0)
    assert on.ended[0].heard_ms > 1000


async def test_replies_are_numbered_from_one() -> None:
    async with stage(FakeModel(ANSWER)) as on:
        await on.floor.say(TURN, "Hello!")
        await pass_time(3.0)
        await on.floor.answer(TURN, "when do you open", ())
        await pass_time(5.0)
    assert [ended.reply for ended in on.ended] == [1, 2]


async def test_a_reply_begins_when_the_work_of_the_stopped_one_is_over() -> None:
    model = FakeModel(LONG_ANSWER, ANSWER)
    async with stage(model) as on:
        await on.floor.answer(TURN, "what do you sell", ())
        await pass_time(3.0)
        await on.floor.stop(ReplyStatus.BARGE_IN)
        await on.floor.answer(TurnId(2), "when do you open", ())
        await pass_time(0.1)
        assert model.open_streams == 1
        await pass_time(5.0)
    assert [ended.status for ended in on.ended] == [ReplyStatus.BARGE_IN, ReplyStatus.COMPLETED]


async def test_a_phrase_may_be_protected() -> None:
    async with stage(FakeModel(ANSWER)) as on:
        await on.floor.say(TURN, "Goodbye, and thank you for your call.", protected=True)
        await pass_time(1.0)
        assert not on.floor.may_be_stopped
        (started,) = on.line.of(ReplyStarted)
        assert isinstance(started, ReplyStarted)
        assert not started.barge_in_allowed
