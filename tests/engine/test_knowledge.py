from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pipeline.dialog.knowledge.build import build
from pipeline.dialog.knowledge.search import Knowledge
from pipeline.dialog.ollama import Ollama
from pipeline.settings import SHARE, Dialog
from tests.ollama_server import OllamaServer

pytestmark = [pytest.mark.engine, pytest.mark.anyio]

NAME = "all-minilm-l6-v2"
SECONDS = 30.0
PARAPHRASES = {"who is the owner of the shop": "faq.csv", "will the shop be open on Christmas Eve": "hours.md"}


@pytest.fixture
async def minilm(ollama: OllamaServer) -> AsyncIterator[Ollama]:
    embedder = Ollama(Dialog(ollama_url=ollama.url), ollama.register(NAME))
    yield embedder
    await embedder.close()


async def test_vectors_of_a_real_model_find_what_is_said_in_other_words(minilm: Ollama, tmp_path: Path) -> None:
    built = await build(SHARE / "agents" / "shop", tmp_path / "shop.kb", embedder=minilm)
    assert built.embedding == NAME
    by_words, by_both = Knowledge.open(tmp_path / "shop.kb"), Knowledge.open(tmp_path / "shop.kb", minilm)
    assert by_both.about["embedding_dimension"] == "384"
    for question in PARAPHRASES:
        found = await by_both.search(question, budget=SECONDS)
        assert found != await by_words.search(question, budget=SECONDS)
    (first, *_) = await by_both.search("who is the owner of the shop", budget=SECONDS)
    assert "Maria Lindqvist" in first.text
    by_words.close()
    by_both.close()


async def test_a_question_that_the_server_answers_late_is_answered_by_words(minilm: Ollama, tmp_path: Path) -> None:
    await build(SHARE / "agents" / "shop", tmp_path / "shop.kb", embedder=minilm)
    knowledge = Knowledge.open(tmp_path / "shop.kb", minilm)
    found = await knowledge.search("how much is a rye bread " * 200, budget=0.01)
    assert all(passage.source for passage in found)
    knowledge.close()
