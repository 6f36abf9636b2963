"""Agents read anew at SIGHUP: what was built for the old ones goes away with their last call, and is rehearsed anew."""

import signal
from pathlib import Path

import anyio
import grpc.aio
import pytest

from benchmarks.peers.language import Choice, language_model
from pipeline.cli.service import Service
from tests.e2e.conftest import CONFIG
from tests.e2e.service import metrics, running
from tests.e2e.test_bad_lines import SMOLLM2
from tests.entrances.calls import Caller

pytestmark = [pytest.mark.e2e, pytest.mark.anyio, pytest.mark.timeout(180)]

AGENT = """
name = "Line"
persona = "You keep a shop."

[knowledge]
folder = "faq"

[[tools]]
name = "stock"
description = "Says how many are left."
url = "https://shop.example/stock"
"""
SPOKEN = 'voicepipe_cache_stored_total{cache="speech"}'


def opening(folder: Path, text: str) -> None:
    (folder / "agents" / "faq").mkdir(parents=True, exist_ok=True)
    (folder / "agents" / "line.toml").write_text(AGENT)
    (folder / "agents" / "faq" / "faq.csv").write_text(f'question,answer\nAre you open on Sunday?,"{text}"\n')


def open_files(service: Service) -> int:
    """Return how many files of knowledge the process holds open."""
    links = Path(f"/proc/{service.process.pid}/fd").iterdir()
    return sum(".kb" in str(link.readlink()) for link in links if link.is_symlink())


async def read_anew(service: Service) -> None:
    event = "agents read anew"
    before = service.log.read_text().count(event)
    service.process.send_signal(signal.SIGHUP)
    with anyio.fail_after(60):
        while service.log.read_text().count(event) == before:
            await anyio.lowlevel.checkpoint()


async def asked(caller: Caller) -> str:
    await caller.send(text={"text": "Are you open on Sunday?"})
    return (await caller.next("response_done")).response_done.heard_text


async def test_calls_keep_what_they_began_with_and_nothing_is_left_open_behind_them(tmp_path: Path) -> None:
    opening(tmp_path, "No, on Sunday we are closed.")
    with language_model(Choice.STUB, "I do not know.") as model:
        config = CONFIG.format(agents=tmp_path / "agents", ollama=model.url).replace(SMOLLM2, model.model)
        with running(config, tmp_path) as service:
            async with grpc.aio.insecure_channel(service.grpc) as channel:
                old = Caller(channel)
                await old.start()
                assert await asked(old) == "No, on Sunday we are closed."
                for hour in ("nine", "ten", "eleven"):
                    opening(tmp_path, f"Yes, on Sunday from {hour}.")
                    await read_anew(service)
                    new = Caller(channel)
                    await new.start()
                    assert await asked(new) == f"Yes, on Sunday from {hour}."
                    await new.rest()
                assert await asked(old) == "No, on Sunday we are closed."
                await old.rest()
            with anyio.fail_after(30):
                while open_files(service) > 1:
                    await anyio.lowlevel.checkpoint()


async def test_approved_answers_are_rehearsed_again_when_they_have_changed(tmp_path: Path) -> None:
    opening(tmp_path, "No, on Sunday we are closed.")
    with language_model(Choice.STUB, "I do not know.") as model:
        config = CONFIG.format(agents=tmp_path / "agents", ollama=model.url).replace(SMOLLM2, model.model)
        with running(config, tmp_path) as service, anyio.fail_after(90):
            for entries, text in enumerate(("Yes, from nine.", "Yes, from ten."), start=2):
                while metrics(service).get(SPOKEN, 0) < entries - 1:
                    await anyio.lowlevel.checkpoint()
                opening(tmp_path, text)
                await read_anew(service)
                while metrics(service).get(SPOKEN, 0) < entries:
                    await anyio.lowlevel.checkpoint()
