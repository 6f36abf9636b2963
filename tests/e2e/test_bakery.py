"""The bakeries that come along, in Chinese: typed conversations with a real model, and what it knows of the shop."""

import re
import shutil
from collections.abc import Iterator

import pytest

from pipeline.cli.service import Service
from pipeline.settings import SHARE
from tests.e2e.conftest import CONFIG
from tests.e2e.service import calling, running
from tests.entrances.calls import Caller
from tests.ollama_server import OllamaServer

pytestmark = [pytest.mark.e2e, pytest.mark.anyio, pytest.mark.timeout(900)]

QWEN = "qwen2.5-coder-1.5b-instruct"
IN_CHINESE = '\n[languages.zh]\ngreeting = "您好，这里是港湾面包店。"\nvoice = "none"\n'
SLOW = """
first_token_timeout = 300
token_timeout = 60
temperature = 0.0

[recognition]
models = ["whisper-base"]

[ladder]
filler_after = 0.0
phrase_after = 0.0
shorter = false
"""
HAN = re.compile(r"[\u3400-\u9fff]")


@pytest.fixture(scope="module")
def service(ollama: OllamaServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with both bakeries on Qwen; the English one may turn to Chinese, and nobody has a Chinese voice."""
    ollama.register(QWEN)
    folder = tmp_path_factory.mktemp("bakery")
    shutil.copytree(SHARE / "agents", folder / "agents")
    with (folder / "agents" / "shop.toml").open("a", encoding="utf-8") as shop:
        shop.write(IN_CHINESE)
    config = CONFIG.format(agents=folder / "agents", ollama=ollama.url).replace("smollm2-135m-instruct", QWEN)
    config = config.replace('agent = "line"', 'agent = "shop"').replace("num_predict = 16", f"num_predict = 60{SLOW}")
    with running(config, folder) as service:
        yield service


async def said(caller: Caller, text: str) -> str:
    """Ask in writing; return the answer, which a model gave."""
    await caller.send(text={"text": text})
    done = (await caller.next("response_done")).response_done
    assert done.usage.model == QWEN, done.usage.model
    return done.heard_text


def is_chinese(text: str) -> bool:
    letters = [sign for sign in text if sign.isalpha()]
    return bool(letters) and sum(bool(HAN.match(sign)) for sign in letters) >= 0.8 * len(letters)


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("请问法棍多少钱一根？", "十二|12"),
        ("全麦面包一个多少钱？", "十八|18"),
        ("送货要收多少钱？", "八元|8元|8 元"),
        ("请问你们店的地址在哪里？", "解放路"),
    ],
)
async def test_the_chinese_bakery_answers_in_chinese_out_of_its_folder(
    service: Service, question: str, fact: str
) -> None:
    async with calling(service, agent_id="bakery-zh") as caller:
        greeting = (await caller.next("response_done")).response_done.heard_text
        assert greeting.startswith("您好，这里是港湾面包店")
        answer = await said(caller, question)
    assert is_chinese(answer)
    assert re.search(fact, answer)


async def test_the_english_bakery_follows_a_caller_into_chinese(service: Service) -> None:
    async with calling(service, agent_id="shop") as caller:
        assert (await caller.next("response_done")).response_done.heard_text.startswith("Harbour Bakery")
        assert is_chinese(await said(caller, "请问你们星期六几点开门？"))
