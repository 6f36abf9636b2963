"""Runs the real service as a process of its own, as an operator would."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

STOPPING = 30.0


@dataclass
class Service:
    """A running service."""

    process: "subprocess.Popen[str]"
    log: Path
    grpc: str = ""
    http: str = ""

    def wait_for(self, word: str) -> None:
        """Read standard output until a line begins with ``word``."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("listening "):
                parts = dict(part.split("=", 1) for part in line.split()[1:])
                self.grpc, self.http = parts["grpc"], parts["http"]
            if line.startswith(word):
                return
        raise AssertionError(f"the service stopped before it was {word}:\n{self.log.read_text()[-3000:]}")

    def metrics(self) -> dict[str, float]:
        """Return every sample of a scrape by its name and labels."""
        with urlopen(f"http://{self.http}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        samples = re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", text, flags=re.MULTILINE)
        return {name: float(value) for name, value in samples}

    def threads(self) -> int:
        """Return how many threads the process has."""
        return len(list(Path(f"/proc/{self.process.pid}/task").iterdir()))

    def stop(self) -> int:
        """Send SIGTERM and return the exit status."""
        self.process.terminate()
        return self.process.wait(STOPPING)


@contextmanager
def running(config: str, folder: Path, *, until: str = "ready") -> Iterator[Service]:
    """Run the service with these settings (TOML) on free ports until the context ends."""
    file, log = folder / "settings.toml", folder / "service.log"
    file.write_text(config)
    command = [sys.executable, "-m", "pipeline", "serve", "--config", str(file)]
    command += ["--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"]
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        service = Service(process, log)
        try:
            service.wait_for(until)
            yield service
        finally:
            if process.poll() is None:
                try:
                    service.stop()
                except subprocess.TimeoutExpired:
                    process.kill()
