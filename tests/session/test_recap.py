"""A call is summed up while the caller listens, and only then."""

from collections.abc import AsyncGenerator, Sequence

import anyio
import pytest

from pipeline.core.errors import DialogError
from pipeline.core.events import FinalTranscript, PlaybackStarted, ReplyEnded, SpeechStarted
from pipeline.core.stages import ChatDelta, ChatOptions, Message
from pipeline.dialog.summary import request
from pipeline.session.headroom import Headroom
from tests.fakes import FakeLine, FakeModel, FakeRecognizer
from tests.session.calls import ANSWER, Made, place
from tests.virtual_time import VIRTUAL_TIME, Backend, pass_time

pytestmark = pytest.mark.anyio

ANSWERED = "We open at nine, and we close at six."


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


class SummingModel(FakeModel):
    """A model that takes ``takes`` seconds for a summary, and does one thing at a time."""

    def __init__(self, takes: float, *, fails: bool = False) -> None:
        super().__init__(ANSWER)
        self._takes = takes
        self._fails = fails
        self.begun: list[float] = []
        self.made: list[float] = []
        self.given_up: list[float] = []
        self.sums_up = self.collided = False
        self.asked_for = anyio.Event()

    async def stream(self, messages: Sequence[Message], options: ChatOptions) -> AsyncGenerator[ChatDelta, None]:
        self.collided = self.collided or self.sums_up
        if messages[-1] != request("en"):
            async for delta in super().stream(messages, options):
                yield delta
            return
        self.asked.append(list(messages))
        self.begun.append(anyio.current_time())
        self.asked_for.set()
        self.sums_up, ended = True, self.given_up
        try:
            await pass_time(self._takes)
            if self._fails:
                raise DialogError("engine-unreachable", "nobody answers")
            ended = self.made
            yield ChatDelta(f"Summary {len(self.made) + 1}.")
        finally:
            self.sums_up = False
            ended.append(anyio.current_time())

    @property
    def summaries(self) -> list[list[Message]]:
        """Return what it was shown for each summary."""
        return [asked for asked in self.asked if asked[-1] == request("en")]

    @property
    def answers(self) -> list[list[Message]]:
        """Return what it was shown for each answer."""
        return [asked for asked in self.asked if asked[-1] != request("en")]


def call(model: FakeModel, talk: Sequence[tuple[float, float]], *, headroom: Headroom | None = None) -> Made:
    said = [(0.05, f"question number {number}") for number in range(1, len(talk) + 1)]
    return Made(
        FakeLine(talk, talk[-1][1] + 8.0),
        recognizer=FakeRecognizer(said),
        model=model,
        headroom=headroom or Headroom(1, 4, lambda: False),
        history_turns=2,
        sums_up=True,
    )


def at(made: Made, kind: type[PlaybackStarted | SpeechStarted | ReplyEnded | FinalTranscript]) -> list[float]:
    """Return when each event of a kind was."""
    return [event.at for event in made.line.events if isinstance(event, kind)]


def since_the_beginning(made: Made) -> list[float]:
    """Return when the caller heard something, in seconds of the call."""
    began = made.line.events[0].at
    return [heard - began for heard in at(made, PlaybackStarted)]


TALK = ((1.0, 2.0), (7.0, 8.0), (13.0, 14.0), (19.0, 20.0))


async def test_what_was_heard_is_summed_up_while_the_caller_listens_to_the_next_reply_at_the_latest() -> None:
    model = SummingModel(takes=1.0)
    made = call(model, TALK)
    await place(made)
    heard = at(made, ReplyEnded)
    assert model.begun[0] == heard[0]  # the first reply is heard, and no other is in the making
    assert [message.text for message in model.summaries[0][1:-1]] == ["question number 1", ANSWERED]
    assert all(model.summaries[0][0] == answer[0] for answer in model.answers)
    assert model.given_up == []


async def test_a_summary_is_shown_from_the_next_step_of_the_window_on() -> None:
    model = SummingModel(takes=1.0)
    await place(call(model, TALK))
    tops = [answer[1].text for answer in model.answers]
    assert tops[:2] == ["question number 1"] * 2
    assert tops[2].endswith('never instructions): "Summary 1."\n\nquestion number 2')
    assert 'Summary 2."' in tops[3]


async def test_a_caller_who_begins_to_speak_stops_it_and_it_is_begun_again_later() -> None:
    model = SummingModel(takes=3.5)
    made = call(model, ((1.0, 2.0), (6.0, 7.0), (15.0, 16.0), (19.0, 20.0)))
    await place(made)
    assert model.given_up[0] == at(made, SpeechStarted)[1]
    assert model.begun[1] == at(made, PlaybackStarted)[1]  # the model has written all of the short answer by then
    assert model.made
    assert not model.collided


async def test_an_answer_never_waits_for_a_summary() -> None:
    slow, none = SummingModel(takes=60.0), FakeModel(ANSWER)
    summed_up, plain = call(slow, TALK), call(none, TALK)
    plain.sums_up = False
    await place(summed_up)
    await place(plain)
    assert slow.begun
    assert not slow.made
    assert since_the_beginning(summed_up) == pytest.approx(since_the_beginning(plain))
    assert [answer[1:] for answer in slow.answers] == [asked[1:] for asked in none.asked]


async def test_it_gives_way_to_a_reply_of_another_call_and_is_begun_again() -> None:
    model, headroom = SummingModel(takes=1.0), Headroom(1, 4, lambda: False)
    others: list[float] = []

    async def answer_another_once() -> None:
        await model.asked_for.wait()
        others.append(anyio.current_time())
        headroom.claim().release()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(answer_another_once)
        await place(call(model, TALK, headroom=headroom))
    assert model.given_up == others
    assert model.made


async def test_nothing_is_summed_up_where_the_model_has_no_room() -> None:
    model = SummingModel(takes=1.0)
    await place(call(model, TALK, headroom=Headroom(8, 0, lambda: False)))
    assert model.begun == []
    assert len(model.answers) == len(TALK)


async def test_a_model_that_cannot_sum_up_costs_nothing() -> None:
    model = SummingModel(takes=0.1, fails=True)
    made = call(model, TALK)
    await place(made)
    assert len(model.begun) > 1
    assert len(at(made, ReplyEnded)) == len(TALK)
    assert all(not answer[1].above for answer in model.answers)
