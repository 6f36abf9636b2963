"""A call that turns from one language to another: the real service with whisper base, and what people said to it."""

from collections.abc import Iterator
from contextlib import ExitStack

import grpc.aio
import pytest

from benchmarks.peers.language import Choice, language_model
from pipeline.audio.wav import read_wav
from pipeline.caller.place import place_call
from pipeline.caller.plan import CallPlan, Utterance
from pipeline.cli.service import Service
from pipeline.entrances.generated.voicepipe.v1 import catalog_pb2, catalog_pb2_grpc
from tests.e2e.conftest import AGENT, CONFIG
from tests.e2e.service import calling, running
from tests.e2e.test_bad_lines import SMOLLM2
from tests.entrances.calls import Caller
from tests.recordings import prompts

pytestmark = [pytest.mark.e2e, pytest.mark.anyio, pytest.mark.timeout(300)]

FRENCH = """
[phrases]
failure = "I am sorry."

[languages.fr]
greeting = "Bonjour."
voice = "piper-en-us-joe-medium"
[languages.fr.phrases]
no_input = "Êtes-vous là ?"
no_match = "Pardon ?"
failure = "Je suis désolé."
goodbye = "Au revoir."
time_up = "C'est fini."
"""
CHINESE = """
name = "港湾面包店"
language = "zh"
greeting = "您好。"
persona = "你是客服。"

[knowledge]
folder = "bakery"
"""
RECOGNITION = """
[recognition]
models = ["whisper-base"]
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with an agent in English and French and one in Chinese, whose model went away after the start."""
    folder = tmp_path_factory.mktemp("languages")
    (folder / "agents" / "bakery").mkdir(parents=True)
    (folder / "agents" / "line.toml").write_text(AGENT + FRENCH)
    (folder / "agents" / "bakery.toml").write_text(CHINESE)
    (folder / "agents" / "bakery" / "问答.csv").write_text("question,answer\n星期天开门吗？,星期天不营业。\n")
    with ExitStack() as serving:
        model = serving.enter_context(language_model(Choice.STUB, "Yes."))
        config = CONFIG.format(agents=folder / "agents", ollama=model.url).replace(SMOLLM2, model.model)
        config = config.replace("phrases_mib = 0", "voices = {}")
        with running(config + RECOGNITION, folder) as service:
            serving.close()
            yield service


def said(language: str, name: str) -> Utterance:
    """Return what a person says in a recording."""
    (prompt,) = (prompt for prompt in prompts(language) if prompt.name == name)
    return Utterance(prompt.text, read_wav(prompt.path))


async def test_a_call_follows_its_caller_into_another_language_and_back(service: Service) -> None:
    utterances = (said("fr", "conf-onlyperson"), said("en", "conf-onlyperson"))
    report = await place_call(CallPlan(utterances=utterances, server=service.grpc, rate=8000, patience=120.0))
    assert [turn.language for turn in report.turns] == ["fr", "en"]
    assert [turn.heard.strip() for turn in report.turns] == ["Je suis désolé.", "I am sorry."]


async def test_a_client_may_name_the_language_of_a_call(service: Service) -> None:
    async with grpc.aio.insecure_channel(service.grpc) as channel:
        caller = Caller(channel)
        started = await caller.start(languages=["fr-CA"])
        assert started.started.language == "fr"
        assert (await caller.next("response_done")).response_done.heard_text.strip() == "Bonjour."


async def test_a_client_moves_a_call_to_another_language_and_back(service: Service) -> None:
    async with calling(service, languages=["en"]) as caller:
        await caller.next("response_done")
        for seq, language, failure in ((7, "fr-CA", "Je suis désolé."), (8, "en", "I am sorry.")):
            await caller.send(seq=seq, reconfigure={"language": language})
            reconfigured = (await caller.next("reconfigured")).reconfigured
            assert (reconfigured.refers_to_seq, reconfigured.language) == (seq, language[:2])
            await caller.send(text={"text": "ok?"})
            assert (await caller.next("response_done")).response_done.heard_text.strip() == failure


async def test_a_language_that_the_agent_has_not_is_refused_by_name_and_changes_nothing(service: Service) -> None:
    async with calling(service, languages=["fr"]) as caller:
        await caller.next("response_done")
        await caller.send(seq=7, reconfigure={"language": "zh", "endpointing": {"no_input_ms": 900}})
        notice = (await caller.next("notice")).notice
        assert (notice.refers_to_seq, notice.status.code) == (7, grpc.StatusCode.INVALID_ARGUMENT.value[0])
        assert "reconfigure.language is zh; allowed in this call: fr, en" in notice.status.message
        await caller.send(text={"text": "ok?"})
        assert (await caller.next("response_done")).response_done.heard_text.strip() == "Je suis désolé."


async def test_clients_are_told_of_the_languages_and_voices_of_agents(service: Service) -> None:
    async with grpc.aio.insecure_channel(service.grpc) as channel:
        agents = (await catalog_pb2_grpc.CatalogServiceStub(channel).ListAgents(catalog_pb2.ListAgentsRequest())).agents
    assert {agent.agent_id: list(agent.languages) for agent in agents} == {"line": ["en", "fr"], "bakery": ["zh"]}
    assert {agent.agent_id: agent.voice for agent in agents} == {"line": "piper-en-us-joe-medium", "bakery": "none"}


async def test_an_agent_without_a_voice_gives_captions(service: Service) -> None:
    async with calling(service, agent_id="bakery") as caller:
        assert (await caller.next("response_done")).response_done.heard_text.strip() == "您好。"
        await caller.send(text={"text": "星期天开门吗？"})
        assert (await caller.next("response_done")).response_done.heard_text.strip() == "星期天不营业。"
