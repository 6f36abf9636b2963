import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, suppress
from pathlib import Path

import anyio
import pytest

from pipeline.core.errors import DialogError, ModelError
from pipeline.core.stages import ChatDelta, ChatOptions, Message
from pipeline.dialog.llamacpp import LlamaCpp
from pipeline.settings import Dialog
from tests.engine.broken import cut_short, with_flipped_bit

pytestmark = [pytest.mark.engine, pytest.mark.anyio]

NAME = "smollm2-135m-instruct"
FILE = f"{NAME}.gguf"
SYSTEM = Message("system", "You are the assistant of a small shop that opens at nine and closes at six. Be brief.")
PLAIN = ChatOptions(temperature=0.0, num_predict=12)


@pytest.fixture(scope="module")
def model(model_path: Callable[[str], Path]) -> Iterator[LlamaCpp]:
    loaded = LlamaCpp.load(model_path(NAME) / FILE, Dialog(), "abc")
    yield loaded
    loaded.close()


def asked(text: str) -> list[Message]:
    return [SYSTEM, Message("user", text)]


def long_prompt(beginning: str) -> list[Message]:
    return asked(beginning + " And then there was another one." * 120)


async def reply(model: LlamaCpp, messages: list[Message], options: ChatOptions = PLAIN) -> list[ChatDelta]:
    return [delta async for delta in model.stream(messages, options)]


def text_of(deltas: list[ChatDelta]) -> str:
    return "".join(delta.text for delta in deltas)


def assert_idle(model: LlamaCpp) -> None:
    assert [thread for thread in threading.enumerate() if thread.name == "llamacpp-reply"] == []
    assert model._limiter.borrowed_tokens == 0


async def test_a_reply_comes_in_deltas_and_the_last_one_carries_the_usage(model: LlamaCpp) -> None:
    *deltas, last = await reply(model, asked("Hello, who are you?"))
    assert len(deltas) > 3
    assert text_of(deltas).strip()
    assert all(delta.usage is None for delta in deltas)
    assert last.usage is not None
    assert last.usage.completion_tokens <= 12
    assert (last.usage.model, last.usage.digest) == (NAME, model.digest) == (NAME, "abc")
    assert_idle(model)


async def test_the_beginning_of_a_prompt_is_read_once(model: LlamaCpp) -> None:
    await model.warm([SYSTEM], ChatOptions())
    usage = (await reply(model, asked("When do you open?")))[-1].usage
    assert usage is not None
    assert usage.prompt_tokens < 15


async def test_a_stop_text_ends_the_reply_and_is_not_said(model: LlamaCpp) -> None:
    whole = text_of(await reply(model, asked("Count from one to nine.")))
    word = whole.split()[2]
    options = ChatOptions(temperature=0.0, num_predict=12, stop=(word,))
    assert text_of(await reply(model, asked("Count from one to nine."), options)) == whole[: whole.index(word)]


async def test_callers_who_ask_at_the_same_time_get_their_own_answers(model: LlamaCpp) -> None:
    questions = ["Say hello.", "What is a shop?", "Name a colour."]
    alone = {question: text_of(await reply(model, asked(question))) for question in questions}
    together: dict[str, str] = {}

    async def call(question: str) -> None:
        together[question] = text_of(await reply(model, asked(question)))

    async with anyio.create_task_group() as tasks:
        for question in questions:
            tasks.start_soon(call, question)
    assert together == alone


async def test_two_slots_write_two_replies_at_once(model_path: Callable[[str], Path]) -> None:
    model = LlamaCpp.load(model_path(NAME) / FILE, Dialog(slots=2, num_ctx=1024))
    try:
        async with aclosing(_open(model, "Tell me a story.")) as one, aclosing(_open(model, "Count to ten.")) as other:
            assert (await anext(one)).text
            assert (await anext(other)).text
            assert (await anext(one)).text
        assert_idle(model)
    finally:
        model.close()


def _open(model: LlamaCpp, text: str) -> AsyncGenerator[ChatDelta, None]:
    return model.stream(asked(text), ChatOptions(num_predict=100))


async def test_closing_a_reply_stops_the_model(model: LlamaCpp) -> None:
    async with aclosing(model.stream(asked("Tell me a long story."), ChatOptions(num_predict=2000))) as deltas:
        await anext(deltas)
    assert_idle(model)
    with anyio.fail_after(30):
        assert text_of(await reply(model, asked("Hello.")))


async def test_cancelling_while_the_prompt_is_read_stops_the_model(model: LlamaCpp) -> None:
    with anyio.move_on_after(0.2) as scope:
        await reply(model, long_prompt("Once there was a number."))
    assert scope.cancelled_caught
    assert_idle(model)


async def test_a_caller_who_gives_up_in_the_queue_leaves_it(model: LlamaCpp) -> None:
    async with aclosing(_open(model, "Tell me a story.")) as deltas:
        await anext(deltas)
        with anyio.move_on_after(0.05) as scope:
            await reply(model, asked("Hello."))
        assert scope.cancelled_caught
        assert model._limiter.statistics().tasks_waiting == 0
    assert_idle(model)


async def test_a_first_token_that_is_late_ends_the_reply(model_path: Callable[[str], Path]) -> None:
    model = LlamaCpp.load(model_path(NAME) / FILE, Dialog(first_token_timeout=0.1))
    try:
        with pytest.raises(DialogError) as caught:
            await reply(model, long_prompt("Once there was a deadline."))
        assert (caught.value.code, caught.value.retryable) == ("engine-timeout", True)
        assert_idle(model)
    finally:
        model.close()


async def test_a_prompt_longer_than_the_context_is_refused(model: LlamaCpp) -> None:
    with pytest.raises(DialogError) as caught:
        await reply(model, asked("word " * 6000))
    assert caught.value.code == "prompt-too-long"
    assert_idle(model)


async def test_a_flipped_bit_is_refused_or_does_no_more_than_talk_nonsense(
    model_path: Callable[[str], Path], tmp_path: Path
) -> None:
    for place, at in enumerate((0.0, 0.00001, 0.001, 0.5, 1.0)):
        folder = with_flipped_bit(model_path(NAME), tmp_path / str(place), FILE, at)
        with suppress(ModelError):
            broken = LlamaCpp.load(folder / FILE, Dialog())
            await reply(broken, asked("Hello."))
            broken.close()
        (folder / FILE).unlink()


def test_a_file_that_is_cut_short_or_missing_is_named_with_its_remedy(
    model_path: Callable[[str], Path], tmp_path: Path
) -> None:
    with pytest.raises(ModelError) as caught:
        LlamaCpp.load(cut_short(model_path(NAME), tmp_path, FILE) / FILE, Dialog())
    assert (caught.value.code, caught.value.fix) == ("model-broken", f"voicepipe models verify {NAME}")
    with pytest.raises(ModelError) as caught:
        LlamaCpp.load(tmp_path / FILE, Dialog())
    assert (caught.value.code, caught.value.fix) == ("model-missing", f"voicepipe models pull {NAME}")
