"""What a caller types or says, and a model repeats, is found nowhere beside the call: in no file, metric or export."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import anyio
import grpc.aio
import pytest
from typer.testing import CliRunner, Result

from pipeline import configuration
from pipeline.caller.place import place_call
from pipeline.caller.plan import CallPlan
from pipeline.cli import app
from pipeline.cli.call import spoken
from pipeline.cli.service import Service
from pipeline.entrances.generated.voicepipe.v1 import conversation_pb2, input_pb2
from pipeline.entrances.generated.voicepipe.v1.config_pb2 import Caller as CallerMessage
from pipeline.entrances.generated.voicepipe.v1.config_pb2 import OutputConfig
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2_grpc import ConversationServiceStub
from pipeline.models import catalog
from pipeline.models.store import Store
from pipeline.store import keys
from tests.e2e.service import running
from tests.entrances.calls import Caller
from tests.store.records import everything

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

TYPED = (
    "My phone number is 415-555-2672 and my card 4111 1111 1111 1111, mail joe.smith@example.com, "
    "我的身份证号是11010519491231002X, or call four one five five five five two six seven three."
)
SAID = ("My phone number is four one five, five five five, two six seven two.",)
REPEATED = f"You said: {TYPED} Is that right?"
NEEDLES = (
    b"4155552672",
    b"4155552673",
    b"fouronefivefivefivefivetwosixseven",
    b"4111111111111111",
    b"joesmith",
    b"joeexamplecom",
    b"11010519491231002",
)
"""Parts of what is secret, without what may stand between."""

CONFIG = """
agent = "line"
agents = "{folder}/agents"
[dialog]
engine = "ollama"
ollama_url = "{model}"
models = ["stub"]
num_predict = 400
[speaking]
speed = 2.0
phrases_mib = 0
[records]
file = "{folder}/records.sqlite"
[log]
level = "debug"
pii = true
"""
AGENT = 'name = "Line"\npersona = "You repeat what you hear."\n'
NAMES = '[privacy]\nkept = "pseudonym"\n'
RESTORE = "[records.tenants.default]\nrestore = true\n"


@pytest.fixture
def parrot() -> Iterator[str]:
    """A model that always says the same: what the caller types, and a text with it."""
    command = [sys.executable, "-m", "benchmarks.peers.stub", "--rate", "500", "--reply", REPEATED]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.terminate()


@pytest.fixture
def service(parrot: str, tmp_path: Path) -> Iterator[Service]:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "line.toml").write_text(AGENT)
    with running(CONFIG.format(folder=tmp_path, model=parrot), tmp_path) as service:
        yield service


@contextmanager
def naming(model: str, folder: Path, tenant: str = "") -> Iterator[Service]:
    """Serve an agent whose records hold pseudonyms; the key lies apart from all that is searched."""
    (folder / "agents").mkdir()
    (folder / "agents" / "line.toml").write_text(AGENT + NAMES)
    key = folder.with_name(f"{folder.name}-key")
    keys.make(key)
    config = CONFIG.replace("[records]", f'[records]\nkey = "{key}"').format(folder=folder, model=model)
    with running(config + tenant, folder) as service:
        yield service


def found(haystack: bytes) -> list[bytes]:
    """Return what of the secrets stands in these bytes, with anything between its parts."""
    bare = re.sub(rb"[^a-z0-9]", b"", haystack.lower())
    return [needle for needle in NEEDLES if needle in bare]


def exported(folder: Path) -> bytes:
    """Return what every command tells of the calls."""
    commands = (("calls", "list", "--json"), ("calls", "export"), ("feedback", "export"))
    told = b""
    for command in commands:
        line = [sys.executable, "-m", "pipeline", *command, "--config", str(folder / "settings.toml")]
        told += subprocess.run(line, capture_output=True, check=True, timeout=60).stdout
    return told


def commanded(folder: Path, *command: str) -> Result:
    return CliRunner().invoke(app, [*command, "--config", str(folder / "settings.toml")])


def scraped(service: Service) -> bytes:
    with urlopen(f"http://{service.http}/metrics", timeout=10) as answer:
        return bytes(answer.read())


async def type_it(service: Service) -> bytes:
    """Type the secrets in a call, hear the answer, give feedback with them; return all that the client was told."""
    async with grpc.aio.insecure_channel(service.grpc) as channel:
        caller = Caller(channel)
        started = await caller.start(
            conversation_id="canary",
            caller=CallerMessage(training_consent=True),
            output=OutputConfig(interim_transcripts=True),
        )
        await caller.send(text=input_pb2.TextInput(text=TYPED))
        for digit in "4111111111111111#":
            await caller.send(dtmf=input_pb2.DtmfInput(digit=digit))
        messages = [started, await caller.next("transcript"), await caller.next("response_done"), *await caller.rest()]
        feedback = conversation_pb2.SubmitFeedbackRequest(
            conversation_id="canary", turn_id=1, correction=TYPED, comment=TYPED, idempotency_key="k"
        )
        await ConversationServiceStub(channel).SubmitFeedback(feedback)
    return b"".join(message.SerializeToString() for message in messages)


def test_a_typed_secret_is_nowhere(service: Service, tmp_path: Path) -> None:
    assert set(found(TYPED.encode() + b" 4155552673")) >= set(NEEDLES) - {b"joeexamplecom"}
    told = anyio.run(type_it, service)
    assert found(told) == []
    assert b"[card number]" in told
    on_disk, exports, metrics = everything(tmp_path), exported(tmp_path), scraped(service)
    assert b"[phone number] and my card [card number], mail [email address]" in on_disk
    assert b'"pii_text": "You said: My phone number is a phone number' in on_disk
    assert b"[email address]" in exports
    assert [found(where) for where in (on_disk, exports, metrics)] == [[], [], []]
    assert service.stop() == 0
    assert found(everything(tmp_path)) == []


@pytest.mark.parametrize("tenant", ["", RESTORE])
def test_with_pseudonyms_a_typed_secret_is_nowhere_either_and_comes_back_only_by_the_key(
    parrot: str, tmp_path: Path, tenant: str
) -> None:
    with naming(parrot, tmp_path, tenant) as service:
        told = anyio.run(type_it, service)
        assert found(told) == []
        assert (b"[card number]" in told, "⟨".encode() in told) == (True, False)
        on_disk, exports, metrics = everything(tmp_path), exported(tmp_path), scraped(service)
        names = set(re.findall("⟨[a-z_]+:[a-p]{16}⟩".encode(), exports))
        assert {name.split(b":")[0].decode() for name in names} == {"⟨phone", "⟨card", "⟨email", "⟨cn_id"}
        assert all(name in on_disk for name in names)
        assert b'"pii_text": "My phone number is \\u27e8phone:' in on_disk
        key = tmp_path.with_name(f"{tmp_path.name}-key").read_text().strip()
        for secrets in (on_disk, exports, metrics):
            assert (found(secrets), key.encode() in secrets, bytes.fromhex(key) in secrets) == ([], False, False)
        assert service.stop() == 0
    assert found(everything(tmp_path)) == []
    restored = commanded(tmp_path, "calls", "show", "canary", "--restore")
    assert (TYPED in restored.stdout) is bool(tenant)
    tmp_path.with_name(f"{tmp_path.name}-key").unlink()
    assert commanded(tmp_path, "calls", "show", "canary", "--restore").exit_code == 1
    assert commanded(tmp_path, "calls", "delete", "canary").exit_code == 0
    left = b"".join(file.read_bytes() for file in tmp_path.glob("records.sqlite*"))
    assert [name for name in names if name in left] == []


def test_a_spoken_secret_is_nowhere(service: Service, tmp_path: Path, model_cache: Path) -> None:
    settings = configuration.load(config=tmp_path / "settings.toml")
    utterances = spoken(SAID, settings, Store(model_cache, catalog.read(settings.models.catalog)))
    report = anyio.run(place_call, CallPlan(utterances=tuple(utterances), server=service.grpc))
    understood = " ".join(turn.transcript for turn in report.turns)
    assert "[phone number]" in understood
    assert service.stop() == 0
    on_disk = everything(tmp_path)
    assert b"[phone number]" in on_disk
    assert found(on_disk + exported(tmp_path)) == []
    assert re.findall(rb"(?:\d[ -]?){3}555[ -]?2672", on_disk) == []
