"""``voicepipe ollama``: the models of an Ollama server, and who uses them."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any

import anyio
import httpx
import typer
from rich.console import Console
from rich.table import Table

from pipeline.cli.bars import Bars
from pipeline.cli.screen import AsJson, Config, OllamaUrl, Profile, complain, opened, told
from pipeline.core.clock import MonotonicClock
from pipeline.core.errors import ModelError, PipelineError
from pipeline.core.stages import ChatOptions, Message
from pipeline.core.tags import plain
from pipeline.dialog import agents
from pipeline.dialog.agents import Agent
from pipeline.dialog.knowledge.clean import one_line
from pipeline.dialog.ollama import Ollama
from pipeline.dialog.prompt import messages
from pipeline.models.catalog import Catalog
from pipeline.models.ollama_registry import OllamaRegistry, can_serve, client
from pipeline.models.ollama_server import OllamaServer, Shown
from pipeline.settings import Dialog, Settings, SettingsError

TOLD = ("tools", "vision", "embedding", "thinking")
"""Capabilities that make a difference; every other model can complete."""

HEADINGS = ("name", "size", "quantisation", "digest", "can", "loaded", "num_ctx", "used by")
WIDE = 110
"""Characters of a screen on which every column has room."""

Name = Annotated[str, typer.Argument(metavar="NAME", help="A model, as `voicepipe ollama list` prints it.")]

app = typer.Typer(help="Models of an Ollama server: list, fetch, make, look at and load them.", no_args_is_help=True)


@app.command("list")
def list_models(
    *, ollama_url: OllamaUrl = "", profile: Profile = "", config: Config = None, as_json: AsJson = False
) -> None:
    """Show every model of the server, whether it is loaded, and who uses it."""
    with told():
        settings, store = opened(profile, config)
        wanted = _uses(settings, _agents(settings))
        with _client(settings, ollama_url) as http:
            entries = _entries(OllamaServer(http), wanted)
    if as_json:
        typer.echo(json.dumps(entries, indent=2))
    else:
        _draw(entries)
    _complain_of_missing(settings, wanted, {entry["name"] for entry in entries}, store.catalog)


@app.command()
def pull(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name of Ollama's registry, such as qwen2.5:1.5b.")],
    *,
    ollama_url: OllamaUrl = "",
    config: Config = None,
) -> None:
    """Let the server fetch a model from Ollama's registry."""
    with told(), Bars() as bars:
        settings, store = opened("", config)
        try:
            with _client(settings, ollama_url) as http:
                OllamaServer(http).pull(name, bars)
        except ModelError as error:
            if not error.fix and plain(name) in store.catalog:
                error.fix = _fix(name, store.catalog)
            raise


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name from `voicepipe models list`.")],
    *,
    ollama_url: OllamaUrl = "",
    config: Config = None,
) -> None:
    """Make a model of the catalog known to the server, from the files that lie here and the catalog's Modelfile."""
    with told(), Bars() as bars:
        settings, store = opened("", config)
        with _client(settings, ollama_url) as http:
            registry = OllamaRegistry(http, store, settings.models.catalog.parent, progress=bars)
            new = registry.register(name)
        bars.said(name, "registered with Ollama" if new else "Ollama has it already")


@app.command()
def show(name: Name, *, ollama_url: OllamaUrl = "", config: Config = None, as_json: AsJson = False) -> None:
    """Show what the server says of a model: its context, what it can do, its parameters and its template."""
    with told():
        settings, store = opened("", config)
        with _client(settings, ollama_url) as http:
            shown = _shown(OllamaServer(http), name, store.catalog)
    told_of = {
        "name": name,
        "family": shown.details.family,
        "parameter_size": shown.details.parameter_size,
        "quantisation": shown.details.quantization_level,
        "context": shown.context,
        "capabilities": list(shown.capabilities),
        "licence": one_line(shown.license)[:80],
        "parameters": shown.parameters,
        "template": shown.template,
    }
    if as_json:
        typer.echo(json.dumps(told_of, indent=2))
        return
    screen = Console()
    for what, value in told_of.items():
        text = ", ".join(value) if isinstance(value, list) else str(value)
        several = "\n" in text
        screen.print(f"{what}:", style="bold", end="\n" if several else " ")
        screen.print(text, markup=False, highlight=False)


@app.command()
def warm(
    name: Name,
    *,
    agent: Annotated[str, typer.Option(help="Let it read this agent's prompt, with this agent's context.")] = "",
    ollama_url: OllamaUrl = "",
    profile: Profile = "",
    config: Config = None,
) -> None:
    """Load a model as the service does, with the settings' num_ctx and keep_alive, and say how long it took."""
    clock = MonotonicClock()
    with told():
        settings, store = opened(profile, config)
        dialog = settings.dialog.model_copy(update={"ollama_url": ollama_url} if ollama_url else {})
        prompt, options = _prompt(settings, agent)
        with _client(settings, ollama_url) as http, Console(stderr=True).status(f"loading {name}"):
            server = OllamaServer(http)
            embeds = "completion" not in _shown(server, name, store.catalog).capabilities
            began = clock.now()
            anyio.run(_warmed, dialog, name, prompt, options, embeds)
            seconds = clock.now() - began
            loaded = server.loaded().get(plain(name))
    context = "" if embeds else f" num_ctx {options.num_ctx or dialog.num_ctx},"
    memory = f", {loaded.size / 1e6:,.0f} MB of memory" if loaded is not None else ""
    typer.echo(f"{name}: warm after {seconds:.1f} s;{context} keep_alive {dialog.keep_alive}{memory}")


