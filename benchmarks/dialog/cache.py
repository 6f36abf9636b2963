"""Caches: how soon a question is answered that was answered before, or that has an approved answer.

    python -m benchmarks.dialog cache
    python -m benchmarks.dialog cache --shared        other work ran on the machine: the times are not for publication

The service runs in a process of its own, with a real Ollama server, real Piper and the documents of ``agents/shop``.
Real clients call it over gRPC. A question is the first of a call, so that its context is the same each time. It is
asked once, which the model has to answer, and then again and again. Typed turns have no speculation: all work begins
when the text arrives. What is measured is the time from the decided end of the turn to the first audio of the answer
that leaves the server, ``response_gap`` less ``endpointing``; for typed turns also what the client saw.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import anyio
import grpc.aio
import httpx
import typer
import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import machine
from benchmarks.dialog.answers import PERSONAS
from benchmarks.peers.arms import COMPUTE_TYPE, VOICE, WHISPER
from benchmarks.peers.language import Choice, language_model
from benchmarks.peers.own import written
from benchmarks.peers.stub import REPLY
from benchmarks.report.results import write_result
from benchmarks.speech import Saying
from benchmarks.wer import RESULTS, tails
from pipeline.caller.place import place_call
from pipeline.caller.plan import CallPlan, Encoding, Utterance
from pipeline.cli.screen import opened, told
from pipeline.cli.service import Service, running
from pipeline.core.clock import MonotonicClock
from pipeline.core.pcm import joined, silence
from pipeline.dialog.agents import load
from pipeline.dialog.cache import CACHED
from pipeline.dialog.knowledge.build import build
from pipeline.dialog.responder import APPROVED as APPROVED_ANSWER
from pipeline.entrances.generated.voicepipe.v1 import audio_pb2, config_pb2, input_pb2
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest, ConverseResponse
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2_grpc import ConversationServiceStub
from pipeline.settings import SHARE
from pipeline.speaking.piper import Piper

ASKED = (
    "How much is a rye bread?",
    "How far do you deliver?",
    "Where is your shop?",
    "What does a birthday cake cost?",
    "When does the driver leave?",
    "Which bus goes to your place?",
    "How long do you keep an order?",
    "Can I pay with a cheque?",
)
"""Questions that the documents answer and that have no approved answer."""
APPROVED = ("Do you sell coffee?", "Do you have Wi-Fi?", "Are you hiring?", "Who owns the bakery?")
FORM = audio_pb2.AudioFormat(encoding=Encoding.MULAW.wire, sample_rate_hz=8000, frame_ms=20)
PATIENT = "first_token_timeout = 300.0\nthreads = 1\n"
"""Settings with which a new question is answered on a busy machine too."""
PATIENCE = 300.0
PAIRS, REHEARSAL = 10, 120.0
"""Approved answers of the shop, and longest wait in seconds until they are spoken ahead."""
LIMIT_MS = 60
"""A remembered answer's first audio is to leave within it."""

KINDS = (CACHED, APPROVED_ANSWER)
"""What stands for the model where none is asked."""

Times = dict[str, list[float]]
"""Milliseconds by what was measured."""


async def typed(server: str, text: str) -> tuple[str, float, float]:
    """Ask a question in writing, in a call of its own; return what answered, and two times in milliseconds.

    From the turn's end to the first audio, at the server and at the client. Raises TimeoutError, RuntimeError.
    """
    clock, heard_at = MonotonicClock(), None
    async with grpc.aio.insecure_channel(server) as channel:
        stream = ConversationServiceStub(channel).Converse()
        await stream.write(ConverseRequest(start=config_pb2.ConversationStart(input_audio=FORM, output_audio=FORM)))
        asked_at = clock.now()
        with anyio.fail_after(PATIENCE):
            while isinstance(response := await stream.read(), ConverseResponse):
                match response.WhichOneof("event"):
                    case "started":
                        asked_at = clock.now()
                        await stream.write(ConverseRequest(text=input_pb2.TextInput(text=text)))
                    case "audio" if not response.audio.filler:
                        heard_at = heard_at or clock.now()
                    case "response_done":
                        done = response.response_done
                        await stream.done_writing()
                        if heard_at is None:
                            raise RuntimeError(f"no answer to {text!r}")
                        return done.usage.model, _behind_the_end(done.spans_ms), 1000 * (heard_at - asked_at)
                    case _:
                        pass
    raise RuntimeError(f"the call ended without an answer to {text!r}")


async def spoken(server: str, saying: Saying) -> float | None:
    """Say something in a call of its own; return the milliseconds at the server. Raises CallError."""
    said = (Utterance(saying.name, saying.sound),)
    plan = CallPlan(utterances=said, server=server, encoding=Encoding.MULAW, rate=8000, patience=PATIENCE)
    turns = (await place_call(plan)).turns
    whole = len(turns) == 1 and "response_gap" in turns[0].spans
    return _behind_the_end(turns[0].spans) if whole else None


def _behind_the_end(spans: Mapping[str, float]) -> float:
    """Return the milliseconds from the decided end of a turn to its answer's first audio. Pure."""
    return spans["response_gap"] - spans.get("endpointing", 0.0)


