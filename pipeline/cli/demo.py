"""``voicepipe demo``: start the service, call it, hear the answers."""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.caller.plan import CallPlan
from pipeline.caller.report import CallReport
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
    if missing := unanswered([question.name for question in questions], report):
        complain(f"not every question was answered; see the log: {'; '.join(missing)}")
        raise typer.Exit(1)


def unanswered(questions: Sequence[str], report: CallReport) -> list[str]:
    """Return the questions that were not answered to their end.

    Who pauses inside a question is sometimes taken to be done; the answer to the beginning is dropped then, and both
    parts are answered together. So the last turn of a question decides, and each question wants an answer of its own.
    """
    missing = []
    for question, asked in Counter(questions).items():
        statuses = [turn.status for turn in report.turns if turn.utterance == question]
        if statuses.count("completed") < asked or statuses[-1] != "completed":
            missing.append(question)
    return missing
