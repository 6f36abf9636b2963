"""Voicepipe's arm: the service in a process of its own, called over gRPC as a telephone does."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.language import OPTIONS, LanguageModel
from benchmarks.peers.measure import Block, Called, of_report
from benchmarks.peers.telephone import PATIENCE, PAUSE
from pipeline.caller.errors import CallError
from pipeline.caller.place import place_call
from pipeline.caller.plan import CallPlan, Encoding, Utterance
from pipeline.cli.service import running
from pipeline.dialog.agents import Agent


@dataclass(frozen=True, slots=True)
class Own:
    """A running service."""

    server: str
    name: str
    """Of the arm."""

    async def call(self, block: Block) -> Called:
        """Say the block's sayings in one call. Raises CallError when nothing is known of the call."""
        said = tuple(Utterance(block.key(index), saying.sound) for index, saying in enumerate(block.sayings))
        plan = CallPlan(
            utterances=said, server=self.server, encoding=Encoding.MULAW, rate=8000, pause=PAUSE, patience=PATIENCE
        )
        try:
            return of_report(await place_call(plan), block, self.name)
        except CallError as error:
            if error.report is None:
                raise
            return of_report(error.report, block, self.name, broken=str(error))


@asynccontextmanager
async def own(config: Path, log: Path, name: str) -> AsyncIterator[Own]:
    """Run the service with the settings of ``config`` while the context lasts. Raises ServiceError."""
    with running(config=config, log=log) as service:
        yield Own(service.grpc, name)


def written(
    folder: Path,
    agent: Agent,
    language: LanguageModel,
    whisper: str,
    compute_type: str,
    voice: str,
    min_silence: float | None = None,
) -> Path:
    """Write the service's settings into ``folder`` and return their file: models, no greeting, else defaults.

    ``min_silence`` is the endpointing's, None for what the profile says. Under load the model is not asked for less
    than the other arms ask it for.
    """
    agents = folder / "agents"
    agents.mkdir(parents=True, exist_ok=True)
    lines = {"name": agent.name, "persona": agent.persona}
    (agents / "shop.toml").write_text("".join(f"{key} = {toml(value)}\n" for key, value in lines.items()))
    endpointing = "" if min_silence is None else f"[endpointing]\nmin_silence = {min_silence}\n"
    file = folder / "voicepipe.toml"
    file.write_text(f"""\
agents = {toml(str(agents.absolute()))}
agent = "shop"
[recognition]
models = [{toml(whisper)}]
compute_type = {toml(compute_type)}
[dialog]
engine = "ollama"
models = [{toml(language.model)}]
ollama_url = {toml(language.url)}
temperature = {OPTIONS["temperature"]}
top_p = {OPTIONS["top_p"]}
num_predict = {OPTIONS["num_predict"]}
num_ctx = {OPTIONS["num_ctx"]}
[speaking]
voice = {toml(voice)}
[ladder]
shorter = false
{endpointing}""")
    return file


def toml(text: str) -> str:
    """Return a string as TOML writes it: its basic strings are those of JSON."""
    return json.dumps(text, ensure_ascii=False)
