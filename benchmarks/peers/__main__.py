"""Voicepipe and its peers on the same recordings, in one run, block by block in turn.

    scripts/peers.sh                                     makes the peers' environment, once
    python -m benchmarks.peers                           with a stub for a language model: the pipelines alone
    python -m benchmarks.peers --llm smollm2             with a real Ollama server; also --llm qwen
    python -m benchmarks.peers --turns 5 --pauses 0      a quick look

Arms: ``voicepipe``; ``pipecat`` as it comes; ``pipecat-tuned`` with one thread for Piper; ``chain``,
wyoming-faster-whisper and wyoming-piper over TCP. ``--arm`` takes some of them only, and two more: ``chain-short``, the
chain with the silence of Voicepipe's default, and ``voicepipe-patient``, Voicepipe with the chain's. All have the same
whisper and Piper files and the same language model with the same prompt and options.

A call is a block of five recordings; every arm has the same call, one after the other, and the order changes from
block to block. Recordings are streamed in real time, 20 ms a frame, silence around them. The gap is the time from the
last sample of a recording over -40 dBFS to the first one of a reply. A reply that begins before the end is a false
cut-off and has no part in the percentiles; if the last reply comes after the end, its gap has. An answer that
begins after 8 s is none. The next recording begins when the reply is over and all has been quiet for 0.5 s.

What is unequal between the arms stands in the result (``unequal``) and in ``benchmarks/peers/arms.py``. Takes about
14 s for each turn of each arm: 80 turns and four arms 75 minutes. The result is written after every block, so a run
may be stopped.
"""

import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from rich.console import Console
from rich.progress import Progress

from benchmarks.peers.arms import DEFAULT_ARMS, PACKAGES, Arm, Setting
from benchmarks.peers.child import versions
from benchmarks.peers.language import OPTIONS, Choice, language_model
from benchmarks.peers.measure import WAIT_MS
from benchmarks.peers.report import table
from benchmarks.peers.run import PER_CALL, Run, blocks, described, measure
from benchmarks.peers.stub import REPLY
from benchmarks.peers.telephone import FRAME, PAUSE
from benchmarks.peers.verify import read_back
from benchmarks.report.results import write_result
from benchmarks.wer import RESULTS
from pipeline.cli.screen import opened, told
from pipeline.core.errors import PipelineError
from pipeline.settings import SHARE


def main(  # noqa: PLR0913  a command's options are its arguments
    *,
    llm: Annotated[Choice, typer.Option(help="The language model of all arms.")] = Choice.STUB,
    reply: Annotated[str, typer.Option(help="What the stub says.")] = REPLY,
    turns: Annotated[int, typer.Option(help="Sayings of one breath.", min=1)] = 60,
    pauses: Annotated[int, typer.Option(help="Sayings with a pause inside.", min=0)] = 20,
    arm: Annotated[list[Arm] | None, typer.Option(help="Only these; may be repeated.")] = None,
    stop_secs: Annotated[float, typer.Option(help="Pipecat's wait when smart-turn says incomplete.")] = 3.0,
    silence: Annotated[float, typer.Option(help="That ends a command of the chain.")] = 0.7,
    seed: Annotated[int, typer.Option(help="Chooses the recordings.")] = 1,
    folder: Annotated[Path, typer.Option(help="For logs and recordings of the calls.")] = Path("out/peers"),
    out: Annotated[Path | None, typer.Option(help="The result's file; default: benchmarks/results/.")] = None,
) -> None:
    """Measure, print the figures and keep them as JSON."""
    file, arms = out or RESULTS / f"peers-{llm}.json", arm or list(DEFAULT_ARMS)
    folder.mkdir(parents=True, exist_ok=True)
    with told():
        python, store = environment(), opened("", None)[1]
        calls = blocks(turns, pauses, seed)
        with language_model(llm, reply) as language:
            setting = Setting(store, language, python, folder, stop_secs, silence)
            said = reply if llm is Choice.STUB else None
            about = {
                "about": {
                    "llm": llm,
                    "model": language.model,
                    "reply": said,
                    "options": OPTIONS,
                    "seed": seed,
                    **RULES,
                },
                "peers_packages": versions(python, PACKAGES),
                **described(arms, setting),
            }
            with Progress(console=Console(stderr=True), refresh_per_second=REFRESH) as progress:
                keep = partial(_keep, file, arms, about)
                run = uvloop.run(measure(calls, arms, setting, progress, keep))
        result: dict[str, Any] = run.to_json(arms, about)
        result["read_back"] = uvloop.run(read_back(store, run.replies))
        write_result(file, result)
    _shown(result)
    sys.stdout.write(f"{file}\n")


def _keep(file: Path, arms: Sequence[Arm], about: dict[str, Any], run: Run) -> None:
    write_result(file, run.to_json(arms, about))


def _shown(result: dict[str, Any]) -> None:
    console = Console(width=WIDTH)
    for kind, figures in result["measured"].items():
        console.print(table(kind, figures))
    for name, entry in result["read_back"].items():
        console.print(f"{name}: {entry['replies']} replies read back, {entry['word_error_rate']:.1%} word errors")
    for entry in result["broken"]:
        console.print(f"broken: {entry}")


WIDTH = 110
"""Characters of the tables, also where the output is no terminal."""
REFRESH = 1
"""Of the progress bar, a second: it shares the processor with what is measured."""
RULES = {
    "turns_per_conversation": PER_CALL,
    "frame_ms": round(FRAME * 1000),
    "quiet_before_next_ms": round(PAUSE * 1000),
    "answers_begin_within_ms": round(WAIT_MS),
}


def environment() -> Path:
    """Return the Python of the peers' environment, which is made if need be. Raises PipelineError."""
    made = subprocess.run([SHARE / "scripts" / "peers.sh"], capture_output=True, text=True, check=False)
    if made.returncode:
        raise PipelineError("no-peers", f"scripts/peers.sh failed:\n{made.stderr.strip()}")
    return Path(made.stdout.splitlines()[-1])


if __name__ == "__main__":
    typer.run(main)
