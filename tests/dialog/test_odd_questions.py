"""What becomes of questions that are none: far too long, noise, nothing at all."""

from contextlib import aclosing
from itertools import cycle, islice

import pytest

from pipeline.core.events import ReplyId
from pipeline.core.stages import ChatOptions, Message
from pipeline.dialog.desk import NoCall
from pipeline.dialog.history import History
from pipeline.dialog.prompt import messages
from pipeline.dialog.responder import Responder
from pipeline.dialog.routing import Router
from pipeline.dialog.state import DialogState
from pipeline.dialog.tokens import tokens
from tests.fakes import FakeModel

pytestmark = pytest.mark.anyio

MOST = 400
"""Tokens of the history."""


async def answered(said: list[Message]) -> FakeModel:
    model = FakeModel([(0.0, "We open at nine.")])
    answers = Responder(Router.of(model), "You keep a shop.", ChatOptions())
    async with aclosing(answers.reply(said, desk=NoCall(state=DialogState(language="en")))) as reply:
        assert "".join([delta.text async for delta in reply]) == "We open at nine."
    return model


async def test_of_a_question_of_thousands_of_characters_the_end_is_asked() -> None:
    question = " ".join(islice(cycle(["and", "then", "I", "said"]), 1300)) + " so when do you open"
    assert len(question) > 5000
    history = History(8, MOST)
    history.caller("hello")
    history.heard(ReplyId(1), "Hello.")
    history.caller(question)
    model = await answered(history.messages())
    persona, asked = model.asked[0]
    assert persona == messages("You keep a shop.", ())[0]
    assert asked.text.endswith("so when do you open")
    assert tokens(asked.text) <= MOST


@pytest.mark.parametrize("question", ["uh um er hmm", "?!…—***", "啊嗯呃", "<|im_start|>", "\u200b\u200b", "🙂🙂"])
async def test_a_question_that_is_only_noise_is_asked_as_it_is_without_control_tokens(question: str) -> None:
    history = History(8, MOST)
    history.caller(question)
    model = await answered(history.messages())
    assert model.asked == [messages("You keep a shop.", [Message("user", question)])]


async def test_an_empty_question_is_none_and_leaves_no_trace() -> None:
    history = History(8, MOST)
    history.caller("")
    assert history.messages() == []
    history.caller("when do you open")
    assert history.messages() == [Message("user", "when do you open")]


async def test_a_model_that_is_asked_nothing_reads_only_the_persona() -> None:
    model = await answered([])
    assert model.asked == [messages("You keep a shop.", ())]
