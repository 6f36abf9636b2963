"""The service as an operator sees it: starting, stopping, and engines that are away or hang."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import anyio
import anyio.lowlevel
import grpc.aio
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from pipeline.audio.wav import read_wav
from pipeline.caller.errors import CallError
from pipeline.caller.place import place_call
from pipeline.caller.plan import CallPlan
from pipeline.cli.service import Service
from pipeline.entrances.generated.voicepipe.v1 import catalog_pb2, catalog_pb2_grpc, output_pb2
from tests.e2e.conftest import AGENT, CONFIG
from tests.e2e.service import running
from tests.e2e.test_calls import spoken
from tests.entrances.calls import Caller
from tests.ollama_server import OllamaServer

pytestmark = [pytest.mark.e2e, pytest.mark.anyio, pytest.mark.timeout(300)]

NOBODY = "http://127.0.0.1:9"
"""The discard port: nothing listens there."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "line.toml").write_text(AGENT)
    return tmp_path


def voicepipe(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pipeline", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)


async def ready(service: Service) -> int:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"http://{service.http}/readyz")).status_code


def settings(folder: Path, text: str) -> str:
    file = folder / "wrong.toml"
    file.write_text(text)
    return str(file)


async def test_nothing_claims_to_be_ready_before_the_models_are_warm(folder: Path, ollama_server: str) -> None:
    config = CONFIG.format(agents=folder / "agents", ollama=ollama_server)
    with running(config, folder, until="listening") as service:
        async with grpc.aio.insecure_channel(service.grpc) as channel:
            check = health_pb2_grpc.HealthStub(channel).Check
            before = await check(health_pb2.HealthCheckRequest())
            assert await ready(service) == 503
            with pytest.raises(CallError, match="loaded"):
                await place_call(CallPlan(utterances=(), server=service.grpc))
            service.wait_for("ready")
            after = await check(health_pb2.HealthCheckRequest(service="voicepipe.v1.ConversationService"))
        assert await ready(service) == 200
        assert before.status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert after.status == health_pb2.HealthCheckResponse.SERVING
        assert service.stop() == 0


async def test_a_second_signal_in_mid_reply_hangs_up_and_leaves_a_clean_log(folder: Path, ollama_server: str) -> None:
    (folder / "agents" / "line.toml").write_text(AGENT.replace("line.", "line, " + "and it goes on, " * 20))
    config = CONFIG.format(agents=folder / "agents", ollama=ollama_server)
    with running(config, folder) as service:
        async with grpc.aio.insecure_channel(service.grpc) as channel:
            caller = Caller(channel)
            await caller.start()
            await caller.next("audio")
            service.process.terminate()
            await caller.next("going_away")
            assert await ready(service) == 503
            service.process.terminate()
            assert (await caller.next("ended")).ended.reason == output_pb2.END_REASON_DRAINING
            assert (await caller.refusal()).reason == "DRAINING"
        assert service.process.wait(30.0) == 0
        lines = [json.loads(line) for line in service.log.read_text().splitlines()]
    assert [line["reason"] for line in lines if line["event"] == "call ended"] == ["draining"]
    assert [line for line in lines if "exception" in line or line["level"] == "error"] == []


async def test_agents_are_read_anew_while_a_call_goes_on(folder: Path, ollama_server: str) -> None:
    config = CONFIG.format(agents=folder / "agents", ollama=ollama_server)
    with running(config, folder) as service:
        async with grpc.aio.insecure_channel(service.grpc) as channel:
            caller = Caller(channel)
            await caller.start()
            await caller.next("audio")
            (folder / "agents" / "line.toml").write_text("persona = 1")
            service.process.send_signal(signal.SIGHUP)
            await logged(service, "agents stay as they are")
            (folder / "agents" / "line.toml").write_text(AGENT.replace("the test line", "the new line"))
            (folder / "agents" / "other.toml").write_text(AGENT)
            service.process.send_signal(signal.SIGHUP)
            await logged(service, "agents read anew")
            listed = await catalog_pb2_grpc.CatalogServiceStub(channel).ListAgents(catalog_pb2.ListAgentsRequest())
            assert [agent.agent_id for agent in listed.agents] == ["line", "other"]
            (*_, last) = await caller.rest()
            assert last.ended.reason == output_pb2.END_REASON_CLIENT
        report = await place_call(CallPlan(utterances=(), server=service.grpc))
        assert report.prompts[0].text == "Hello, this is the new line."


async def logged(service: Service, event: str) -> None:
    """Wait until the service has logged ``event``."""
    with anyio.fail_after(30):
        while event not in service.log.read_text():
            await anyio.lowlevel.checkpoint()


