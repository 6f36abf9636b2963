"""The arms: who is measured, with which settings, and what is unequal between them."""

import os
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from benchmarks.peers.child import peer
from benchmarks.peers.language import OPTIONS, LanguageModel
from benchmarks.peers.measure import Block, Called
from benchmarks.peers.own import own, written
from pipeline import configuration
from pipeline.dialog.agents import load
from pipeline.dialog.prompt import messages
from pipeline.models.store import Store
from pipeline.settings import SHARE, Endpointing

WHISPER, COMPUTE_TYPE, VOICE = "whisper-tiny.en", "int8", "piper-en-us-joe-medium"
VOICE_RATE = 22_050
"""Samples per second of the voice: peers' output is not resampled."""
PACKAGES = (
    *("pipecat-ai", "wyoming-faster-whisper", "wyoming-piper", "wyoming"),
    *("faster-whisper", "ctranslate2", "onnxruntime", "piper-tts", "numpy"),
)


UNTOLD = {"system", "whisper", "voice_folder", "llm_url", "scratch"}
"""Of a job: the prompt is in agents/shop.toml, the others are this machine's folders and ports."""


class Arm(StrEnum):
    """Who is measured."""

    VOICEPIPE = "voicepipe"
    VOICEPIPE_PATIENT = "voicepipe-patient"
    """With the chain's silence as its shortest: what is left of the gap where people shall not be cut off."""
    PIPECAT = "pipecat"
    """As it comes."""
    PIPECAT_TUNED = "pipecat-tuned"
    """With Piper's onnxruntime session on one thread."""
    CHAIN = "chain"
    """wyoming-faster-whisper and wyoming-piper, endpointing of 0.7 s as in the former's README."""
    CHAIN_SHORT = "chain-short"
    """The same with the shortest silence that ends a turn of Voicepipe's by default."""


DEFAULT_ARMS = (Arm.VOICEPIPE, Arm.PIPECAT, Arm.PIPECAT_TUNED, Arm.CHAIN)
OWN_ARMS = (Arm.VOICEPIPE, Arm.VOICEPIPE_PATIENT)
UNEQUAL = {
    "helps the peers": (
        "They hear linear samples at 16 kHz, handed over inside their process, and their sound is taken from their "
        "output transport there. Voicepipe hears mu-law at 8 kHz, and its client measures behind gRPC.",
        "Their models stay loaded and warm between conversations; a Pipecat bot usually loads them for every call.",
        "The chain decodes greedily with a thread for each core (4 at most); its defaults are beam 5 and 4 threads.",
        "Pipecat runs without metrics, RTVI and debug logging.",
    ),
    "helps Voicepipe": (
        "What weighs Smart Turn's word against the transcript was fitted to recordings of the same speaker.",
        "Read prompts of one breath suit an endpointer that decides early; the set with pauses shows the price.",
        "The stub's first sentence has 16 words and no comma. Voicepipe speaks its first six words first, the peers "
        "the whole sentence: the shorter a model's first sentence, the smaller that difference. What it does to the "
        "melody of speech is not measured.",
        "Pipecat's whisper service has no setting for the beam (5) or the window (30 s).",
        "Of Pipecat's turn-taking only the defaults were tried: VAD stop 0.2 s, smart-turn, `stop_secs` when that says "
        "incomplete. Voicepipe's are defaults too.",
        "The chain is deaf while it transcribes, and stops a reply only when it has the next transcript.",
        "Voicepipe has read the prompt before the first call; the peers read it in their warm-up turn.",
    ),
    "differs": (
        "Voicepipe and the chain ask Ollama's own interface with the same options. Pipecat asks OpenAI's: max_tokens "
        "for num_predict, temperature and top_p the same, no num_ctx (the server's default is 4096 too), no think.",
        "After a reply that was stopped each keeps another history: Voicepipe what was heard, Pipecat what was spoken, "
        "the chain what was written.",
    ),
}
"""What a reader of the figures has to know."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run's arms share."""

    store: Store
    language: LanguageModel
    python: Path
    """Of the peers' environment."""
    folder: Path
    """For logs, and for what the arms write."""
    stop_secs: float
    """Pipecat waits so long when smart-turn says that the caller goes on."""
    silence: float
    """That ends a command of the chain; the shortest of the patient arm."""


class Measured(Protocol):
    """An arm that is running."""

    async def call(self, block: Block) -> Called:
        """Say the block's sayings in one conversation."""
        ...


async def opened(arms: Sequence[Arm], setting: Setting, stack: AsyncExitStack) -> dict[Arm, Measured]:
    """Start every arm; they stop with ``stack``. Raises PipelineError."""
    running: dict[Arm, Measured] = {}
    for arm in arms:
        log = setting.folder / f"{arm}.log"
        if arm in OWN_ARMS:
            running[arm] = await stack.enter_async_context(own(_config(arm, setting), log, arm))
        else:
            module = "wyoming_chain" if arm in {Arm.CHAIN, Arm.CHAIN_SHORT} else "pipecat_bot"
            child = peer(arm, setting.python, f"benchmarks.peers.{module}", job(arm, setting), log)
            running[arm] = await stack.enter_async_context(child)
    return running


def job(arm: Arm, setting: Setting) -> dict[str, Any]:
    """Return what a peer is told to load."""
    voice = setting.store.file(VOICE, ".onnx")
    shared = {
        "system": messages(load(SHARE / "agents")["shop"].persona, ())[0].text,
        "whisper": str(setting.store.path(WHISPER)),
        "compute_type": COMPUTE_TYPE,
        "voice": voice.stem,
        "voice_folder": str(voice.parent),
        "llm_url": setting.language.url,
        "model": setting.language.model,
        "options": OPTIONS,
    }
    if arm in {Arm.PIPECAT, Arm.PIPECAT_TUNED}:
        settings = {"voice_rate": VOICE_RATE, "stop_secs": setting.stop_secs, "one_thread": arm is Arm.PIPECAT_TUNED}
        return {**shared, **settings}
    silence = Endpointing().min_silence if arm is Arm.CHAIN_SHORT else setting.silence
    threads = min(4, os.cpu_count() or 1)
    return {**shared, "silence": silence, "beam": 1, "threads": threads, "scratch": str(setting.folder.absolute())}


def settings_of(arms: Sequence[Arm], setting: Setting) -> dict[str, Any]:
    """Return what each arm runs with, as JSON values."""
    told: dict[str, Any] = {}
    for arm in arms:
        if arm in OWN_ARMS:
            tree = configuration.load(config=_config(arm, setting)).public()
            parts = ("endpointing", "barge_in", "recognition", "dialog", "speculation", "speaking", "ladder")
            told[arm] = {name: tree[name] for name in parts}
            told[arm]["dialog"].pop("ollama_url")
        else:
            told[arm] = {key: value for key, value in job(arm, setting).items() if key not in UNTOLD}
    return told


def _config(arm: Arm, setting: Setting) -> Path:
    agent = load(SHARE / "agents")["shop"]
    silence = setting.silence if arm is Arm.VOICEPIPE_PATIENT else None
    return written(setting.folder / arm, agent, setting.language, WHISPER, COMPUTE_TYPE, VOICE, silence)
