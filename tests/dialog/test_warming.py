from collections.abc import Sequence

import pytest

from pipeline.core.clock import LoopClock
from pipeline.core.errors import DialogError
from pipeline.core.stages import ChatOptions, Message
from pipeline.dialog.health import Health
from pipeline.dialog.routed import Candidate
from pipeline.dialog.routing import Candidates, Router, Routing
from tests.dialog.desk import AWAY, SYSTEM, Desk, Notes, says
from tests.fakes import FakeModel
from tests.virtual_time import VIRTUAL_TIME, Backend

pytestmark = pytest.mark.anyio

ANSWER = Message("assistant", "We open at nine.")


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


@pytest.mark.parametrize(("said", "who"), [((), ["big", "simple", "smaller"]), ((ANSWER,), ["big", "simple"])])
async def test_a_prompt_is_read_once_by_each_model_that_may_be_asked_next(
    said: tuple[Message, ...], who: list[str]
) -> None:
    desk = Desk(says("Yes."), says("Yes."), simple=says("Yes."), smaller=says("Yes."))
    await desk.router.warm([SYSTEM, *said], ChatOptions())
    assert [name for name, model in desk.models.items() if model.warmed == [[SYSTEM, *said]]] == who


@pytest.mark.parametrize(("question", "who"), [("hello", "simple"), ("why " * 20, "big")])
async def test_a_question_is_read_by_the_model_that_would_answer_it(question: str, who: str) -> None:
    desk = Desk(says("Yes."), simple=says("Yes."))
    await desk.router.warm([SYSTEM, Message("user", question)], ChatOptions())
    assert [name for name, model in desk.models.items() if model.warmed] == [who]


class Cold(FakeModel):
    """Cannot be warmed."""

    async def warm(self, messages: Sequence[Message], options: ChatOptions) -> None:
        raise AWAY


async def test_where_the_best_model_cannot_be_warmed_the_next_one_is() -> None:
    clock = LoopClock()
    big, next_best = Cold(says("Yes.")), FakeModel(says("Yes."))
    best = [Candidate(name, model, Health(clock)) for name, model in (("big", big), ("next", next_best))]
    await Router(Routing(), Candidates(best), clock, Notes()).warm([SYSTEM], ChatOptions())
    assert next_best.warmed == [[SYSTEM]]


async def test_warming_fails_where_nobody_can_be_warmed() -> None:
    with pytest.raises(DialogError, match="nobody answers"):
        await Router.of(Cold(says("Yes."))).warm([SYSTEM], ChatOptions())