async def test_an_ollama_server_that_hangs_costs_a_phrase_and_not_the_call(
    folder: Path, narrow_ollama: OllamaServer
) -> None:
    config = CONFIG.format(agents=folder / "agents", ollama=narrow_ollama.url)
    with running(config.replace("num_predict", "first_token_timeout = 2.0\nnum_predict"), folder) as service:
        os.kill(narrow_ollama.process.pid, signal.SIGSTOP)
        try:
            plan = CallPlan(utterances=spoken("conf-invalidpin", "conf-extended"), server=service.grpc)
            report = await place_call(plan)
        finally:
            os.kill(narrow_ollama.process.pid, signal.SIGCONT)
        assert [turn.status for turn in report.turns] == ["degraded", "degraded"]
        assert report.turns[0].heard.startswith("I am sorry")
        assert any("TIMEOUT" in notice.reason for notice in report.notices)
        healed = await place_call(CallPlan(utterances=spoken("conf-extended"), server=service.grpc))
        assert healed.turns[0].status == "completed"


async def test_an_ollama_server_that_dies_costs_a_phrase_and_not_the_call(
    folder: Path, narrow_ollama: OllamaServer
) -> None:
    config = CONFIG.format(agents=folder / "agents", ollama=narrow_ollama.url)
    with running(config, folder) as service:
        narrow_ollama.process.kill()
        narrow_ollama.process.wait()
        report = await place_call(CallPlan(utterances=spoken("conf-extended"), server=service.grpc))
        assert report.turns[0].status == "degraded"
        assert any("UNREACHABLE" in notice.reason for notice in report.notices)


def test_a_service_whose_engine_is_away_says_what_to_type_and_stops(folder: Path) -> None:
    config = CONFIG.format(agents=folder / "agents", ollama=NOBODY)
    done = voicepipe("serve", "--config", settings(folder, config), "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0")
    assert done.returncode == 1
    assert NOBODY in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_key_is_named_with_what_is_allowed(folder: Path) -> None:
    done = voicepipe("serve", "--config", settings(folder, "[endpointing]\nsilense = 0.5\n"))
    assert done.returncode == 1
    assert "endpointing.silense" in done.stderr
    assert "silence" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_model_with_one_flipped_bit_is_refused_by_name(folder: Path, model_cache: Path) -> None:
    shutil.copytree(model_cache / "models" / "silero-vad", folder / "models" / "silero-vad")
    file = folder / "models" / "silero-vad" / "silero_vad.onnx"
    flipped = bytearray(file.read_bytes())
    flipped[len(flipped) // 2] ^= 1
    file.write_bytes(flipped)
    done = voicepipe("serve", "--config", settings(folder, f'[models]\ncache = "{folder}"\n'), "--grpc", "127.0.0.1:0")
    assert done.returncode == 1
    assert "silero_vad.onnx" in done.stderr
    assert "fix: voicepipe models pull silero-vad" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_agent_that_does_not_exist_is_named(folder: Path) -> None:
    done = voicepipe("serve", "--config", settings(folder, 'agent = "nobody"\n'), "--grpc", "127.0.0.1:0")
    assert done.returncode == 1
    assert "nobody.toml" in done.stderr


def test_a_service_whose_agents_need_a_key_does_not_start_without_it_and_makes_none(folder: Path) -> None:
    (folder / "agents" / "line.toml").write_text(AGENT + '[privacy]\nkept = "pseudonym"\n')
    config, key = f'agent = "line"\nagents = "{folder / "agents"}"\n', folder / "key"
    unnamed = voicepipe("serve", "--config", settings(folder, config), "--grpc", "127.0.0.1:0")
    assert (unnamed.returncode, "agent line: privacy.kept" in unnamed.stderr) == (1, True)
    config += f'[records]\nkey = "{key}"\n'
    missing = voicepipe("serve", "--config", settings(folder, config), "--grpc", "127.0.0.1:0")
    assert (missing.returncode, key.exists()) == (1, False)
    assert f"records.key: {key} does not exist" in missing.stderr
    assert "fix: voicepipe calls key" in missing.stderr


def test_a_language_that_the_recognizer_does_not_know_is_named(folder: Path) -> None:
    (folder / "agents" / "line.toml").write_text(AGENT + 'language = "de"\n')
    config = f'agent = "line"\nagents = "{folder / "agents"}"\n'
    done = voicepipe("serve", "--config", settings(folder, config), "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0")
    assert done.returncode == 1
    assert "agent line: whisper-tiny.en does not know 'de'" in done.stderr


def test_check_says_that_everything_is_there(folder: Path) -> None:
    done = voicepipe("check", "--json", "--config", settings(folder, f'[dialog]\nollama_url = "{NOBODY}"\n'))
    findings = {finding["what"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == 0
    assert findings["model for recognition"]["ok"]
    assert findings[f"ollama at {NOBODY}"]["state"] == "does not answer"
    assert findings["embedded llama.cpp"]["state"] == "would answer"


def test_the_demo_gives_the_right_answers(folder: Path) -> None:
    away = settings(folder, f'[dialog]\nollama_url = "{NOBODY}"\n')
    done = voicepipe("demo", "--config", away, "--out", str(folder / "out"))
    shown = " ".join(done.stdout.split())
    assert done.returncode == 0, done.stderr
    # The model's own choice, which differs with how the prompt was cut into batches.
    assert "eight in the morning" in shown or "8 in the morning" in shown
    assert "four dollars and fifty cents" in shown
    assert "five dollars" in shown
    assert "response_gap" in shown
    assert read_wav(folder / "out" / "demo.wav").duration > 15
