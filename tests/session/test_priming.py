"""The model reads ahead while the caller speaks, and lets go when it is wanted."""

from collections.abc import AsyncGenerator, Sequence

import anyio
import pytest

from pipeline.core.errors import DialogError
from pipeline.core.events import PlaybackStarted, ReplyEnded, ReplyStatus
from pipeline.core.stages import ChatDelta, ChatOptions, Message
from pipeline.session.headroom import Headroom
from tests.fakes import FakeLine, FakeModel, FakeRecognizer
from tests.session.calls import ANSWER, Made, place
from tests.virtual_time import VIRTUAL_TIME, Backend, pass_time

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


class ReadingModel(FakeModel):
    """A model that takes a while to read, and does one thing at a time."""

    def __init__(self, *replies: Sequence[tuple[float, str | DialogError]], takes: float, lets_go: float = 0.0) -> None:
        super().__init__(*replies)
        self._takes = takes
        self._lets_go = lets_go
        self.reading = False
        self.collided = False

    async def warm(self, messages: Sequence[Message], options: ChatOptions) -> None:
        await super().warm(messages, options)
        self.reading = True
        try:
            await pass_time(self._takes)
        finally:
            with anyio.CancelScope(shield=True):
                await pass_time(self._lets_go)
            self.reading = False

    async def stream(self, messages: Sequence[Message], options: ChatOptions) -> AsyncGenerator[ChatDelta, None]:
        self.collided = self.collided or self.reading
        async for delta in super().stream(messages, options):
            yield delta


def call(model: FakeModel, *, slots: int = 1, talk: Sequence[tuple[float, float]] = ((1.0, 3.0),)) -> Made:
    return Made(
        FakeLine(talk, talk[-1][1] + 8.0),
        recognizer=FakeRecognizer([(0.05, "when"), (0.05, "when do you"), (0.05, "when do you open.")]),
        model=model,
        partial_every=0.5,
        headroom=Headroom(slots, 4, lambda: False),
        primes=True,
    )


async def test_what_has_been_said_is_read_when_the_caller_begins_and_the_settled_words_after_it() -> None:
    model = ReadingModel(ANSWER, takes=0.05)
    await place(call(model))
    first, *later = [messages[-1] for messages in model.warmed]
    assert first.role == "system"
    assert later == [Message("user", "when"), Message("user", "when do you"), Message("user", "when do you open")]


async def test_a_model_that_is_reading_is_made_to_let_go_before_it_is_asked() -> None:
    model = ReadingModel(ANSWER, takes=60.0, lets_go=0.3)
    made = call(model)
    await place(made)
    assert not model.collided
    assert len(made.line.of(PlaybackStarted)) == 1
    assert len(model.warmed) == 1


async def test_nothing_is_read_where_the_model_has_no_room() -> None:
    model = ReadingModel(ANSWER, takes=0.05)
    await place(call(model, slots=0))
    assert model.warmed == []


async def test_a_model_that_cannot_read_ahead_costs_nothing() -> None:
    class Broken(FakeModel):
        async def warm(self, messages: Sequence[Message], options: ChatOptions) -> None:
            raise DialogError("engine-unreachable", "nobody answers")

    made = call(Broken(ANSWER))
    await place(made)
    (reply,) = made.line.of(ReplyEnded)
    assert isinstance(reply, ReplyEnded)
    assert reply.status is ReplyStatus.COMPLETED


async def test_nothing_is_read_while_a_reply_is_given() -> None:
    model = ReadingModel([(0.1, "A long answer that takes a while to say, and then some more of it.")], takes=0.05)
    made = call(model, talk=((1.0, 2.0), (4.0, 4.4)))
    await place(made)
    alone = ReadingModel(ANSWER, takes=0.05)
    await place(call(alone, talk=((1.0, 2.0),)))
    assert model.warmed == alone.warmed
