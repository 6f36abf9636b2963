"""What is done while an answer takes long, and when answers take too long."""

from collections.abc import Sequence

import pytest

from pipeline.core.errors import DialogError
from pipeline.core.events import FillerStarted, PlaybackStarted, ReplyEnded, ReplyStatus, StageFailed, TurnEnded
from pipeline.core.stages import Message
from pipeline.dialog.agents import Agent, Phrases
from pipeline.dialog.responder import Effort
from pipeline.session.ladder import WINDOW, BudgetLadder
from pipeline.settings import Budget, Ladder
from pipeline.speaking.phrases import PhraseBook
from tests.fakes import FakeLine, FakeModel, Sent
from tests.session.calls import Made, asks_again_after, place
from tests.virtual_time import VIRTUAL_TIME, Backend

pytestmark = pytest.mark.anyio

PERSON = "Would you like to speak to one of my colleagues?"
AGENT = Agent(
    id="test",
    name="Test",
    persona="You are a test.",
    phrases=Phrases(person=PERSON, fillers=("One moment.", "Still looking.")),
)
ERROR = DialogError("engine-unreachable", "nobody answers", retryable=True)
LATE = [(4.0, "We open at nine.")]


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


async def placed(
    *replies: Sequence[tuple[float, str | DialogError]],
    talk: Sequence[tuple[float, float]] = ((1.0, 2.0),),
    ladder: Ladder | None = None,
) -> Made:
    """Place a call with an agent that knows its phrases by heart."""
    made = Made(
        FakeLine(talk, talk[-1][1] + 30.0),
        model=FakeModel(*replies),
        agent=AGENT,
        call=asks_again_after(60.0),
        ladder=ladder or Ladder(filler_after=1.5, filler_every=4.0, phrase_after=12.0),
    )
    made.book = PhraseBook(made.synthesizer, made.speaking)
    await made.book.learn(AGENT.phrases.all(), "en")
    await place(made)
    return made


def sent(made: Made, *, filler: bool) -> list[Sent]:
    return [frame for frame in made.line.audio if frame.audio.filler is filler and frame.audio.pcm.samples]


def ended(made: Made) -> list[ReplyEnded]:
    return [event for event in made.line.events if isinstance(event, ReplyEnded)]


def since_speech(made: Made, at: float) -> float:
    return at - next(event.speech_end_at for event in made.line.events if isinstance(event, TurnEnded))


async def test_an_answer_in_time_has_no_filler() -> None:
    made = await placed([(0.2, "We open at nine.")])
    assert made.line.of(FillerStarted) == []
    assert sent(made, filler=True) == []


async def test_a_late_answer_is_announced_by_a_filler_and_follows_behind_it() -> None:
    made = await placed(LATE)
    (filler,) = made.line.of(FillerStarted)
    (answer,) = made.line.of(PlaybackStarted)
    (reply,) = ended(made)
    assert isinstance(filler, FillerStarted)
    assert filler.text == "One moment."
    assert since_speech(made, filler.at) == pytest.approx(1.5, abs=0.02)
    assert reply.spans["filler"] == pytest.approx(1.5, abs=0.02)
    assert reply.spans["response_gap"] == pytest.approx(since_speech(made, answer.at))
    assert reply.spans["response_gap"] > 4.0
    assert reply.degraded == ("filler",)
    assert reply.status is ReplyStatus.COMPLETED


async def test_a_filler_is_no_part_of_what_was_heard() -> None:
    made = await placed(LATE, talk=((1.0, 2.0), (12.0, 13.0)))
    assert ended(made)[0].heard == "We open at nine."
    assert made.model.asked[1][-2] == Message("assistant", "We open at nine.")
    filler = sum(frame.audio.pcm.duration for frame in sent(made, filler=True) if frame.audio.reply == 1)
    answer = sum(frame.audio.pcm.duration for frame in sent(made, filler=False) if frame.audio.reply == 1)
    assert ended(made)[0].heard_ms == pytest.approx(1000 * (filler + answer), abs=25)


async def test_the_sound_of_filler_and_answer_is_one_stream_without_gaps_in_its_count() -> None:
    made = await placed(LATE)
    place_in_reply = 0
    for frame in made.line.audio:
        assert frame.audio.pcm.start == place_in_reply
        place_in_reply += frame.audio.pcm.samples


async def test_a_filler_is_made_before_the_call() -> None:
    made = await placed(LATE)
    before = made.synthesizer.spoken.index("We open at nine.")
    assert made.synthesizer.spoken[before:] == ["We open at nine."]


async def test_fillers_follow_one_another_and_each_is_said_once() -> None:
    made = await placed([(11.0, "We open at nine.")])
    fillers = [event for event in made.line.events if isinstance(event, FillerStarted)]
    assert [frame.audio.pcm.samples > 0 for frame in sent(made, filler=True)]
    assert len(fillers) == 1  # the client is told of the first, the sound of both comes
    seconds = sum(frame.audio.pcm.duration for frame in sent(made, filler=True))
    assert seconds > len("One moment. Still looking.") / 15.0 - 0.2


async def test_an_answer_that_is_ready_waits_for_the_filler_to_end() -> None:
    made = await placed([(1.2, "We open at nine.")])
    fillers, answers = sent(made, filler=True), sent(made, filler=False)
    assert fillers
    assert answers[0].at >= fillers[-1].at


async def test_a_caller_who_speaks_into_a_filler_is_answered_together_with_the_question() -> None:
    made = await placed(LATE, [(0.2, "We open at nine.")], talk=((1.0, 2.0), (4.0, 4.8)))
    assert made.model.asked[-1][-1] == Message("user", "when do you open when do you open")
    assert ended(made)[0].status is ReplyStatus.CANCELLED
    assert ended(made)[0].heard == ""