async def measured(
    service: Service, asked: Sequence[str], sayings: Sequence[Saying], times: int, progress: Progress
) -> Times:
    """Ask everything ``times`` times and once more; return the times by what was asked and what answered."""
    await rehearsed(service)
    found: Times = defaultdict(list)
    bar = progress.add_task("calling", total=(len(asked) + len(sayings)) * (times + 1))
    for text in asked:
        for again in range(times + 1):
            model, server_ms, client_ms = await typed(service.grpc, text)
            kind = model if model in KINDS else "the model"
            first = ", first time" if kind == APPROVED_ANSWER and not again else ""
            found[f"typed, {kind}{first}"].append(server_ms)
            found[f"typed, {kind}{first}, at the client"].append(client_ms)
            progress.advance(bar)
    for saying in sayings:
        for _ in range(times + 1):
            before = hits(service)
            took = await spoken(service.grpc, saying)
            kind = CACHED if hits(service) > before else "the model"
            if took is not None:
                found[f"spoken, {kind}"].append(took)
            progress.advance(bar)
    return found


def said_by_a_voice(texts: Sequence[str]) -> list[Saying]:
    """Return questions as Piper says them: what counts here is that they are understood. Raises ModelError."""
    settings, store = opened("", None)

    async def say() -> list[Saying]:
        piper = Piper.load(store.path(VOICE), settings.speaking)
        return [
            Saying(text, joined([piece.pcm async for piece in piper.speak(text)] + [silence(0.1, piper.rate)]), text)
            for text in texts
        ]

    return anyio.run(say)


async def rehearsed(service: Service) -> None:
    """Wait until the service has spoken ahead how its approved answers begin; nobody may call meanwhile."""
    with anyio.move_on_after(REHEARSAL):
        while counted(service, 'voicepipe_cache_stored_total{cache="speech"}') < PAIRS:  # noqa: ASYNC110
            await anyio.sleep(1.0)


def hits(service: Service) -> float:
    """Return how many answers were given from memory so far."""
    return counted(service, 'voicepipe_cache_hits_total{cache="answers"}')


def counted(service: Service, metric: str) -> float:
    """Return a metric of the service; 0 for none."""
    lines = httpx.get(f"http://{service.http}/metrics", timeout=30).text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(metric))


@contextmanager
def served(llm: Choice, folder: Path) -> Iterator[Service]:
    """Run the service with the shop's documents while the context lasts. Raises PipelineError."""
    folder.mkdir(parents=True, exist_ok=True)
    with language_model(llm, REPLY) as language:
        shop = load(SHARE / "agents")["shop"].model_copy(update={"persona": PERSONAS["shop"]})
        config = written(folder, shop, language, WHISPER, COMPUTE_TYPE, VOICE)
        config.write_text(config.read_text().replace("[speaking]\n", PATIENT + "[speaking]\n"))
        config.write_text(config.read_text().replace("[ladder]\n", "[ladder]\nfiller_after = 0\nphrase_after = 0\n"))
        agent = folder / "agents" / "shop.toml"
        agent.write_text(agent.read_text() + "[writing]\nnum_predict = 120\n[knowledge]\nfile = 'shop.kb'\n")
        anyio.run(build, SHARE / "agents" / "shop", folder / "agents" / "shop.kb")
        with running(config=config, log=folder / "service.log") as service:
            yield service


def figures(found: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Return the percentiles of each kind of turn, and how many were within the limit. Pure."""
    return {
        kind: {
            "turns": len(took),
            "ms": tails(took, 1) if len(took) > 1 else None,
            "within_limit": round(sum(one <= LIMIT_MS for one in took) / len(took), 4),
        }
        for kind, took in sorted(found.items())
    }


def main(
    *,
    llm: Annotated[Choice, typer.Option(help="What answers what is new.")] = Choice.QWEN,
    times: Annotated[int, typer.Option(min=1, help="How often each question is asked again.")] = 5,
    questions: Annotated[int, typer.Option(min=1, help="So many that have no approved answer.")] = len(ASKED),
    spoken_questions: Annotated[int, typer.Option(min=0, help="So many are asked aloud as well, by a voice.")] = 4,
    shared: Annotated[bool, typer.Option("--shared", help="Other work runs on the machine; says so.")] = False,
    folder: Annotated[Path, typer.Option(help="For the service's log and settings.")] = Path("out/cache"),
    out: Annotated[Path | None, typer.Option(help="The result's file; default: benchmarks/results/.")] = None,
) -> None:
    """Measure how soon remembered and approved answers are heard, print the table, and keep the figures as JSON."""
    described = machine.described()
    sayings = said_by_a_voice(ASKED[:spoken_questions]) if spoken_questions else []
    with told(), served(llm, folder) as service, Progress(console=Console(stderr=True)) as progress:
        found = uvloop.run(measured(service, (*ASKED[:questions], *APPROVED), sayings, times, progress))
    result: dict[str, Any] = {
        "benchmark": "dialog-cache",
        "about": f"{llm} behind Ollama.{' The machine was shared: its times are not for publication.' * shared}",
        "machine": described,
        "limit_ms": LIMIT_MS,
        "measured": figures(found),
    }
    file = out or RESULTS / "dialog-cache.json"
    write_result(file, result)
    Console(width=110).print(table(result["measured"]))
    sys.stdout.write(f"{file}\n")


def table(measured: Mapping[str, Any]) -> Table:
    """Return the figures as a table."""
    drawn = Table(title="milliseconds from the end of a turn to its answer's first audio")
    for heading in ("", "turns", "p50", "p95", f"within {LIMIT_MS} ms"):
        drawn.add_column(heading)
    for kind, entry in measured.items():
        ms = entry["ms"] or {}
        drawn.add_row(
            kind, str(entry["turns"]), str(ms.get("p50", "")), str(ms.get("p95", "")), f"{entry['within_limit']:.0%}"
        )
    return drawn
