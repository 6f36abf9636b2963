from collections.abc import Sequence
from contextlib import aclosing

import pytest

from pipeline.core.clock import LoopClock
from pipeline.core.errors import DialogError
from pipeline.core.stages import ChatOptions, Message
from pipeline.dialog import starvation
from pipeline.dialog.health import FAILURES, MEMORY, PAUSE
from pipeline.dialog.routing import Router, Routing
from tests.dialog.desk import AWAY, HELLO, Desk, says
from tests.fakes import FakeModel
from tests.virtual_time import VIRTUAL_TIME, Backend, pass_time

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


async def failure(desk: Desk) -> DialogError:
    with pytest.raises(DialogError) as caught:
        await desk.ask()
    return caught.value


async def test_the_best_model_answers_a_turn() -> None:
    desk = Desk(says("Good day."), says("Hi."))
    assert await desk.ask() == "Good day."
    assert desk.notes.answered == [("big", 0.1)]
    assert desk.notes.passed == []


@pytest.mark.parametrize(
    ("question", "who"),
    [
        ("do you deliver", "simple"),
        ("do you deliver on sunday to the other side of the river", "big"),
        ("where is my ORDER", "big"),
        ("how do you keep order-books", "big"),
        ("what about disorder", "simple"),
        ("I want to file a complaint", "big"),
        ("你们几点开门", "simple"),
        ("我想知道你们星期天会不会把蛋糕送到河对面去", "big"),
        ("我要退款", "big"),
        ("", "simple"),
    ],
)
async def test_a_turn_is_simple_by_its_length_and_its_words(question: str, who: str) -> None:
    rules = Routing(simple="s", simple_words=6, hard_words=("order", "file a complaint", "退款"))
    assert await Desk(says("Yes."), simple=says("Yes."), rules=rules).asked(question) == who


@pytest.mark.parametrize("what", ["documents", "tools"])
async def test_a_turn_with_documents_or_tools_is_simple_only_where_the_agent_says_so(what: str) -> None:
    wishes = {what: True}
    assert await Desk(says("Yes."), simple=says("Yes.")).asked("hello", **wishes) == "big"
    allowed = Routing.model_validate({f"simple_{what}": True})
    assert await Desk(says("Yes."), simple=says("Yes."), rules=allowed).asked("hello", **wishes) == "simple"


async def test_a_small_answer_is_the_smaller_models_whatever_the_turn() -> None:
    desk = Desk(says("Yes."), simple=says("Yes."), smaller=says("Yes."))
    assert await desk.asked("why " * 20, small=True) == "smaller"
    assert await desk.asked("why " * 20) == "big"


async def test_without_a_smaller_model_a_small_answer_is_the_usual_ones() -> None:
    assert await Desk(says("Yes."), says("Yes.")).asked(small=True) == "big"


@pytest.mark.parametrize("code", ["model-missing", "engine-unreachable", "engine-timeout", "engine-garbage"])
async def test_a_model_that_fails_before_its_first_word_is_replaced_by_the_next(code: str) -> None:
    desk = Desk([(0.2, DialogError(code, "no"))], says("Hi."))
    assert await desk.ask() == "Hi."
    assert desk.notes.passed == [("big", code)]
    assert desk.models["middle"].asked == [HELLO]
    assert desk.open_streams == 0


async def test_a_model_that_ends_without_a_word_has_failed() -> None:
    class Silent(FakeModel):
        async def stream(self, messages: Sequence[Message], options: ChatOptions):  # type: ignore[no-untyped-def]
            return
            yield

    with pytest.raises(DialogError, match="without a word"):
        await anext(Router.of(Silent()).route("hello").stream(HELLO, ChatOptions()))


async def test_a_prompt_that_is_too_long_for_one_is_no_matter_for_the_next() -> None:
    desk = Desk([(0.0, DialogError("prompt-too-long", "no"))], says("Hi."))
    assert (await failure(desk)).code == "prompt-too-long"
    assert desk.models["middle"].asked == []


async def test_the_last_failure_is_told_when_all_have_failed() -> None:
    desk = Desk([(0.0, AWAY)], [(0.0, DialogError("model-missing", "no"))])
    assert (await failure(desk)).code == "model-missing"


async def test_a_model_that_is_silent_for_longer_than_its_budget_is_closed_and_replaced() -> None:
    desk = Desk(says("Good day.", after=60.0), says("Hi."), rules=Routing(first_token_budget=2.0))
    began = LoopClock().now()
    assert await desk.ask() == "Hi."
    assert LoopClock().now() - began == pytest.approx(2.1)
    assert desk.notes.passed == [("big", "over-budget")]
    assert desk.open_streams == 0


async def test_words_that_hold_nothing_do_not_keep_a_model() -> None:
    desk = Desk([(0.1, ""), (60.0, "Good day.")], says("Hi."))
    assert await desk.ask() == "Hi."


async def test_the_last_model_may_take_its_time() -> None:
    assert await Desk(says("Good day.", after=60.0), rules=Routing(first_token_budget=2.0)).ask() == "Good day."


async def test_a_budget_of_nothing_is_no_budget() -> None:
    desk = Desk(says("Good day.", after=60.0), says("Hi."), rules=Routing(first_token_budget=0.0))
    assert await desk.ask() == "Good day."


async def test_after_the_first_word_there_is_no_other_model() -> None:
    desk = Desk([(0.1, "Good "), (0.1, AWAY)], says("Hi."))
    reply = desk.router.route("hello").stream(HELLO, ChatOptions())
    assert (await anext(reply)).text == "Good "
    with pytest.raises(DialogError, match="nobody answers"):
        await anext(reply)
    assert desk.models["middle"].asked == []
    assert desk.open_streams == 0