async def test_fillers_can_be_switched_off() -> None:
    made = await placed(LATE, ladder=Ladder(filler_after=0.0))
    assert sent(made, filler=True) == []


async def test_a_model_that_does_not_begin_is_given_up_for_a_phrase() -> None:
    made = await placed([(60.0, "too late")], ladder=Ladder(filler_after=0.0, phrase_after=5.0))
    (reply,) = ended(made)
    (failure,) = made.line.of(StageFailed)
    assert isinstance(failure, StageFailed)
    assert failure.code == "over-budget"
    assert reply.status is ReplyStatus.DEGRADED
    assert reply.heard == made.fallback
    assert since_speech(made, failure.at) == pytest.approx(5.0, abs=0.02)
    assert made.model.open_streams == 0


async def test_a_model_that_has_begun_is_not_given_up() -> None:
    slow: list[tuple[float, str]] = [(0.2, "We"), (7.0, " open at nine.")]
    made = await placed(slow, ladder=Ladder(filler_after=0.0, phrase_after=5.0))
    assert [reply.status for reply in ended(made)] == [ReplyStatus.COMPLETED]


async def test_giving_up_can_be_switched_off() -> None:
    made = await placed([(15.0, "We open at nine.")], ladder=Ladder(filler_after=0.0, phrase_after=0.0))
    assert [reply.status for reply in ended(made)] == [ReplyStatus.COMPLETED]


async def test_a_person_is_offered_when_it_fails_again() -> None:
    talk = ((1.0, 2.0), (12.0, 13.0), (24.0, 25.0))
    made = await placed([(0.1, ERROR)], [(0.1, ERROR)], [(0.1, "We open at nine.")], talk=talk)
    first, second, third = ended(made)
    assert (first.text, second.text) == (made.fallback, PERSON)
    assert first.degraded == ("engine-unreachable", "fallback_phrase")
    assert second.degraded == ("engine-unreachable", "person_offered")
    assert third.status is ReplyStatus.COMPLETED


async def test_an_answer_in_between_begins_the_count_anew() -> None:
    talk = ((1.0, 2.0), (12.0, 13.0), (24.0, 25.0))
    made = await placed([(0.1, ERROR)], [(0.1, "We open at nine.")], [(0.1, ERROR)], talk=talk)
    assert ended(made)[2].text == made.fallback


async def test_offering_a_person_can_be_switched_off() -> None:
    made = await placed([(0.1, ERROR)], talk=((1.0, 2.0), (12.0, 13.0)), ladder=Ladder(person_after=0))
    assert [reply.text for reply in ended(made)] == [made.fallback, made.fallback]


async def test_a_cheaper_answer_says_so() -> None:
    ladder = BudgetLadder(Ladder(), {"response_gap": Budget(p50=0.1, p95=0.2)}, has_smaller=False)
    for _ in range(WINDOW):
        ladder.gap(1.0)
    made = Made(
        FakeLine([(1.0, 2.0)], 12.0), model=FakeModel([(0.1, "We open at nine in the morning. "), (0.1, "We close.")])
    )
    made.budget_ladder = ladder
    await place(made)
    (reply,) = ended(made)
    assert reply.text == "We open at nine in the morning."
    assert reply.degraded == ("short_answer",)
    assert reply.usage.model == "fake"
    assert made.model.open_streams == 0


BUDGETS = {"response_gap": Budget(p50=0.5, p95=1.0)}


def efforts(ladder: BudgetLadder, *gaps: float) -> list[Effort]:
    """Return the effort after each gap."""
    found = []
    for gap in gaps:
        ladder.gap(gap)
        found.append(ladder.effort)
    return found


def test_the_effort_falls_when_most_answers_are_late_and_rises_when_none_is() -> None:
    ladder = BudgetLadder(Ladder(), BUDGETS, has_smaller=True)
    assert efforts(ladder, *[2.0] * 4)[-1] is Effort.SHORT
    assert efforts(ladder, *[2.0] * 4)[-1] is Effort.SMALL
    assert efforts(ladder, *[2.0] * 9)[-1] is Effort.SMALL
    assert efforts(ladder, *[0.4] * WINDOW)[-1] is Effort.SHORT
    assert efforts(ladder, *[0.4] * WINDOW)[-1] is Effort.FULL


def test_a_single_late_answer_changes_nothing() -> None:
    ladder = BudgetLadder(Ladder(), BUDGETS, has_smaller=True)
    assert set(efforts(ladder, *[0.4, 0.4, 0.4, 9.0] * 8)) == {Effort.FULL}


def test_a_step_is_told() -> None:
    ladder = BudgetLadder(Ladder(), BUDGETS, has_smaller=False)
    assert [ladder.gap(2.0) for _ in range(6)] == [False, False, False, True, False, False]


@pytest.mark.parametrize(
    ("settings", "has_smaller", "rungs"),
    [
        (Ladder(shorter=False), False, {Effort.FULL}),
        (Ladder(shorter=False), True, {Effort.FULL, Effort.SMALL}),
        (Ladder(), False, {Effort.FULL, Effort.SHORT}),
    ],
)
def test_every_rung_can_be_switched_off(settings: Ladder, has_smaller: bool, rungs: set[Effort]) -> None:
    assert {Effort.FULL, *efforts(BudgetLadder(settings, BUDGETS, has_smaller=has_smaller), *[9.0] * 30)} == rungs


def test_without_a_budget_nothing_happens() -> None:
    assert set(efforts(BudgetLadder(Ladder(), {}, has_smaller=True), *[99.0] * 30)) == {Effort.FULL}
