"""A service of one's own: a child process on free ports, for the demo, the benchmarks and the tests."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import PipelineError

STOPPING = 30.0
"""Seconds that a service has to stop before it is killed."""


class ServiceError(PipelineError):
    """The service did not start; the message ends with what it logged last."""

    stage = "service"


@dataclass(slots=True)
class Service:
    """A running service."""

    process: "subprocess.Popen[str]"
    log: Path
    grpc: str = ""
    """HOST:PORT."""
    http: str = ""
    """HOST:PORT of metrics and health."""
    web: str = ""
    """HOST:PORT of the page, where the settings open it."""

    def wait_for(self, word: str) -> None:
        """Read standard output until a line begins with ``word``. Raises ServiceError when the service stops before."""
        for line in self.process.stdout or ():
            if line.startswith("listening "):
                parts = dict(part.split("=", 1) for part in line.split()[1:])
                self.grpc, self.http, self.web = parts["grpc"], parts["http"], parts.get("web", "")
            if line.startswith(word):
                return
        tail = "\n".join(self.log.read_text(encoding="utf-8").splitlines()[-10:])
        raise ServiceError("not-started", f"the service did not start; its log, {self.log}, ends with:\n{tail}")

    def stop(self) -> int:
        """Send SIGTERM and return the exit status. Raises subprocess.TimeoutExpired when it does not stop."""
        self.process.terminate()
        return self.process.wait(STOPPING)


@contextmanager
def running(*, profile: str = "", config: Path | None = None, log: Path, until: str = "ready") -> Iterator[Service]:
    """Run the service while the context lasts, from the moment at which it has said ``until``. Raises ServiceError.

    Its records lie beside its log, and not among those of the service that the settings are for.
    """
    command = [sys.executable, "-m", "pipeline", "serve", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"]
    command += ["--records", str(log.with_name("records.sqlite"))]
    command += [*(("--profile", profile) if profile else ()), *(("--config", str(config)) if config else ())]
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("w", encoding="utf-8") as errors,
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
