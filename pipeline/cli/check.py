"""``voicepipe check``: is everything here that the service needs, and what to type where it is not."""

import json
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from importlib import metadata

import anyio
import httpx
import typer
from rich.console import Console
from rich.table import Table

from pipeline import sight
from pipeline.answering import read_keys
from pipeline.archive import check_key
from pipeline.cli.screen import AsJson, Config, Profile, opened, told
from pipeline.core.errors import KnowledgeError, ModelError, PipelineError
from pipeline.core.tags import plain
from pipeline.dialog import agents
from pipeline.dialog.agents import Agent
from pipeline.dialog.foreign import foreign
from pipeline.dialog.knowledge.database import Database
from pipeline.models.store import Store
from pipeline.servable import Known
from pipeline.settings import Settings
from pipeline.speaking.mute import NONE

PACKAGES = (
    "faster-whisper",
    "ctranslate2",
    "onnxruntime",
    "piper-tts",
    "streaming-vits",
    "xllamacpp",
    "ollama",
    "grpcio",
    "pillow",
    "rapidocr",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: str
    ok: bool
    fix: str = ""
    """What to type; empty when nothing needs mending."""


def check(*, profile: Profile = "", config: Config = None, as_json: AsJson = False) -> None:
    """Look at the installation, the models of a profile and the engines; exit with 1 if calls cannot be answered."""
    with told():
        settings, store = opened(profile, config)
        findings = [*_installed(), *_models(settings, store), *_agents(settings, store), *_engines(settings, store)]
        findings.append(_pictures(settings))
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _draw(findings)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def _draw(findings: Iterable[Finding]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("", "what", "state", "fix"):
        table.add_column(heading)
    for finding in findings:
        mark = ("[yellow]ok[/]" if finding.fix else "[green]ok[/]") if finding.ok else "[red]no[/]"
        table.add_row(mark, finding.what, finding.state, finding.fix)
    Console().print(table)


def _installed() -> Iterator[Finding]:
    yield Finding("python", platform.python_version(), sys.version_info >= (3, 11), "")
    for package in PACKAGES:
        try:
            yield Finding(package, metadata.version(package), ok=True)
        except metadata.PackageNotFoundError:
            yield Finding(package, "not installed", ok=False, fix="make venv")


def _models(settings: Settings, store: Store) -> Iterator[Finding]:
    """Look for one model of each job, and hash the one that would be used."""
    turn_model = settings.endpointing.turn_model
    jobs = {
        "voice activity": ("silero-vad",),
        "recognition": settings.recognition.models,
        "voice": (settings.speaking.voice,),
        "chat": settings.dialog.models,
        **({"the end of turns": (turn_model,)} if turn_model else {}),
    }
    for job, names in jobs.items():
        try:
            name = store.first_present(names)
            store.verify(name)
        except ModelError as error:
            # A chat model on an Ollama server does as well; whether there is one is another finding.
            optional = job == "chat" and settings.dialog.engine != "llamacpp"
            yield Finding(f"model for {job}", str(error), ok=optional, fix=error.fix)
        else:
            yield Finding(f"model for {job}", f"{name}, verified", ok=True)


def _agents(settings: Settings, store: Store) -> Iterator[Finding]:
    try:
        found = agents.load(settings.agents)
    except PipelineError as error:
        yield Finding("agents", str(error), ok=False, fix="")
        return
    known = settings.agent in found
    yield Finding("agents", ", ".join(found), ok=known, fix="" if known else f"add {settings.agent}.toml")
    yield from _key(settings, found)
    installed = Known(frozenset(), settings, store)
    for agent in found.values():
        for tag, name in installed.voices(agent).items():
            without = "captions only" if tag == agent.language else "the language is left out"
            yield replace(_voice(settings, store, name, tag, without), what=f"voice of agent {agent.id} for {tag}")
        for tag, keys in foreign(agent).items():
            missing = f"said in another language: {', '.join(keys)}"
            yield Finding(
                f"phrases of agent {agent.id} for {tag}", missing, ok=True, fix=f"add them to {agent.id}.toml"
            )


def _key(settings: Settings, found: Mapping[str, agents.Agent]) -> Iterator[Finding]:
    """Look for the key of pseudonyms, where one is named or an agent asks for it."""
    try:
        keys = read_keys(settings)
        check_key(found, keys)
    except PipelineError as error:
        yield Finding("key of pseudonyms", str(error), ok=False, fix=getattr(error, "fix", ""))
        return
    if keys is not None:
        yield Finding("key of pseudonyms", str(settings.records.key), ok=True)


def _voice(settings: Settings, store: Store, name: str, tag: str, without: str) -> Finding:
    """Hash a voice. One that is missing takes its language only; the usual, a wrong and a broken one the service."""
    pull = f"voicepipe models pull {name}"
    if name == NONE:
        return Finding("", "captions only", ok=True)
    if not name:
        return Finding("", f"none is named: {without}", ok=True, fix=f"name one: speaking.voices.{tag}")
    if name not in store.catalog or store.catalog[name].kind != "tts":
        return Finding("", f"{name} is no voice of the catalog", ok=False, fix="voicepipe models list")
    if not store.present(name) and name != settings.speaking.voice:
        return Finding("", f"{name} is missing: {without}", ok=True, fix=pull)
    try:
        store.verify(name)
        rate = json.loads(store.file(name, ".onnx.json").read_text("utf-8"))["audio"]["sample_rate"]
    except ModelError as error:
        return Finding("", str(error), ok=False, fix=error.fix)
    except (ValueError, KeyError, TypeError) as error:
        return Finding("", f"{name} tells no sample rate: {type(error).__name__}", ok=False, fix=pull)
    return Finding("", f"{name}, {rate} Hz, verified", ok=True)


def _engines(settings: Settings, store: Store) -> Iterator[Finding]:
    """Say which chat engine would answer, and for whom."""
    dialog = settings.dialog
    agents_found = _known(settings)
    named = {agent.id: agent.model.names for agent in agents_found if agent.model.names}
    embedded = dialog.engine != "ollama" and any(_is_here(store, name) for name in dialog.models)
    models: tuple[str, ...] = ()
    if dialog.engine != "llamacpp":
        wanted = (*(name for names in named.values() for name in names), *dialog.models)
        models, state, fix = _ollama(dialog.ollama_url, wanted)
        usable = any(plain(name) in models for name in wanted)
        yield Finding(f"ollama at {dialog.ollama_url}", state, ok=usable or embedded, fix="" if usable else fix)
    if dialog.engine != "ollama":
        state = "would answer" if embedded else "has no model"
        yield Finding(
            "embedded llama.cpp", state, ok=True, fix="" if embedded else "voicepipe models pull --profile cpu"
        )
    for agent, names in named.items():
        there = [one for one in names if plain(one) in models or (not models and _is_here(store, one))]
        missing = [one for one in names if one not in there]
        state = "; ".join(f"{what} {', '.join(some)}" for what, some in (("has", there), ("misses", missing)) if some)
        fix = f"voicepipe ollama pull {missing[0]}" if missing else ""
        yield Finding(f"models of agent {agent}", state, ok=bool(there), fix=fix)
    yield from (_knowledge(settings, agent, models) for agent in agents_found if agent.knowledge.any)


def _knowledge(settings: Settings, agent: Agent, models: tuple[str, ...]) -> Finding:
    """Say how an agent's documents are searched, given the models of the Ollama server."""
    what, wanted = f"knowledge of agent {agent.id}", agent.knowledge
    try:
        about = Database(settings.agents / wanted.file).about if wanted.file else {}
    except KnowledgeError as error:
        return Finding(what, str(error), ok=False, fix=error.fix)
    model = about.get("embedding_model", "") or wanted.embedding
    if not model:
        return Finding(what, "searched by words", ok=True)
    if plain(model) in models:
        return Finding(what, f"searched by words and by vectors of {model}", ok=True)
    if settings.dialog.engine == "llamacpp":
        return Finding(what, f"searched by words alone: vectors of {model} come from Ollama", ok=True)
    state = f"searched by words alone: no Ollama server has {model}"
    return Finding(what, state, ok=True, fix=f"voicepipe ollama pull {model}")


def _pictures(settings: Settings) -> Finding:
    """Say who looks at callers' pictures."""
    try:
        return Finding("pictures", anyio.run(sight.looked_at, settings), ok=True)
    except PipelineError as error:
        return Finding("pictures", str(error), ok=False, fix=getattr(error, "fix", ""))


def _known(settings: Settings) -> list[Agent]:
    """Return the agents; none where they cannot be read."""
    try:
        return list(agents.load(settings.agents).values())
    except PipelineError:
        return []


def _is_here(store: Store, name: str) -> bool:
    return name in store.catalog and store.present(name)


def _ollama(url: str, wanted: tuple[str, ...]) -> tuple[tuple[str, ...], str, str]:
    """Return the models of the server, what it said, and what mends it."""
    try:
        with httpx.Client(base_url=url, timeout=2.0) as client:
            version = client.get("/api/version").raise_for_status().json()["version"]
            models = tuple(plain(model["name"]) for model in client.get("/api/tags").json()["models"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError):
        return (), "does not answer", "ollama serve (or `make ollama` to get it)"
    usable = [name for name in wanted if plain(name) in models]
    state = f"has {usable[0]}" if usable else f"none of {', '.join(wanted)}"
    return models, f"version {version}, {state}", f"voicepipe models pull {wanted[-1]} --ollama"
