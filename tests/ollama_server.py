"""A real Ollama server of our own: on a free loopback port, with a models folder in the cache, stopped at the end."""

import fcntl
import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from pipeline.models import catalog
from pipeline.models.ollama_registry import OllamaRegistry, client
from pipeline.models.store import Store, cache_folder
from pipeline.settings import SHARE

FINDER = SHARE / "scripts" / "ollama.sh"
START_SECONDS = 30


class OllamaServer:
    """A running server."""

    def __init__(self, url: str, cache: Path, process: "subprocess.Popen[bytes]") -> None:
        self.url = url
        self.process = process
        self._cache = cache

    def runners(self) -> list[int]:
        """Return the processes that its models run in."""
        threads = Path(f"/proc/{self.process.pid}/task").iterdir()
        return [int(child) for thread in threads for child in (thread / "children").read_text().split()]

    def register(self, name: str) -> str:
        """Make the server know a model of the catalog and return its name; an instant when it does already."""
        store = Store(self._cache, catalog.read(SHARE / "models" / "catalog.toml"))
        # Servers of other test runs share the models folder; two that make one model would write the same manifest.
        with (self._cache / "ollama" / "lock").open("w") as lock, client(self.url) as http:
            fcntl.flock(lock, fcntl.LOCK_EX)
            OllamaRegistry(http, store, SHARE / "models").register(name)
        return name


def binary(environment: Mapping[str, str]) -> str:
    """Return the path of an Ollama binary. Raises RuntimeError that says how to get one."""
    found = subprocess.run([str(FINDER), "--find"], env=dict(environment), capture_output=True, text=True, check=False)
    if found.returncode:
        raise RuntimeError(found.stderr.strip())
    return found.stdout.splitlines()[-1]


@contextmanager
def serving(environment: Mapping[str, str], slots: int = 1) -> Iterator[OllamaServer]:
    """Start a server that writes ``slots`` replies at once, wait until it answers, and stop it in the end."""
    cache = cache_folder(None, environment)
    home = cache / "ollama"
    home.mkdir(parents=True, exist_ok=True)
    host = f"127.0.0.1:{_free_port()}"
    own = {
        "HOME": str(home),  # it writes a key pair there
        "OLLAMA_HOST": host,
        "OLLAMA_MODELS": str(home / "models"),
        "OLLAMA_NOPRUNE": "1",  # a starting server would delete what another one is just being given
        "OLLAMA_NUM_PARALLEL": str(slots),
        "OLLAMA_KEEP_ALIVE": "-1",
    }
    log = home / f"serve-{os.getpid()}.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            [binary(environment), "serve"],
            env={**environment, **own},
            stdout=out,
            stderr=out,
            process_group=0,
        )
    try:
        _wait_until_it_answers(server, f"http://{host}", log)
        yield OllamaServer(f"http://{host}", cache, server)
    finally:
        _stop(server)
        log.unlink(missing_ok=True)


def _stop(server: "subprocess.Popen[bytes]") -> None:
    """Stop the server, and its runners: those of a server that was killed outlive it."""
    server.terminate()
    server.wait(10)
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_answers(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    for _ in range(START_SECONDS * 20):
        try:
            httpx.get(f"{url}/api/version", timeout=1).raise_for_status()
        except httpx.TransportError:
            try:
                server.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            raise RuntimeError(f"ollama serve ended at once:\n{log.read_text()}") from None
        else:
            return
    raise RuntimeError(f"ollama serve did not answer within {START_SECONDS} s:\n{log.read_text()}")
