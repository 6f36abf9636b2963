from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from benchmarks.dialog.retrieval import answered, questions, summary
from pipeline.dialog.knowledge.build import build
from pipeline.dialog.knowledge.search import Knowledge
from pipeline.dialog.ollama import Ollama
from pipeline.settings import SHARE, Dialog
from tests.ollama_server import OllamaServer

pytestmark = [pytest.mark.engine, pytest.mark.anyio]

NAME = "all-minilm-l6-v2"
SHOP = SHARE / "agents" / "shop"


@pytest.fixture
async def minilm(ollama: OllamaServer) -> AsyncIterator[Ollama]:
    embedder = Ollama(Dialog(ollama_url=ollama.url), ollama.register(NAME))
    yield embedder
    await embedder.close()


async def test_vectors_of_a_real_model_find_what_is_said_in_other_words(minilm: Ollama, tmp_path: Path) -> None:
    asked = [one for one in questions() if one.agent == "shop"]
    by_words = summary(await answered(asked, tmp_path, None))
    by_both = summary(await answered(asked, tmp_path, minilm, ["en"]))
    assert by_both["recall_at_3"] > by_words["recall_at_3"]


async def test_a_file_says_whose_vectors_it_has(minilm: Ollama, tmp_path: Path) -> None:
    built = await build(SHOP, tmp_path / "shop.kb", embedder=minilm, embedder_languages=("en",))
    knowledge = Knowledge.open(tmp_path / "shop.kb", minilm)
    names = ("embedding_model", "embedding_dimension", "embedding_languages")
    assert [knowledge.about[name] for name in names] == [NAME, "384", "en"]
    assert knowledge.by_meaning
    assert built.version == knowledge.version
    knowledge.close()


async def test_a_server_whose_vectors_were_not_waited_for_goes_on_giving_them(minilm: Ollama) -> None:
    # A reply that is cut off can cost the server a place (see ``Starvation``), and it has four; vectors must not.
    for part in range(24):
        with anyio.move_on_after(0.002 * (1 + part % 12)):
            await minilm.embed(["how much is a rye bread " * 40])
    with anyio.fail_after(30):
        (vector,) = await minilm.embed(["how much is a rye bread"])
    assert len(vector) == 384
