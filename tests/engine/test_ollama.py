import os
import signal
from contextlib import aclosing
from pathlib import Path

import anyio
import pytest

from benchmarks.process import cpu_seconds
from pipeline.core.errors import DialogError
from pipeline.core.stages import ChatOptions, Message
from pipeline.dialog import starvation
from pipeline.dialog.ollama import Ollama
from pipeline.settings import Dialog
from tests.ollama_server import OllamaServer

pytestmark = [pytest.mark.engine, pytest.mark.anyio]

SYSTEM = Message("system", "You are the assistant of a small shop that opens at nine and closes at six. Be brief.")
HELLO = [SYSTEM, Message("user", "Hello, who are you?")]
NAME = "smollm2-135m-instruct"


@pytest.fixture
def model(ollama_server: str) -> Ollama:
    return Ollama(Dialog(ollama_url=ollama_server, num_ctx=2048), NAME)


async def test_a_model_that_is_there_passes_the_check(model: Ollama) -> None:
    await model.check()
    assert len(bytes.fromhex(model.digest)) == 32
    *_, last = [delta async for delta in model.stream(HELLO, ChatOptions(num_predict=1))]
    assert last.usage is not None
    assert last.usage.digest == model.digest


async def test_a_model_that_is_not_there_is_named_with_the_command_that_pulls_it(ollama_server: str) -> None:
    with pytest.raises(DialogError) as caught:
        await Ollama(Dialog(ollama_url=ollama_server), "no-such-model").check()
    assert caught.value.code == "model-missing"
    assert "ollama pull no-such-model" in str(caught.value)


async def test_a_reply_comes_in_deltas_and_the_last_one_carries_the_usage(model: Ollama) -> None:
    *deltas, last = [delta async for delta in model.stream(HELLO, ChatOptions(num_predict=12))]
    assert len(deltas) > 3
    assert "".join(delta.text for delta in deltas).strip()
    assert last.usage is not None
    assert 0 < last.usage.completion_tokens <= 12
    assert last.usage.model == NAME
    assert last.usage.digest == ""


async def test_warming_makes_no_difference_to_the_reply(model: Ollama) -> None:
    await model.warm([SYSTEM], ChatOptions())
    assert [delta async for delta in model.stream(HELLO, ChatOptions(num_predict=4))]


async def works(process: int) -> bool:
    """Return whether a process computes for most of a third of a second."""

    def spent() -> float:
        return cpu_seconds(Path(f"/proc/{process}/stat").read_text())

    before = spent()
    with anyio.move_on_after(0.3):
        await anyio.sleep_forever()
    return spent() - before > 0.15


async def test_closing_a_reply_ends_the_work_on_it(narrow_ollama: OllamaServer) -> None:
    model = Ollama(Dialog(ollama_url=narrow_ollama.url, num_ctx=2048), NAME)
    await model.warm(HELLO, ChatOptions())
    (runner,) = narrow_ollama.runners()
    story = [SYSTEM, Message("user", "Tell me a very long story.")]
    async with aclosing(model.stream(story, ChatOptions(num_predict=4000))) as deltas:
        await anext(deltas)
        assert await works(runner)
    # 4000 tokens take it a minute. That the next reply finds a place is not sure: now and then a server loses it then,
    # which the next test but one mends.
    with anyio.fail_after(30):
        while await works(runner):
            pass


async def test_callers_who_ask_at_the_same_time_are_all_answered(model: Ollama) -> None:
    answers: list[str] = []

    async def call() -> None:
        answers.append("".join([delta.text async for delta in model.stream(HELLO, ChatOptions(num_predict=8))]))

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(call)
    assert all(answers)
    assert len(answers) == 3


async def test_a_model_that_is_stuck_is_unloaded_and_loaded_anew(
    narrow_ollama: OllamaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starvation, "LONG_WAIT", 0.4)
    model = Ollama(Dialog(ollama_url=narrow_ollama.url, num_ctx=2048), NAME)
    await model.warm(HELLO, ChatOptions())
    (stuck,) = narrow_ollama.runners()
    os.kill(stuck, signal.SIGSTOP)
    for _ in range(2):
        with anyio.move_on_after(0.6) as caller:
            async with aclosing(model.stream(HELLO, ChatOptions(num_predict=4))) as deltas:
                await anext(deltas)
        assert caller.cancelled_caught
    assert [delta async for delta in model.stream(HELLO, ChatOptions(num_predict=4))]
    assert stuck not in narrow_ollama.runners()
