"""A real model sums up a call, and answers from the summary what it is no more shown."""

from contextlib import aclosing

import pytest

from pipeline.core.events import ReplyId
from pipeline.core.stages import ChatOptions
from pipeline.dialog.history import History
from pipeline.dialog.memory import Memory
from pipeline.dialog.ollama import Ollama
from pipeline.dialog.responder import Responder
from pipeline.dialog.routing import Router
from pipeline.dialog.state import DialogState
from pipeline.dialog.summary import LONGEST
from pipeline.settings import Dialog

pytestmark = [pytest.mark.engine, pytest.mark.anyio, pytest.mark.timeout(600)]

PERSONA = (
    "You are the friendly voice on the telephone of Harbour Bakery. We are open from seven to six, on Saturday from "
    "eight to two. One sourdough loaf is four dollars and fifty cents. We deliver within five miles for five dollars."
)
SAID = (
    ("Hello, my name is Zoe Marchetti, and I am calling about my order, number 48213.", "Hello Zoe, how can I help?"),
    ("It has four rye loaves, and I need it on Friday at ten.", "Friday at ten, I have noted that."),
    ("How late are you open on Saturday?", "On Saturday we are open until two."),
    ("And how much is a sourdough loaf?", "One sourdough loaf is four dollars and fifty cents."),
    ("Do you deliver?", "Yes, within five miles, for five dollars."),
    ("That sounds good.", "I am glad to hear that."),
)


async def test_a_fact_of_a_turn_that_is_forgotten_is_known_from_the_summary(ollama_with_tools: str) -> None:
    settings = Dialog(
        ollama_url=ollama_with_tools, num_ctx=2048, first_token_timeout=240.0, token_timeout=120.0, threads=1
    )
    model = Ollama(settings, "qwen2.5-coder-1.5b-instruct")
    responder = Responder(Router.of(model), PERSONA, ChatOptions(temperature=0.0, num_predict=50))
    memory = Memory(History(4, 1500, LONGEST), DialogState(language="en"))
    summaries = 0
    for number, (question, answer) in enumerate(SAID, 1):
        memory.caller(question)
        memory.history.heard(ReplyId(number), answer)
        chapter = memory.chapter()
        if chapter is not None:
            memory.summarized(chapter, await responder.summary(memory.summary_request(chapter)))
            summaries += 1
    asked = memory.asked("What is my order number, and what is my name?")
    async with aclosing(responder.reply(asked)) as reply:
        answer = "".join([delta.text async for delta in reply])
    await model.close()
    assert summaries == 2  # the second is made of the first: the turn was forgotten long before
    assert not any("48213" in message.text or "Zoe" in message.text for message in asked)
    assert "48213" in asked[0].above
    assert "48213" in answer.replace(" ", "").replace(",", "")
    assert "Zoe" in answer
