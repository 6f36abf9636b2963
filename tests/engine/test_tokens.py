"""The estimate of tokens against what real models count."""

import httpx
import pytest

from pipeline.dialog.tokens import PER_MESSAGE, tokens
from pipeline.models.ollama_registry import client
from tests.ollama_server import OllamaServer

pytestmark = pytest.mark.engine

TEXTS = {
    "English": "Could you tell me whether the two sourdough loaves that I ordered yesterday will be ready by ten? " * 2,
    "figures": "My number is 415 555 0132, the order 48213-77 and it cost $41.50 on 12/11/2025 at 9:30. " * 2,
    "German": "Können Sie mir bitte sagen, ob die Geschäftsführung morgen Nachmittag erreichbar ist? " * 2,
    "Chinese": "请问你们明天几点开门？我想订两个生日蛋糕，可以送货上门吗？" * 2,
    "Russian": "Подскажите, пожалуйста, во сколько открывается ваш магазин завтра и когда готов хлеб? " * 2,
}


def counted(http: httpx.Client, model: str, text: str) -> int:
    request = {
        "model": model,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}],
        "stream": False,
        "options": {"num_predict": 1, "num_ctx": 4096},
    }
    return int(http.post("/api/chat", json=request).json()["prompt_eval_count"])


@pytest.mark.parametrize("model", ["smollm2-135m-instruct", "qwen2.5-coder-1.5b-instruct"])
def test_the_estimate_is_not_below_what_models_count(ollama: OllamaServer, model: str) -> None:
    name = ollama.register(model)
    with client(ollama.url) as http:
        frame = counted(http, name, "")
        found = {language: counted(http, name, text) - frame for language, text in TEXTS.items()}
    estimated = {language: tokens(text) for language, text in TEXTS.items()}
    assert frame <= 2 * PER_MESSAGE + tokens("Be brief.") + 8
    assert {language: found[language] for language in TEXTS if found[language] > estimated[language]} == {}
    assert estimated["English"] < 1.6 * found["English"]