async def test_a_slow_word_behind_the_first_is_waited_for() -> None:
    assert await Desk([(0.1, "Good "), (30.0, "day.")], says("Hi.")).ask() == "Good day."


async def test_closing_a_reply_closes_that_of_the_model() -> None:
    desk = Desk([(0.1, AWAY)], [(0.1, "Hi "), (0.1, "there.")])
    async with aclosing(desk.router.route("hello").stream(HELLO, ChatOptions())) as reply:
        await anext(reply)
        assert desk.open_streams == 1
    assert desk.open_streams == 0


async def test_who_has_failed_in_a_turn_is_not_asked_again_in_it() -> None:
    desk = Desk([(0.1, AWAY)], says("Hi."))
    model = desk.router.route("hello")
    for _ in range(2):
        assert "".join([delta.text async for delta in model.stream(HELLO, ChatOptions())]) == "Hi."
    assert len(desk.models["big"].asked) == 1


async def test_a_model_that_failed_again_and_again_is_left_alone_and_then_tried_by_one_caller() -> None:
    desk = Desk([(0.1, AWAY)], says("Hi."))
    for _ in range(FAILURES + 2):
        await desk.ask()
    assert len(desk.models["big"].asked) == FAILURES
    assert desk.notes.passed[-1] == ("big", "failing")
    await pass_time(PAUSE)
    for _ in range(2):
        await desk.ask()
    assert len(desk.models["big"].asked) == FAILURES + 1


async def test_a_model_that_works_again_answers_again() -> None:
    desk = Desk([(0.1, AWAY)], says("Hi."))
    for _ in range(FAILURES):
        await desk.ask()
    desk.models["big"]._replies[:] = [says("Good day.")]
    assert await desk.ask() == "Hi."
    await pass_time(PAUSE)
    assert [await desk.ask() for _ in range(3)] == ["Good day."] * 3


async def test_a_model_that_breaks_off_again_and_again_is_left_alone_too() -> None:
    desk = Desk([(0.1, "Good "), (0.1, AWAY)], says("Hi."))
    for _ in range(FAILURES):
        await failure(desk)
    assert await desk.ask() == "Hi."


async def test_a_model_is_asked_though_it_fails_where_there_is_no_other() -> None:
    desk = Desk([(0.1, AWAY)])
    for _ in range(FAILURES + 2):
        assert (await failure(desk)).code == "engine-unreachable"


async def test_a_model_that_was_late_is_asked_last_until_that_is_forgotten() -> None:
    desk = Desk(says("Good day.", after=2.5), says("Hi."), rules=Routing(first_token_budget=2.0))
    for _ in range(2):
        await desk.ask()
    desk.models["big"]._replies[:] = [says("Good day.")]
    assert await desk.asked() == "middle"
    assert desk.notes.passed[-1] == ("big", "slow")
    await pass_time(MEMORY)
    assert await desk.asked() == "big"


async def test_a_model_that_gave_nothing_twice_is_waited_for_longer_so_that_its_engine_sees_whether_it_is_stuck() -> (
    None
):
    desk = Desk(says("Good day.", after=4.0), says("Hi."), rules=Routing(first_token_budget=2.0))
    for _ in range(2):
        await desk.ask()
    await pass_time(MEMORY)
    assert await desk.ask() == "Good day."
    assert starvation.LONG_WAIT > 4.0
    assert await desk.ask() == "Hi."


async def test_one_late_answer_makes_nobody_slow() -> None:
    desk = Desk(says("Good day.", after=2.5), says("Hi."), rules=Routing(first_token_budget=2.0))
    await desk.ask()
    desk.models["big"]._replies[:] = [says("Good day.")]
    assert [await desk.asked() for _ in range(3)] == ["big"] * 3


async def test_what_is_slow_for_one_agent_is_fast_enough_for_another() -> None:
    desk = Desk(says("Good day.", after=2.5), says("Hi."), rules=Routing(first_token_budget=2.0))
    for _ in range(3):
        await desk.ask()
    patient = desk.routed_by(Routing(first_token_budget=4.0))
    assert await desk.ask(router=patient) == "Good day."


async def test_a_model_that_writes_more_slowly_than_the_agent_allows_is_asked_last() -> None:
    slow = [(0.5, "word ")] * 8
    desk = Desk(slow, says("Hi."), rules=Routing(least_speed=3.0))
    assert [await desk.asked() for _ in range(3)] == ["big", "big", "middle"]
    assert desk.notes.speeds[0] == pytest.approx(2.0)


async def test_a_voice_that_is_slow_to_listen_does_not_make_the_model_slow() -> None:
    desk = Desk([(0.05, "word ")] * 8)
    async with aclosing(desk.router.route("hello").stream(HELLO, ChatOptions())) as reply:
        async for _ in reply:
            await pass_time(1.0)
    assert desk.notes.speeds[0] == pytest.approx(20.0)


async def test_the_reserve_answers_when_nobody_else_does() -> None:
    desk = Desk([(0.0, AWAY)], reserve=says("Hello."), simple=[(0.0, AWAY)])
    assert [await desk.asked() for _ in range(FAILURES + 1)] == ["reserve"] * (FAILURES + 1)


async def test_a_digest_is_that_of_the_model_that_is_asked_first() -> None:
    assert Desk(says("Hi.")).router.route("hello").digest == "fake"
