"""An agent that knows documents: the real service, a file that the builder made, questions in writing."""

import signal
from pathlib import Path

import pytest

from benchmarks.peers.language import Choice, language_model
from pipeline.cli.service import Service
from pipeline.dialog.knowledge.build import build
from pipeline.entrances.generated.voicepipe.v1 import input_pb2
from tests.e2e.conftest import AGENT, CONFIG
from tests.e2e.service import calling, running
from tests.e2e.test_bad_lines import SMOLLM2
from tests.e2e.test_service import logged

pytestmark = [pytest.mark.e2e, pytest.mark.anyio, pytest.mark.timeout(120)]

DOCUMENTS = '\n[knowledge]\nfile = "line.kb"\n'


async def test_an_approved_answer_is_spoken_at_once_and_documents_are_read_anew(tmp_path: Path) -> None:
    home = tmp_path / "agents"
    (home / "faq").mkdir(parents=True)
    (home / "line.toml").write_text(AGENT.replace('greeting = "Hello, this is the test line."', "") + DOCUMENTS)
    await built(home, "No, on Sunday we are closed.")
    with language_model(Choice.STUB, "I do not know.") as model:
        config = CONFIG.format(agents=home, ollama=model.url).replace(SMOLLM2, model.model)
        with running(config, tmp_path) as service:
            assert await answer(service, "Are you open on Sunday?") == "No, on Sunday we are closed."
            assert await answer(service, "Who are you?") == "I do not know."
            await built(home, "Yes, from ten until noon.")
            service.process.send_signal(signal.SIGHUP)
            await logged(service, "agents read anew")
            assert await answer(service, "are you open on sunday") == "Yes, from ten until noon."


async def built(home: Path, opening: str) -> None:
    (home / "faq" / "faq.csv").write_text(f'question,answer\nAre you open on Sunday?,"{opening}"\n')
    await build(home / "faq", home / "line.kb")


async def answer(service: Service, question: str) -> str:
    """Ask in writing, and return what was heard."""
    async with calling(service) as caller:
        await caller.send(text=input_pb2.TextInput(text=question, language="en"))
        done = (await caller.next("response_done")).response_done
        assert len(done.knowledge_version) == 64
        return done.heard_text
