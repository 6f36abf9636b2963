import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipeline.cli import app
from tests.ollama_server import OllamaServer

NAME = "smollm2-135m-instruct"
AGENT = 'name = "Line"\npersona = "You are a test."\n'
NOBODY = "http://127.0.0.1:9"
"""The discard port: nothing listens there."""


def run(*words: str, **settings: str) -> Result:
    return CliRunner().invoke(app, ["ollama", *words], env={"COLUMNS": "220"} | settings)


@pytest.fixture
def agents(tmp_path: Path) -> dict[str, str]:
    """Settings of a service with one agent, that has models of its own."""
    (tmp_path / "line.toml").write_text(
        f'{AGENT}[writing]\nnum_ctx = 1024\n[model]\nnames = ["absent:7b", "{NAME}"]\nsimple = "all-minilm-l6-v2"\n'
    )
    return {"VOICEPIPE_AGENTS": str(tmp_path), "VOICEPIPE_AGENT": "line"}


Answers = dict[str, bytes | list[dict[str, object]]]


@pytest.fixture
def stub() -> Iterator[Callable[[Answers], str]]:
    """Serve what a test says for each path, and return the address."""
    servers: list[ThreadingHTTPServer] = []

    def serve(answers: Answers) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                found = answers[self.path]
                body = (
                    found if isinstance(found, bytes) else b"".join(json.dumps(one).encode() + b"\n" for one in found)
                )
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST  # noqa: N815  the names that the library calls

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("words", [("list",), ("pull", "m"), ("show", "m"), ("warm", "m")])
def test_a_server_that_is_not_there_is_named_with_what_starts_one(words: tuple[str, ...]) -> None:
    shown = run(*words, "--ollama-url", NOBODY)
    assert shown.exit_code == 1
    assert f"no Ollama server at {NOBODY}" in shown.stderr
    assert "fix: ollama serve" in shown.stderr


@pytest.mark.parametrize("url", ["localhost:11434", "ftp://host", "http://"])
def test_an_address_that_is_none_is_named(url: str) -> None:
    shown = run("list", "--ollama-url", url)
    assert shown.exit_code == 1
    assert f"{url!r} is no address of a server" in shown.stderr


@pytest.mark.parametrize("body", [b"<html>It works!</html>", b"[]", b'{"models": [7], "details": 7}', b""])
def test_what_is_no_ollama_server_is_said(stub: Callable[[Answers], str], body: bytes) -> None:
    url = stub({"/api/ps": body, "/api/tags": body, "/api/show": body})
    for words in (("list",), ("show", "m")):
        shown = run(*words, "--ollama-url", url)
        assert (shown.exit_code, shown.stderr) == (1, f"what answers at {url} is no Ollama server\n")


def test_pull_tells_how_far_it_is(stub: Callable[[Answers], str]) -> None:
    layers: list[dict[str, object]] = [
        {"status": "pulling manifest"},
        {"status": "pulling a", "digest": "sha256:a", "total": 3_000_000},
        {"status": "pulling a", "digest": "sha256:a", "total": 3_000_000, "completed": 3_000_000},
        {"status": "pulling b", "digest": "sha256:b", "total": 1_000_000, "completed": 1_000_000},
        {"status": "verifying sha256 digest"},
        {"status": "success"},
    ]
    shown = run("pull", "m", "--ollama-url", stub({"/api/pull": layers}))
    assert shown.exit_code == 0
    assert "m: pulling manifest" in shown.stderr
    assert "4.0/4.0 MB" in shown.stderr
    assert "m: success" in shown.stderr


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        ([{"error": "pull model manifest: file does not exist"}], 2, "the registry has no model m"),
        ([{"error": "invalid model name"}], 2, "invalid model name"),
        ([{"error": "dial tcp: no such host"}], 1, "model m: dial tcp: no such host"),
        ([{"status": "pulling manifest"}], 1, "model m: the server broke off"),
        (b"<html>", 1, "is no Ollama server"),
        (b"[]", 1, "is no Ollama server"),
    ],
)
def test_a_pull_that_fails_says_why(
    stub: Callable[[Answers], str], answer: bytes | list[dict[str, object]], code: int, said: str
) -> None:
    shown = run("pull", "m", "--ollama-url", stub({"/api/pull": answer}))
    assert shown.exit_code == code
    assert said in shown.stderr


def test_a_model_of_the_catalog_that_the_registry_has_not_is_made_from_the_catalog(
    stub: Callable[[Answers], str],
) -> None:
    shown = run("pull", NAME, "--ollama-url", stub({"/api/pull": [{"error": "file does not exist"}]}))
    assert shown.stderr.splitlines()[-1] == f"fix: voicepipe models pull {NAME} && voicepipe ollama create {NAME}"


def test_create_wants_a_name_of_the_catalog() -> None:
    shown = run("create", "smollm3", "--ollama-url", NOBODY)
    assert shown.exit_code == 2
    assert "the catalog has no model 'smollm3'" in shown.stderr


