import json
from pathlib import Path

import httpx
import pytest

from pipeline.core.errors import ModelError
from pipeline.models import catalog
from pipeline.models.ollama_registry import OllamaRegistry, client
from pipeline.models.store import Store
from pipeline.settings import SHARE
from tests.ollama_server import OllamaServer

pytestmark = pytest.mark.engine

SHOP = "You answer the phone of a small shop. It opens at nine and closes at six. Answer in one short sentence."
ORDER_STATUS = {
    "type": "function",
    "function": {
        "name": "order_status",
        "description": "Look up the state of an order by its number",
        "parameters": {
            "type": "object",
            "properties": {"order": {"type": "string", "description": "the number of the order"}},
            "required": ["order"],
        },
    },
}


def registry_of(ollama: OllamaServer, http: httpx.Client, cache: Path) -> OllamaRegistry:
    return OllamaRegistry(http, Store(cache, catalog.read(SHARE / "models" / "catalog.toml")), SHARE / "models")


def test_a_model_that_the_server_has_already_is_not_made_again(ollama: OllamaServer, model_cache: Path) -> None:
    ollama.register("smollm2-135m-instruct")
    with client(ollama.url) as http:
        assert not registry_of(ollama, http, model_cache).register("smollm2-135m-instruct")


def test_a_model_that_was_changed_on_the_server_is_made_again(ollama: OllamaServer, model_cache: Path) -> None:
    name = ollama.register("smollm2-135m-instruct")
    with client(ollama.url) as http:
        http.post("/api/create", json={"model": name, "from": name, "template": "{{ .Prompt }}", "stream": False})
        assert registry_of(ollama, http, model_cache).register(name)
        assert "<|im_start|>" in http.post("/api/show", json={"model": name}).json()["template"]


def test_smollm2_streams_its_reply_token_by_token(ollama: OllamaServer) -> None:
    name = ollama.register("smollm2-135m-instruct")
    request = {"model": name, "messages": [{"role": "user", "content": "Hello!"}], "options": {"num_predict": 12}}
    with client(ollama.url) as http, http.stream("POST", "/api/chat", json=request) as answer:
        lines = [json.loads(line) for line in answer.iter_lines()]
    assert len(lines) > 3
    assert "".join(line["message"]["content"] for line in lines).strip()
    assert lines[-1]["done"]


def test_the_coder_model_calls_tools_where_its_own_template_lets_it_only_talk(ollama: OllamaServer) -> None:
    name = ollama.register("qwen2.5-coder-1.5b-instruct")
    messages = [{"role": "system", "content": SHOP}, {"role": "user", "content": "Where is my order 48213?"}]
    request = {"model": name, "messages": messages, "tools": [ORDER_STATUS], "stream": False}
    options = {"temperature": 0, "num_predict": 48, "num_ctx": 2048}
    with client(ollama.url) as http:
        assert "tools" in http.post("/api/show", json={"model": name}).json()["capabilities"]
        answer = http.post("/api/chat", json={**request, "options": options}).json()["message"]
    (call,) = answer["tool_calls"]
    assert call["function"]["name"] == "order_status"
    assert "48213" in call["function"]["arguments"].values()


def test_all_minilm_places_questions_of_one_meaning_together(ollama: OllamaServer) -> None:
    name = ollama.register("all-minilm-l6-v2")
    texts = ["When do you open?", "What are your opening hours?", "The moon is far away."]
    with client(ollama.url) as http:
        same, alike, other = http.post("/api/embed", json={"model": name, "input": texts}).json()["embeddings"]
    # Without its pooling file, which a flattened upload would lose, the model gives vectors of another kind.
    assert len(same) == 384
    assert sum(map(float.__mul__, same, alike)) > 0.6
    assert sum(map(float.__mul__, same, other)) < 0.2


def test_a_model_of_another_kind_is_refused(ollama: OllamaServer, model_cache: Path) -> None:
    with client(ollama.url) as http, pytest.raises(ModelError, match="is for vad") as caught:
        registry_of(ollama, http, model_cache).register("silero-vad")
    assert caught.value.code == "not-for-ollama"


def test_a_server_that_is_not_there_is_named(model_cache: Path) -> None:
    with client("http://127.0.0.1:9") as http, pytest.raises(ModelError, match=r"127\.0\.0\.1:9") as caught:
        OllamaRegistry(
            http, Store(model_cache, catalog.read(SHARE / "models" / "catalog.toml")), SHARE / "models"
        ).register("smollm2-135m-instruct")
    assert caught.value.code == "ollama-unreachable"
