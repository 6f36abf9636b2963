"""What agents are answered by, on a server that has what a test says. Real models: tests/engine/test_routing.py."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from anyio.abc import SocketStream
from structlog.testing import capture_logs

from pipeline.chat_models import ChatModels
from pipeline.core.clock import LoopClock
from pipeline.core.errors import DialogError, ModelError, PipelineError
from pipeline.core.stages import ChatOptions, Message
from pipeline.dialog.agents import Agent, Writing
from pipeline.dialog.routing import Routing
from pipeline.models import catalog
from pipeline.models.store import Store
from pipeline.observe import Metrics
from pipeline.settings import SHARE, Dialog, Ladder, Settings, SettingsError
from tests.dialog.scripted_server import STREAM_HEAD, part, scripted_server, whole

pytestmark = pytest.mark.anyio

HELLO = [Message("user", "hello")]


class Server:
    """Stands for an Ollama server: it shows, lists and answers with the models that it has, by their digests."""

    def __init__(self, **models: str) -> None:
        self.models = models
        self.requests: list[Any] = []

    async def answer(self, client: SocketStream) -> None:
        request = self.requests[-1]
        if request is None:
            listed = [{"model": f"{name}:latest", "digest": digest} for name, digest in self.models.items()]
            await whole("200 OK", json.dumps({"models": listed}).encode())(client)
        elif request["model"] not in self.models:
            await whole("404 Not Found", b'{"error":"model not found"}')(client)
        elif "messages" in request:
            await client.send(STREAM_HEAD + part(f"I am {request['model']}.", done=True))
        else:
            await whole("200 OK", b'{"details":{},"model_info":{}}')(client)

    @property
    def shown(self) -> list[str]:
        """Return the models that were asked after, in order."""
        return [request["model"] for request in self.requests if request is not None and "messages" not in request]


def agent(name: str = "shop", num_ctx: int | None = None, **rules: Any) -> Agent:
    return Agent(id=name, name=name, persona="p", writing=Writing(num_ctx=num_ctx), model=Routing(**rules))


@asynccontextmanager
async def chat_models(
    server: Server, tmp_path: Path, *, smaller: str = "", **dialog: Any
) -> AsyncIterator[tuple[ChatModels, Metrics]]:
    """Open the models of a service at this server, on a machine that has none of its own."""
    store = Store(tmp_path, catalog.read(SHARE / "models" / "catalog.toml"))

    async def folder(name: str) -> Path:
        return store.path(name)

    async with scripted_server(server.answer, server.requests) as url:
        wanted = {"engine": "ollama", "models": ("first", "second"), "ollama_url": url, **dialog}
        settings = Settings(dialog=Dialog(**wanted), ladder=Ladder(smaller_model=smaller))
        metrics = Metrics()
        yield ChatModels(settings, store, metrics, LoopClock(), folder), metrics


async def reply(models: ChatModels, who: Agent, question: str = "hello", *, small: bool = False) -> str:
    model = models.router(who).route(question, small=small)
    return "".join([delta.text async for delta in model.stream(HELLO, ChatOptions())])


async def refused(models: ChatModels, *agents: Agent) -> PipelineError:
    with pytest.raises(PipelineError) as caught:
        await models.add(agents)
    return caught.value


async def test_an_agent_that_names_none_has_the_first_of_the_settings_that_the_server_has(tmp_path: Path) -> None:
    async with chat_models(Server(second="s"), tmp_path) as (models, _):
        await models.add([agent()])
        assert await reply(models, agent()) == "I am second."
        assert models.router(agent()).route("hello").digest == "s"


async def test_the_first_that_is_there_is_enough(tmp_path: Path) -> None:
    server = Server(first="f", second="s")
    async with chat_models(server, tmp_path) as (models, _):
        await models.add([agent(), agent("desk")])
        assert server.shown == ["first"]


async def test_agents_that_name_the_same_model_share_it_and_what_is_known_of_it(tmp_path: Path) -> None:
    shop, desk = agent(names=("a", "b")), agent("desk", names=("b", "a:latest"))
    async with chat_models(Server(a="1", b="2"), tmp_path) as (models, _):
        await models.add([shop, desk])
        assert [one.name for one in models.router(shop).everybody] == ["a", "b"]
        (a, b), (other_b, other_a) = models.router(shop).everybody, models.router(desk).everybody
        assert (a, b) == (other_a, other_b)


async def test_simple_turns_and_late_answers_have_models_of_their_own(tmp_path: Path) -> None:
    shop = agent(names=("a",), simple="b", simple_words=2)
    async with chat_models(Server(a="1", b="2", c="3"), tmp_path, smaller="c") as (models, _):
        await models.add([shop])
        assert await reply(models, shop, "hello there") == "I am b."
        assert await reply(models, shop, "hello there my friend") == "I am a."
        assert await reply(models, shop, "hello there my friend", small=True) == "I am c."


async def test_a_model_that_is_missing_is_named_and_answers_once_it_is_there(tmp_path: Path) -> None:
    server, shop = Server(b="2"), agent(names=("a", "b"))
    async with chat_models(server, tmp_path) as (models, metrics):
        with capture_logs() as lines:
            await models.add([shop])
        (line,) = (line for line in lines if line["event"] == "model missing")
        assert (line["agent"], line["model"]) == ("shop", "a")
        assert "voicepipe ollama pull a" in line["reason"]
        assert await reply(models, shop) == "I am b."
        labels = {"model": "a", "reason": "model-missing"}
        assert metrics.registry.get_sample_value("voicepipe_model_fallbacks_total", labels) == 1
        assert metrics.registry.get_sample_value("voicepipe_model_answers_total", {"model": "b"}) == 1
        server.models["a"] = "1"
        assert await reply(models, shop) == "I am a."


async def test_an_agent_none_of_whose_models_is_there_is_refused(tmp_path: Path) -> None:
    async with chat_models(Server(first="f"), tmp_path) as (models, _):
        assert (await refused(models, agent(names=("a", "b"), simple="first"))).code == "model-missing"


async def test_a_smaller_model_that_is_missing_is_refused(tmp_path: Path) -> None:
    async with chat_models(Server(first="f"), tmp_path, smaller="c") as (models, _):
        assert "model c" in str(await refused(models, agent()))


async def test_agents_that_cannot_be_added_take_nothing_from_the_others(tmp_path: Path) -> None:
    async with chat_models(Server(first="f"), tmp_path) as (models, _):
        await models.add([agent()])
        await refused(models, agent("desk", names=("a",)))
        assert await reply(models, agent()) == "I am first."


async def test_digests_are_learned_anew_with_every_change_of_agents(tmp_path: Path) -> None:
    server = Server(first="f")
    async with chat_models(server, tmp_path) as (models, _):
        await models.add([agent()])
        server.models["first"] = "g"
        await models.add([])
        assert models.router(agent()).route("hello").digest == "g"


async def test_auto_goes_by_what_the_agents_name(tmp_path: Path) -> None:
    async with chat_models(Server(a="1"), tmp_path, engine="auto") as (models, _):
        await models.add([agent(names=("a",))])
        assert await reply(models, agent(names=("a",))) == "I am a."


async def test_auto_without_a_model_anywhere_says_which_one_to_fetch(tmp_path: Path) -> None:
    async with chat_models(Server(), tmp_path, engine="auto", models=("x", "smollm2-135m-instruct")) as (models, _):
        error = await refused(models, agent())
        assert isinstance(error, ModelError)
        assert error.fix == "voicepipe models pull smollm2-135m-instruct"


async def test_a_server_that_is_away_is_an_error_where_nothing_else_is_allowed(tmp_path: Path) -> None:
    async with chat_models(Server(), tmp_path, ollama_url="http://127.0.0.1:9") as (models, _):
        error = await refused(models, agent())
        assert isinstance(error, DialogError)
        assert error.code == "engine-unreachable"


async def test_without_a_model_for_the_reserve_the_service_goes_on(tmp_path: Path) -> None:
    async with chat_models(Server(first="f"), tmp_path, reserve=True) as (models, _):
        with capture_logs() as lines:
            await models.add([agent()])
        assert "no model in reserve" in [line["event"] for line in lines]
        assert await reply(models, agent()) == "I am first."


async def test_two_contexts_for_one_model_are_complained_about(tmp_path: Path) -> None:
    async with chat_models(Server(first="f", b="2"), tmp_path) as (models, _):
        with capture_logs() as lines:
            await models.add([agent(), agent("desk", num_ctx=2048), agent("night", num_ctx=1024, names=("b",))])
        (line,) = (line for line in lines if line["event"].startswith("agents want different contexts"))
        assert (line["model"], line["num_ctx"]) == ("first", [2048, 4096])
        with capture_logs() as lines:
            await models.add([agent("desk")])
        assert [line for line in lines if line["event"].startswith("agents want")] == []


async def test_the_context_of_an_agent_goes_to_the_server(tmp_path: Path) -> None:
    server, shop = Server(first="f"), agent(num_ctx=2048)
    async with chat_models(server, tmp_path) as (models, _):
        await models.add([shop])
        await models.router(shop).warm(HELLO, shop.writing.options())
        assert server.requests[-1]["options"]["num_ctx"] == 2048


async def test_a_larger_context_than_the_embedded_model_has_is_refused(tmp_path: Path) -> None:
    async with chat_models(Server(), tmp_path, engine="llamacpp", num_ctx=2048) as (models, _):
        error = await refused(models, agent(num_ctx=4096))
        assert isinstance(error, SettingsError)
        assert "agent shop: writing.num_ctx is 4096" in str(error)
