"""``voicepipe demo``: start the service, call it, hear the answers."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.caller.plan import CallPlan
from pipeline.cli.call import Screen, placed, spoken
from pipeline.cli.screen import Config, Profile, complain, opened, told

QUESTIONS = (
    "What time do you open on Saturday?",
    "How much is a sourdough loaf?",
    "Do you deliver, and what does it cost?",
)
STOPPING = 20.0
"""Seconds that the service has to stop before it is killed."""


def demo(
    *,
    profile: Profile = "",
    config: Config = None,
    say: Annotated[list[str] | None, typer.Option(help="Ask this instead; may be repeated.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the recording and the service's log.")] = Path("out"),
) -> None:
    """Run the service on free ports, ask it questions in one real call, record the call and stop the service."""
    console = Console()
    with told():
        questions = spoken(say or QUESTIONS, *opened(profile, config))
        out.mkdir(parents=True, exist_ok=True)
        with _service(console, profile, config, out / "service.log") as address:
            plan = CallPlan(utterances=tuple(questions), server=address)
            report = placed(plan, record=out / "demo.wav", screen=Screen(console))
        console.print(f"the call as heard (caller left, service right): {out / 'demo.wav'}")
        console.print(f"the service's log: {out / 'service.log'}")
    if any(turn.status != "completed" for turn in report.turns) or len(report.turns) < len(questions):
        complain("not every question was answered; see the log")
        raise typer.Exit(1)


@contextmanager
def _service(console: Console, profile: str, config: Path | None, log: Path) -> Iterator[str]:
    """Run the service while the context lasts; give its address once it takes calls."""
    command = [sys.executable, "-m", "pipeline", "serve", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"]
    command += [*(("--profile", profile) if profile else ()), *(("--config", str(config)) if config else ())]
    with (
        log.open("w") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        try:
            with console.status("starting the service: loading and warming the models"):
                address = _until_ready(process, log)
            yield address
        finally:
            process.terminate()
            try:
                process.wait(STOPPING)
            except subprocess.TimeoutExpired:
                process.kill()


def _until_ready(process: "subprocess.Popen[str]", log: Path) -> str:
    """Return the service's address. Exits with the end of its log when it stops instead."""
    address = ""
    for line in process.stdout or ():
        if line.startswith("listening "):
            address = dict(part.split("=", 1) for part in line.split()[1:])["grpc"]
        if line.startswith("ready"):
            return address
    complain(f"the service did not start; its log, {log}, ends with:\n{_tail(log.read_text().splitlines())}")
    raise typer.Exit(1)


def _tail(lines: Sequence[str]) -> str:
    return "\n".join(lines[-10:])