def _client(settings: Settings, url: str) -> httpx.Client:
    """Return a client of the server. Raises SettingsError for an address that is none."""
    address = url or settings.dialog.ollama_url
    try:
        parsed = httpx.URL(address)
    except httpx.InvalidURL as error:
        raise SettingsError("wrong-settings", f"{address!r} is no address of a server: {error}") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise SettingsError("wrong-settings", f"{address!r} is no address of a server, such as http://127.0.0.1:11434")
    return client(address)


def _agents(settings: Settings) -> list[Agent]:
    """Return the agents; where they cannot be read, that is said, and there are none."""
    try:
        return list(agents.load(settings.agents).values())
    except PipelineError as error:
        complain(str(error))
        return []


def _uses(settings: Settings, known: Collection[Agent]) -> Mapping[str, list[str]]:
    """Return what uses each model, by its plain name."""
    uses: dict[str, list[str]] = defaultdict(list)
    for name in settings.dialog.models:
        uses[plain(name)].append("dialog.models")
    if settings.ladder.smaller_model:
        uses[plain(settings.ladder.smaller_model)].append("ladder.smaller_model")
    for agent in known:
        for name in agent.model.names:
            uses[plain(name)].append(f"agent {agent.id}")
        if agent.model.simple:
            uses[plain(agent.model.simple)].append(f"agent {agent.id}, simple turns")
    return uses


def _entries(server: OllamaServer, uses: Mapping[str, list[str]]) -> list[dict[str, Any]]:
    """Return what ``list --json`` says of each model."""
    loaded = server.loaded()
    entries = []
    for one in server.served():
        running = loaded.get(one.name)
        entries.append(
            {
                "name": one.name,
                "size": one.size,
                "parameter_size": one.details.parameter_size,
                "quantisation": one.details.quantization_level,
                "digest": one.digest,
                "capabilities": list(server.shown(one.name).capabilities),
                "loaded": running is not None,
                "loaded_bytes": running.size if running is not None else 0,
                "loaded_context": running.context_length if running is not None else 0,
                "used_by": uses.get(one.name, []),
            }
        )
    return entries


def _draw(entries: Sequence[Mapping[str, Any]]) -> None:
    screen, table = Console(), Table(box=None, pad_edge=False)
    # On a narrow screen a name that is cut off would help nobody.
    left_out = () if screen.width >= WIDE else ("quantisation", "digest", "num_ctx")
    rows = [_row(entry) for entry in entries]
    shown = [heading for heading in HEADINGS if heading not in left_out]
    for heading in shown:
        table.add_column(heading, no_wrap=heading != HEADINGS[-1], overflow="fold")
    for row in rows:
        table.add_row(*(row[heading] for heading in shown))
    screen.print(table)


def _row(entry: Mapping[str, Any]) -> dict[str, str]:
    """Return what a person is shown of an entry, by the headings."""
    loaded = entry["loaded"]
    cells = (
        entry["name"],
        f"{entry['size'] / 1e6:,.0f} MB",
        entry["quantisation"],
        entry["digest"][:12],
        " ".join(what for what in TOLD if what in entry["capabilities"]) or "-",
        f"{entry['loaded_bytes'] / 1e6:,.0f} MB" if loaded else "-",
        str(entry["loaded_context"]) if loaded else "-",
        "; ".join(entry["used_by"]) or "-",
    )
    return dict(zip(HEADINGS, cells, strict=True))


def _complain_of_missing(
    settings: Settings, uses: Mapping[str, list[str]], there: Collection[str], catalog: Catalog
) -> None:
    """Name the models that somebody uses and the server has not; one of ``dialog.models`` is enough."""
    spare = {plain(name) for name in settings.dialog.models}
    enough = bool(spare.intersection(there))
    for name, users in uses.items():
        others = [user for user in users if user != "dialog.models" or not enough]
        if name not in there and others:
            complain(f"missing: {name}, for {'; '.join(others)}", fix=_fix(name, catalog))


def _shown(server: OllamaServer, name: str, catalog: Catalog) -> Shown:
    try:
        return server.shown(name)
    except ModelError as error:
        if error.code == "model-missing":
            error.fix = _fix(name, catalog)
        raise


def _fix(name: str, catalog: Catalog) -> str:
    """Return what brings a model to the server."""
    name = plain(name)
    if name in catalog and can_serve(catalog[name]):
        return f"voicepipe models pull {name} && voicepipe ollama create {name}"
    return f"voicepipe ollama pull {name}"


def _prompt(settings: Settings, agent: str) -> tuple[Sequence[Message], ChatOptions]:
    """Return what is read, and how: an agent's, or nothing."""
    if not agent:
        return (), ChatOptions()
    known = agents.load(settings.agents)
    if agent not in known:
        raise SettingsError("unknown-agent", f"no agent {agent!r}; there are: {', '.join(known)}")
    return messages(known[agent].persona, ()), known[agent].writing.options()


async def _warmed(dialog: Dialog, name: str, prompt: Sequence[Message], options: ChatOptions, embeds: bool) -> None:
    model = Ollama(dialog, name)
    try:
        if embeds:
            await model.embed(["warm"])
        else:
            await model.warm(prompt, options)
    finally:
        await model.close()