def test_create_wants_the_files_to_be_here(tmp_path: Path) -> None:
    shown = run("create", NAME, "--ollama-url", NOBODY, VOICEPIPE_MODELS__CACHE=str(tmp_path))
    assert shown.exit_code == 1
    assert f"fix: voicepipe models pull {NAME}" in shown.stderr


def test_an_agent_that_does_not_exist_cannot_be_read_to_a_model() -> None:
    shown = run("warm", NAME, "--agent", "nobody", "--ollama-url", NOBODY)
    assert shown.exit_code == 1
    assert "no agent 'nobody'; there are: " in shown.stderr


@pytest.mark.engine
def test_list_shows_what_each_model_can_do_and_who_uses_it(ollama: OllamaServer, agents: dict[str, str]) -> None:
    names = [ollama.register(name) for name in (NAME, "qwen2.5-coder-1.5b-instruct", "all-minilm-l6-v2")]
    run("warm", NAME, "--agent", "line", "--ollama-url", ollama.url, **agents)
    shown = run("list", "--json", "--ollama-url", ollama.url, **agents)
    entries = {entry["name"]: entry for entry in json.loads(shown.stdout)}
    assert set(names) <= set(entries)
    assert entries[NAME]["used_by"] == ["agent line"]
    assert (entries[NAME]["quantisation"], entries[NAME]["parameter_size"]) == ("Q4_1", "134.52M")
    assert (entries[NAME]["loaded"], entries[NAME]["loaded_context"]) == (True, 1024)
    assert len(bytes.fromhex(entries[NAME]["digest"])) == 32
    assert "tools" in entries["qwen2.5-coder-1.5b-instruct"]["capabilities"]
    assert "embedding" in entries["all-minilm-l6-v2"]["capabilities"]
    assert entries["all-minilm-l6-v2"]["used_by"] == ["agent line, simple turns"]
    assert shown.stderr == "missing: absent:7b, for agent line\nfix: voicepipe ollama pull absent:7b\n"


@pytest.mark.engine
def test_list_draws_a_table(ollama_server: str) -> None:
    shown = run("list", "--ollama-url", ollama_server)
    (row,) = (line for line in shown.stdout.splitlines() if line.startswith(NAME))
    assert "98 MB" in row
    assert "Q4_1" in row
    narrow = run("list", "--ollama-url", ollama_server, COLUMNS="60")
    assert any(line.startswith(f"{NAME} ") for line in narrow.stdout.splitlines())


@pytest.mark.engine
def test_show_tells_the_context_the_parameters_and_the_template(ollama_server: str) -> None:
    shown = json.loads(run("show", NAME, "--json", "--ollama-url", ollama_server).stdout)
    assert (shown["context"], shown["capabilities"], shown["licence"]) == (8192, ["completion"], "Apache-2.0")
    assert "<|im_end|>" in shown["parameters"]
    assert "<|im_start|>" in shown["template"]
    assert "context: 8192" in run("show", NAME, "--ollama-url", ollama_server).stdout


@pytest.mark.engine
def test_a_model_that_the_server_has_not_is_named_with_those_that_come_close(ollama_server: str) -> None:
    for command in ("show", "warm"):
        shown = run(command, "smollm2-135m", "--ollama-url", ollama_server)
        assert shown.exit_code == 1
        assert f"has no model smollm2-135m; there are: {NAME}" in shown.stderr
        assert "fix: voicepipe ollama pull smollm2-135m" in shown.stderr


@pytest.mark.engine
def test_warm_loads_a_model_as_the_settings_say(ollama_server: str) -> None:
    settings = {"VOICEPIPE_DIALOG__NUM_CTX": "2048", "VOICEPIPE_DIALOG__KEEP_ALIVE": "10m"}
    shown = run("warm", NAME, "--ollama-url", ollama_server, **settings)
    assert shown.exit_code == 0, shown.stderr
    assert shown.stdout.startswith(f"{NAME}: warm after ")
    assert "num_ctx 2048, keep_alive 10m, " in shown.stdout
    listed = json.loads(run("list", "--json", "--ollama-url", ollama_server).stdout)
    assert [entry["loaded_context"] for entry in listed if entry["name"] == NAME] == [2048]


@pytest.mark.engine
def test_warm_loads_an_embedding_model_too(ollama: OllamaServer) -> None:
    shown = run("warm", ollama.register("all-minilm-l6-v2"), "--ollama-url", ollama.url)
    assert shown.exit_code == 0, shown.stderr
    assert "num_ctx" not in shown.stdout


@pytest.mark.engine
def test_create_makes_a_model_once(narrow_ollama: OllamaServer) -> None:
    shown = run("create", NAME, "--ollama-url", narrow_ollama.url)
    assert shown.exit_code == 0
    assert f"{NAME}: Ollama has it already" in shown.stderr


@pytest.mark.engine
def test_pull_of_a_name_that_is_none_is_refused_by_the_server(ollama_server: str) -> None:
    shown = run("pull", "no such/@@", "--ollama-url", ollama_server)
    assert shown.exit_code == 2
    assert "the registry has no model no such/@@: invalid model name" in shown.stderr
