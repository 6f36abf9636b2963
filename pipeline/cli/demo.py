"""``voicepipe demo``: start the service, call it, hear the answers."""

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.caller.plan import CallPlan
from pipeline.cli.call import Screen, placed, spoken
from pipeline.cli.screen import Config, Profile, complain, opened, told
from pipeline.cli.service import running

QUESTIONS = (
    "What time do you open on Saturday?",
    "How much is a sourdough loaf?",
    "Do you deliver, and what does it cost?",
)


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
        with ExitStack() as stack:
            with console.status("starting the service: loading and warming the models"):
                service = stack.enter_context(running(profile=profile, config=config, log=out / "service.log"))
            plan = CallPlan(utterances=tuple(questions), server=service.grpc)
            report = placed(plan, record=out / "demo.wav", screen=Screen(console))
        console.print(f"the call as heard (caller left, service right): {out / 'demo.wav'}")
        console.print(f"the service's log: {out / 'service.log'}")
    if any(turn.status != "completed" for turn in report.turns) or len(report.turns) < len(questions):
        complain("not every question was answered; see the log")
        raise typer.Exit(1)
