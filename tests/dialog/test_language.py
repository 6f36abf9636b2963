from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import pytest

from pipeline.core.errors import DialogError
from pipeline.core.stages import ChatDelta, ChatOptions, Message, ToolUse
from pipeline.dialog.asking import asking_for
from pipeline.dialog.desk import NoCall
from pipeline.dialog.language import SCRIPTS, fits, in_language
from pipeline.dialog.responder import Responder
from pipeline.dialog.routing import Router
from pipeline.dialog.state import DialogState
from tests.fakes import FakeModel

pytestmark = pytest.mark.anyio

ENGLISH = "when do you open"
CHINESE = "我们早上七点开门,欢迎您来。"


@pytest.mark.parametrize(
    ("language", "text", "whole", "expected"),
    [
        ("en", "We", False, True),
        ("en", "30 d", False, True),
        ("en", "我们早上", False, None),
        ("en", "我们早上七点开门", False, False),
        ("en", "我们九点开门。", False, False),
        ("en", "北京烤鸭 is a", False, True),
        ("en", "北京烤鸭", True, True),
        ("en", "Открываемся в девять утра", False, False),
        ("en", "415 555 2671", True, True),
        ("en", "1 2 3 4 5 6 7 8 9 10 11 12 13", False, True),
        ("en", "", True, True),
        ("zh", "我", False, True),
        ("zh", "OK,我们", False, True),
        ("zh", "Hello Kitty 蛋糕三十元", False, True),
        ("zh", "Hello Kitty", False, None),
        ("zh", "We open at nine", False, False),
        ("zh", "We do that. ", False, False),
        ("zh", "Bye bye!", True, True),
        ("ja", "はい", False, True),
        ("ru", "Да", False, True),
        ("ru", "We open at nine", False, False),
        ("fr", "Été", False, True),
    ],
)
def test_the_first_words_tell_the_script(language: str, text: str, whole: bool, expected: bool | None) -> None:
    assert fits(language, text, whole=whole) is expected


@pytest.mark.parametrize("language", SCRIPTS)
def test_what_a_model_is_told_is_in_the_language_itself(language: str) -> None:
    assert fits(language, asking_for(language).strip("()")[:3]) is True


def writing(*answers: str | DialogError) -> FakeModel:
    return FakeModel(*([(0.0, answer)] for answer in answers))


async def told_by(model: FakeModel, question: str = ENGLISH, language: str = "en") -> str:
    answers = Responder(Router.of(model), "You keep a shop.", ChatOptions())
    desk = NoCall(state=DialogState(language=language))
    async with aclosing(answers.reply([Message("user", question)], desk=desk)) as reply:
        return "".join([delta.text async for delta in reply])


async def test_an_answer_in_another_script_is_asked_for_anew_and_not_said() -> None:
    model = writing(CHINESE, "We open at nine.")
    assert await told_by(model) == "We open at nine."
    first, second = model.asked
    assert second[:-1] == first[:-1]
    assert second[-1].text == f"{ENGLISH}\n\n{asking_for('en')}"
    assert model.open_streams == 0


async def test_a_chinese_call_is_answered_in_chinese() -> None:
    model = writing("We open at nine in the morning.", CHINESE)
    assert await told_by(model, "你们几点开门", "zh") == CHINESE
    assert model.asked[1][-1].text == f"你们几点开门\n\n{asking_for('zh')}"


async def test_a_model_is_asked_anew_only_once() -> None:
    model = writing(CHINESE)
    with pytest.raises(DialogError) as caught:
        await told_by(model)
    assert caught.value.code == "wrong-language"
    assert len(model.asked) == 2
    assert model.open_streams == 0


async def test_a_caller_who_speaks_another_script_may_be_answered_in_it() -> None:
    model = writing(CHINESE)
    assert await told_by(model, "你们几点开门") == CHINESE
    assert len(model.asked) == 1


async def test_a_call_in_no_language_may_be_answered_in_any() -> None:
    assert await told_by(writing(CHINESE), language="") == CHINESE


async def test_a_thought_in_another_language_is_no_answer() -> None:
    model = writing(f"<think>{CHINESE}</think>We open at nine.")
    assert await told_by(model) == "We open at nine."
    assert len(model.asked) == 1


async def test_the_first_delta_of_an_answer_in_the_right_script_is_not_held_back() -> None:
    async def written(said: Sequence[Message]) -> AsyncGenerator[ChatDelta, None]:
        for text in ("We", " open"):
            yield ChatDelta(text)
        pytest.fail("it was asked for more")

    async with aclosing(in_language("en", ENGLISH, written, [Message("user", ENGLISH)])) as answer:
        assert [(await anext(answer)).text for _ in range(2)] == ["We", " open"]


async def test_a_model_that_asks_for_a_tool_is_not_asked_anew() -> None:
    async def written(said: Sequence[Message]) -> AsyncGenerator[ChatDelta, None]:
        yield ChatDelta("查询", uses=(ToolUse("order", {"id": "48213"}),))

    async with aclosing(in_language("en", ENGLISH, written, [Message("user", ENGLISH)])) as answer:
        assert [delta.uses[0].name async for delta in answer] == ["order"]


async def test_an_error_of_the_model_comes_through() -> None:
    model = writing(DialogError("engine-timeout", "no token"))
    with pytest.raises(DialogError, match="no token"):
        await told_by(model)
    assert model.open_streams == 0
