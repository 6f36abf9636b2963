import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.chat_models import ChatModels
from pipeline.core.clock import LoopClock
from pipeline.core.errors import DialogError
from pipeline.core.stages import ChatModel, ChatOptions, Message, Usage
from pipeline.dialog.agents import Agent
from pipeline.dialog.health import Health
from pipeline.dialog.ollama import Ollama
from pipeline.dialog.routed import Candidate, Unwatched
from pipeline.dialog.routing import Candidates, Router, Routing
from pipeline.models import catalog
from pipeline.models.store import Store
from pipeline.observe import Metrics
from pipeline.settings import SHARE, Dialog, Settings
from tests.ollama_server import OllamaServer

pytestmark = [pytest.mark.engine, pytest.mark.anyio, pytest.mark.timeout(300)]

SMALL, LARGE = "smollm2-135m-instruct", "qwen2.5-coder-1.5b-instruct"
SYSTEM = Message("system", "You are the assistant of a small shop that opens at nine and closes at six. Be brief.")
BRIEF = ChatOptions(num_predict=4)
PATIENT = 120.0
"""Seconds for a busy machine to load 1.1 GB and to read a prompt of 40 tokens."""


def candidate(url: str, name: str) -> Candidate:
    dialog = Dialog(ollama_url=url, num_ctx=2048, first_token_timeout=PATIENT, token_timeout=PATIENT)
    return Candidate(name, Ollama(dialog, name), Health(LoopClock()))


def router(*best: Candidate, simple: Candidate | None = None, budget: float = 0.0) -> Router:
    rules = Routing(first_token_budget=budget, simple_words=4)
    return Router(rules, Candidates(best, simple), LoopClock(), Unwatched())


async def answered(model: ChatModel, question: str = "hello") -> Usage:
    """Return what a reply says of who wrote it."""
    *_, last = [delta async for delta in model.stream([SYSTEM, Message("user", question)], BRIEF)]
    assert last.usage is not None
    return last.usage


@contextmanager
def stopped(server: OllamaServer) -> Iterator[None]:
    """Let a server take connections and answer nobody."""
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.process.pid, signal.SIGCONT)


async def test_simple_turns_are_the_small_models_and_others_the_large_ones(
    ollama_with_tools: str, ollama_server: str
) -> None:
    chosen = router(candidate(ollama_with_tools, LARGE), simple=candidate(ollama_server, SMALL))
    await chosen.warm([SYSTEM], BRIEF)
    for question, name in (("are you open", SMALL), ("are you open in the evening after six o'clock", LARGE)):
        assert (await answered(chosen.route(question), question)).model == name


async def test_a_model_that_the_server_has_not_is_replaced_by_one_that_it_has(ollama_server: str) -> None:
    chosen = router(candidate(ollama_server, "no-such-model"), candidate(ollama_server, SMALL))
    assert (await answered(chosen.route("hello"))).model == SMALL


async def test_a_server_that_died_is_replaced_by_another(narrow_ollama: OllamaServer, ollama_with_tools: str) -> None:
    chosen = router(candidate(narrow_ollama.url, SMALL), candidate(ollama_with_tools, LARGE))
    assert (await answered(chosen.route("hello"))).model == SMALL
    narrow_ollama.process.kill()
    narrow_ollama.process.wait()
    assert (await answered(chosen.route("hello"))).model == LARGE


async def test_a_server_that_hangs_is_replaced_by_another_when_its_time_is_up(
    narrow_ollama: OllamaServer, ollama_with_tools: str
) -> None:
    chosen = router(candidate(narrow_ollama.url, SMALL), candidate(ollama_with_tools, LARGE), budget=1.0)
    with stopped(narrow_ollama):
        assert (await answered(chosen.route("hello"))).model == LARGE


async def test_the_embedded_model_in_reserve_answers_for_a_server_that_died(
    narrow_ollama: OllamaServer, model_cache: Path, model_path: Callable[[str], Path]
) -> None:
    store = Store(model_cache, catalog.read(SHARE / "models" / "catalog.toml"))

    async def folder(name: str) -> Path:
        return model_path(name)

    dialog = Dialog(
        ollama_url=narrow_ollama.url, num_ctx=2048, models=(SMALL,), reserve=True, first_token_timeout=PATIENT
    )
    models = ChatModels(Settings(dialog=dialog), store, Metrics(), LoopClock(), folder)
    shop = Agent(id="shop", name="Shop", persona="p", model=Routing(first_token_budget=0.0))
    await models.add([shop])
    served = await answered(models.router(shop).route("hello"))
    narrow_ollama.process.kill()
    narrow_ollama.process.wait()
    embedded = await answered(models.router(shop).route("hello"))
    (weights,) = (file for file in store.catalog[SMALL].files if file.path.endswith(".gguf"))
    assert embedded == Usage(embedded.prompt_tokens, embedded.completion_tokens, SMALL, weights.sha256 or "")
    assert served.digest not in {"", embedded.digest}


async def test_all_being_away_is_an_error(narrow_ollama: OllamaServer) -> None:
    chosen = router(candidate(narrow_ollama.url, SMALL), candidate("http://127.0.0.1:9", LARGE))
    narrow_ollama.process.kill()
    narrow_ollama.process.wait()
    with pytest.raises(DialogError) as caught:
        await answered(chosen.route("hello"))
    assert caught.value.code == "engine-unreachable"
