"""A turn is written down before its answer is heard."""

from dataclasses import dataclass, field

import pytest

from pipeline.core.clock import LoopClock
from pipeline.core.events import (
    FillerStarted,
    PlaybackStarted,
    ReplyEnded,
    ReplyStatus,
    TextDelta,
    TextTyped,
    TurnId,
)
from pipeline.core.stages import Usage
from pipeline.dialog.agents import Agent, Phrases
from pipeline.session.headroom import Headroom
from pipeline.session.ledger import Receipt
from pipeline.settings import Ladder
from pipeline.speaking.phrases import PhraseBook
from tests.fakes import FakeLine, FakeModel, FakeTurnModel
from tests.session.calls import LONG_ANSWER, SILENT_AGENT, Made, orders_at, place
from tests.virtual_time import pass_time

pytestmark = pytest.mark.anyio


@dataclass
class FakeReceipt:
    seconds: float

    async def wait(self) -> None:
        await pass_time(self.seconds)


@dataclass
class FakeLedger:
    """Has its receipts wait for so many seconds when they are asked."""

    seconds: float = 0.0
    questions: list[tuple[TurnId, str, str]] = field(default_factory=list)
    answers: list[ReplyEnded] = field(default_factory=list)
    seen: list[tuple[TurnId, str]] = field(default_factory=list)

    def asked(self, turn: TurnId, text: str, language: str) -> Receipt:
        self.questions.append((turn, text, language))
        return FakeReceipt(self.seconds)

    def saw(self, turn: TurnId, note: str) -> None:
        self.seen.append((turn, note))

    def ended(self, event: ReplyEnded) -> None:
        self.answers.append(event)


async def first_sound(seconds: float) -> float:
    """Return when the first sound of the answer was sent, on a line whose ledger takes so long."""
    line, began = FakeLine([(1.0, 2.0)], 8.0), LoopClock().now()
    await place(Made(line, ledger=FakeLedger(seconds)))
    (started,) = line.of(PlaybackStarted)
    return started.at - began


async def test_the_first_sound_waits_until_the_turn_is_written_down() -> None:
    at_once, later = await first_sound(0.0), await first_sound(0.25)
    assert later - at_once == pytest.approx(0.25, abs=0.001)


async def test_only_the_first_sound_waits() -> None:
    line = FakeLine([(1.0, 2.0)], 8.0)
    await place(Made(line, ledger=FakeLedger(0.25)))
    first, second = line.audio[0].at, line.audio[1].at
    assert second - first < 0.1


async def test_a_turn_is_written_down_with_its_answer() -> None:
    line, ledger = FakeLine([(1.0, 2.0)], 8.0), FakeLedger()
    await place(Made(line, ledger=ledger))
    assert ledger.questions == [(TurnId(1), "when do you open", "en")]
    (answer,) = ledger.answers
    assert (answer.turn, answer.status, answer.heard) == (1, ReplyStatus.COMPLETED, answer.text.strip())


async def test_whose_answer_it_was_is_written_down_of_one_that_was_stopped_before_the_model_could_count() -> None:
    line, ledger = FakeLine([(1.0, 2.0), (5.0, 6.0)], 14.0), FakeLedger()
    model = FakeModel([*LONG_ANSWER, (60.0, "And so on.")])
    await place(Made(line, ledger=ledger, model=model))
    first = ledger.answers[0]
    assert (first.status, first.usage) == (ReplyStatus.BARGE_IN, Usage(model="fake", digest="f4ke"))


async def test_a_speculative_answer_is_written_down_when_it_becomes_real() -> None:
    line, ledger = FakeLine([(1.0, 2.0)], 8.0), FakeLedger()
    made = Made(line, ledger=ledger, headroom=Headroom(1, 4, lambda: False), turn_model=FakeTurnModel([(0.02, 0.99)]))
    await place(made)
    assert [turn for turn, *_ in ledger.questions] == [1]
    assert len(ledger.answers) == 1


async def test_prompts_are_not_turns() -> None:
    greets = Agent(**{**dict(SILENT_AGENT), "greeting": "Hello, this is the bakery."})
    line, ledger = FakeLine([], 12.0), FakeLedger(3.0)
    await place(Made(line, ledger=ledger, agent=greets))
    assert len(line.of(ReplyEnded)) >= 1
    assert (ledger.questions, ledger.answers) == ([], [])


async def test_a_typed_turn_is_written_down_as_well() -> None:
    line, ledger = FakeLine([(1.0, 2.0)], 14.0), FakeLedger()
    line.on_event = orders_at(ReplyEnded, TextTyped(text="and on sunday", language="en"))
    await place(Made(line, ledger=ledger))
    assert [text for _, text, _ in ledger.questions] == ["when do you open", "and on sunday"]
    assert [answer.turn for answer in ledger.answers] == [1, 2]


async def test_a_filler_does_not_wait() -> None:
    agent = Agent(**{**dict(SILENT_AGENT), "phrases": Phrases(fillers=("One moment.",))})
    line = FakeLine([(1.0, 2.0)], 14.0)
    slow = FakeModel([(3.0, "We open at nine.")])
    ladder = Ladder(filler_after=1.0, phrase_after=0.0)
    made = Made(line, ledger=FakeLedger(5.0), agent=agent, model=slow, ladder=ladder)
    made.book = PhraseBook(made.synthesizer, made.speaking)
    await made.book.learn(agent.phrases.all(), "en")
    await place(made)
    (filler,) = line.of(FillerStarted)
    (answer,) = line.of(PlaybackStarted)
    (text, *_) = line.of(TextDelta)
    assert filler.at < text.at < answer.at - 4.9


async def test_an_answer_that_is_cut_off_while_it_waits_is_still_accounted_for() -> None:
    line, ledger = FakeLine([(1.0, 2.0), (3.5, 4.5)], 20.0), FakeLedger(2.0)
    await place(Made(line, ledger=ledger, model=FakeModel(LONG_ANSWER)))
    assert [turn for turn, *_ in ledger.questions] == [1, 2]
    first = ledger.answers[0]
    assert (first.turn, first.status, first.heard) == (1, ReplyStatus.CANCELLED, "")
