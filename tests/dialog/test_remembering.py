"""What a responder remembers of its answers, and gives again."""

from contextlib import aclosing
from pathlib import Path

import pytest

from pipeline.core.clock import MonotonicClock
from pipeline.core.errors import DialogError
from pipeline.core.stages import ChatDelta, ChatOptions, Message
from pipeline.dialog.cache import CACHED, AnswerCache, AnswerMemory, Origin
from pipeline.dialog.desk import NoCall
from pipeline.dialog.knowledge.database import write
from pipeline.dialog.knowledge.documents import Section
from pipeline.dialog.knowledge.passages import cut
from pipeline.dialog.knowledge.search import Knowledge
from pipeline.dialog.lookup import Documents, Lookup
from pipeline.dialog.privacy import Privacy
from pipeline.dialog.responder import APPROVED, Effort, Responder
from pipeline.dialog.routing import Router
from pipeline.settings import CacheSettings
from tests.fakes import FakeModel

pytestmark = pytest.mark.anyio

OPEN = [Message("user", "when do you open")]


class Shop:
    """A responder with a memory, and how often its model was asked."""

    def __init__(self, *deltas: str | DialogError, persona: str = "You keep a shop.", lookup: Lookup | None = None):
        self.cache = AnswerCache(CacheSettings(), MonotonicClock())
        self.model = FakeModel([(0.0, delta) for delta in deltas])
        self.responder = Responder(
            Router.of(self.model),
            persona,
            ChatOptions(),
            redactor=Privacy().redactor(persona),
            lookup=lookup,
            memory=AnswerMemory(self.cache, Origin("", "shop", "1", "", "en", ""), "US", MonotonicClock()),
        )

    async def answers(
        self, *said: Message, effort: Effort = Effort.FULL, desk: NoCall | None = None
    ) -> list[ChatDelta]:
        async with aclosing(self.responder.reply(said or OPEN, effort, desk)) as reply:
            return [delta async for delta in reply]

    async def says(self, *said: Message, effort: Effort = Effort.FULL) -> str:
        return "".join(delta.text for delta in await self.answers(*said, effort=effort))


async def test_the_same_question_is_answered_again_without_the_model() -> None:
    shop = Shop("At ", "nine.")
    first = await shop.answers()
    assert first[-1] == ChatDelta("", repeatable=True)
    (again,) = await shop.answers(Message("user", "Um, when do you OPEN?"))
    assert (again.text, again.repeatable) == ("At nine.", True)
    assert again.usage is not None
    assert again.usage.model == CACHED
    assert len(shop.model.asked) == 1


async def test_another_question_goes_to_the_model() -> None:
    shop = Shop("At nine.")
    await shop.says()
    await shop.says(Message("user", "when do you close"))
    assert len(shop.model.asked) == 2


async def test_an_answer_over_a_picture_is_neither_kept_nor_given_again() -> None:
    shop = Shop("It is 7.70.")
    over = Message("user", "what is the total", above="> TOTAL 7.70")
    for _ in range(2):
        assert not any(delta.repeatable for delta in await shop.answers(over))
        follow_up = (over, Message("assistant", "It is 7.70."), Message("user", "thanks, and the date"))
        assert not any(delta.repeatable for delta in await shop.answers(*follow_up))
    assert len(shop.model.asked) == 4
    assert shop.cache.tally.stored == 0


@pytest.mark.parametrize("effort", [Effort.SHORT, Effort.SMALL])
async def test_an_answer_that_was_to_be_short_is_not_remembered_but_a_remembered_one_is_given(effort: Effort) -> None:
    shop = Shop("At nine, every day of the week. Come in.")
    assert not any(delta.repeatable for delta in await shop.answers(effort=effort))
    await shop.says()
    assert await shop.says(effort=effort) == "At nine, every day of the week. Come in."
    assert len(shop.model.asked) == 2


async def test_a_redacted_answer_is_not_remembered() -> None:
    shop = Shop("Call 415 555 2672.")
    assert await shop.says() == "Call a phone number."
    await shop.says()
    assert shop.cache.tally.stored == 0


async def test_an_answer_with_a_number_of_the_business_is_remembered() -> None:
    shop = Shop("Call 415 555 2671.", persona="Your number is (415) 555-2671.")
    await shop.says()
    assert await shop.says() == "Call 415 555 2671."
    assert len(shop.model.asked) == 1


async def test_what_a_caller_with_personal_data_is_told_is_not_remembered() -> None:
    shop = Shop("At nine.")
    said = Message("user", "my number is 415 555 2671, when do you open")
    assert not any(delta.repeatable for delta in await shop.answers(said))
    assert shop.cache.tally.stored == 0


async def test_an_answer_that_is_closed_early_or_fails_is_not_remembered() -> None:
    shop = Shop("At ", "nine.")
    async with aclosing(shop.responder.reply(OPEN)) as reply:
        await anext(reply)
    failing = Shop("At nine.", DialogError("engine-timeout", "no token"))
    with pytest.raises(DialogError):
        await failing.answers()
    assert (shop.cache.tally.stored, failing.cache.tally.stored) == (0, 0)


async def test_whoever_has_told_something_gets_an_answer_of_their_own() -> None:
    shop = Shop("At nine.")
    await shop.says()
    desk = NoCall()
    desk.agenda.state.set("order", "48213")
    assert not any(delta.repeatable for delta in await shop.answers(desk=desk))
    assert len(shop.model.asked) == 2


async def test_a_speculation_that_is_thrown_away_is_not_remembered() -> None:
    class Waiting(NoCall):
        def on_commit(self, do: object) -> None:
            """Never call it."""

    shop = Shop("At nine.")
    await shop.answers(desk=Waiting())
    assert shop.cache.tally.stored == 0


async def test_the_model_is_waited_for_only_where_it_is_asked() -> None:
    waited = []

    async def ready() -> None:
        waited.append(True)

    shop = Shop("At nine.")
    for _ in range(2):
        async with aclosing(shop.responder.reply(OPEN, ready=ready)) as reply:
            assert [delta async for delta in reply]
    assert waited == [True]


async def test_an_approved_answer_goes_before_a_remembered_one_and_silent_documents_leave_none(tmp_path: Path) -> None:
    file = tmp_path / "shop.kb"
    pair = [Section(("Do you deliver?",), ("Yes, within five miles.",), "Do you deliver?", "en")]
    write(file, cut(pair, "faq.csv", "en"), {"built_with": "tests"})
    knowledge = Knowledge.open(file)
    lookup = Lookup(knowledge, Documents(), "US", lambda error: None)
    shop = Shop("I do not know.", lookup=lookup)
    (approved,) = await shop.answers(Message("user", "do you deliver"))
    assert approved.repeatable
    assert approved.usage is not None
    assert approved.usage.model == APPROVED
    assert await lookup.answers(9) == ["Yes, within five miles."]
    await shop.says(Message("user", "xylophone"))
    assert shop.cache.tally.stored == 0
    knowledge.close()
