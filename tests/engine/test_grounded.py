"""A real model answers from the example shop's documents."""

from contextlib import aclosing
from pathlib import Path

import pytest

from pipeline.core.stages import ChatOptions, Message
from pipeline.dialog.knowledge.build import build
from pipeline.dialog.knowledge.search import Knowledge
from pipeline.dialog.lookup import Documents, Lookup
from pipeline.dialog.ollama import Ollama
from pipeline.dialog.responder import Responder
from pipeline.dialog.routing import Router
from pipeline.settings import SHARE, Dialog

pytestmark = [pytest.mark.engine, pytest.mark.anyio, pytest.mark.timeout(300)]

PERSONA = "You are the friendly voice on the telephone of Harbour Bakery. You know what the documents say."
ASKED = {
    "How much is a rye bread?": ("five dollars and twenty", "5.20"),
    "How long does a refund to my card take?": ("five working days", "5 working days", "five days"),
}


async def test_answers_come_from_the_documents(ollama_with_tools: str, tmp_path: Path) -> None:
    await build(SHARE / "agents" / "shop", tmp_path / "shop.kb")
    knowledge = Knowledge.open(tmp_path / "shop.kb")
    lookup = Lookup(knowledge, Documents(approved=2.0), "US", lambda error: pytest.fail(str(error)))
    model = Ollama(
        Dialog(ollama_url=ollama_with_tools, num_ctx=2048, first_token_timeout=120.0), "qwen2.5-coder-1.5b-instruct"
    )
    responder = Responder(Router.of(model), PERSONA, ChatOptions(temperature=0.0, num_predict=50), lookup=lookup)
    told = {}
    for question in ASKED:
        async with aclosing(responder.reply([Message("user", question)])) as reply:
            told[question] = "".join([delta.text async for delta in reply])
    knowledge.close()
    wrong = {one: told[one] for one, facts in ASKED.items() if not any(fact in told[one].lower() for fact in facts)}
    assert wrong == {}
