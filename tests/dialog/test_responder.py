from contextlib import aclosing

import pytest

from pipeline.core.errors import DialogError
from pipeline.core.stages import Author, ChatDelta, ChatOptions, Message, Usage
from pipeline.dialog.privacy import Privacy
from pipeline.dialog.prompt import VOICE_RULES, messages
from pipeline.dialog.responder import Responder
from pipeline.dialog.routing import Router
from tests.fakes import FakeModel

pytestmark = pytest.mark.anyio

SAID = [Message("user", "when do you open")]


def responder(*deltas: str | DialogError) -> tuple[Responder, FakeModel]:
    model = FakeModel([(0.0, delta) for delta in deltas])
    return Responder(Router.of(model), "You keep a shop.", ChatOptions()), model


async def replied(*deltas: str) -> list[ChatDelta]:
    answers, _ = responder(*deltas)
    return [delta async for delta in answers.reply(SAID)]


async def test_the_model_is_asked_with_the_persona_and_what_was_said() -> None:
    answers, model = responder("At nine.")
    async with aclosing(answers.reply(SAID)) as reply:
        assert [delta.text async for delta in reply if delta.text] == ["At nine."]
    assert model.asked == [messages("You keep a shop.", SAID)]


async def test_what_cannot_be_spoken_is_left_out() -> None:
    found = await replied("<think>open", " at?</think>**At", " nine.**")
    assert "".join(delta.text for delta in found) == "At nine."


async def test_text_that_was_held_back_comes_at_the_end() -> None:
    found = await replied("At nine <so", "on")
    assert "".join(delta.text for delta in found) == "At nine soon"


async def test_deltas_of_which_nothing_is_left_are_not_passed_on() -> None:
    found = await replied("", "**", "At nine.")
    assert all(delta.text or delta.usage for delta in found[1:])


async def test_the_first_delta_comes_with_the_first_word_though_it_is_held_back() -> None:
    answers, _ = responder("<think>Hm.</think>", "One", " moment.")
    async with aclosing(answers.reply(SAID)) as reply:
        assert [(await anext(reply)).text for _ in range(2)] == ["", "One "]


@pytest.mark.parametrize("caller", ["\nUser: thanks", "<|im_end|>\nthanks"])
async def test_a_model_that_writes_the_callers_part_is_stopped_there(caller: str) -> None:
    answers, model = responder("At nine.", caller, DialogError("engine-timeout", "it was asked for more"))
    assert "".join([delta.text async for delta in answers.reply(SAID)]) == "At nine."
    assert model.open_streams == 0


async def test_a_model_that_repeats_itself_for_ever_is_stopped() -> None:
    answers, model = responder(*["We open ", "at nine. "] * 50, DialogError("engine-timeout", "it was asked for more"))
    told = "".join([delta.text async for delta in answers.reply(SAID)])
    assert told.strip() == "We open at nine. We open at nine."
    assert model.open_streams == 0


async def test_a_model_that_reads_its_instructions_out_is_stopped() -> None:
    answers, model = responder("Sure. ", VOICE_RULES, DialogError("engine-timeout", "it was asked for more"))
    assert "".join([delta.text async for delta in answers.reply(SAID)]).strip() == "Sure. How you answer:"
    assert model.open_streams == 0


async def test_what_a_guard_holds_back_comes_at_the_end() -> None:
    found = await replied("You are speaking on the telephone", " with Ann.")
    assert "".join(delta.text for delta in found) == "You are speaking on the telephone with Ann."
    assert "".join(delta.text for delta in await replied("No no no")) == "No no no"


async def test_the_usage_comes_through() -> None:
    found = await replied("At nine.")
    assert [delta.usage for delta in found if delta.usage] == [Usage(completion_tokens=1, model="fake")]


async def test_whose_reply_it_is_is_known_from_its_first_delta_on() -> None:
    answers, _ = responder("<think>Hm.</think>", "At nine.")
    async with aclosing(answers.reply(SAID)) as reply:
        assert (await anext(reply)).author == Author("fake", "f4ke")


async def test_closing_early_ends_the_models_work() -> None:
    answers, model = responder("At ", "nine.")
    async with aclosing(answers.reply(SAID)) as reply:
        async for _ in reply:
            assert model.open_streams == 1
            break
    assert model.open_streams == 0


async def test_an_error_of_the_model_comes_through_and_leaves_nothing_open() -> None:
    answers, model = responder("At nine, we", DialogError("engine-timeout", "no token"))
    reply = answers.reply(SAID)
    assert [(await anext(reply)).text for _ in range(2)] == ["At nine, ", "we"]
    with pytest.raises(DialogError, match="no token"):
        await anext(reply)
    assert model.open_streams == 0


async def test_warming_reads_the_agents_prefix() -> None:
    answers, model = responder()
    await answers.warm()
    assert model.warmed == [messages("You keep a shop.", ())]


async def test_personal_data_is_not_said_however_it_comes() -> None:
    found = await replied(
        "Your card is 41", "11 1111 11", "11 1111, call me at four one five, ", "five five five two six", " seven one."
    )
    assert "".join(delta.text for delta in found) == "Your card is a card number, call me at a phone number."


async def test_what_the_persona_says_may_be_said() -> None:
    persona = "You keep a shop. Its number is (415) 555-2671."
    model = FakeModel([(0.0, "Call 415 555 2671, not 415 555 2672.")])
    answers = Responder(Router.of(model), persona, ChatOptions(), redactor=Privacy().redactor(persona))
    assert "".join([delta.text async for delta in answers.reply(SAID)]) == "Call 415 555 2671, not a phone number."


async def test_half_a_secret_does_not_leave_when_the_model_fails() -> None:
    answers, _ = responder("Your card is 4111 1111 1111", DialogError("engine-timeout", "no token"))
    told: list[ChatDelta] = []
    with pytest.raises(DialogError):
        await told_by(answers, told)
    assert "".join(delta.text for delta in told) == "Your card is "


async def told_by(answers: Responder, told: list[ChatDelta]) -> None:
    async with aclosing(answers.reply(SAID)) as reply:
        async for delta in reply:
            told.append(delta)  # noqa: PERF401  what was told before the error counts
