"""What all commands do alike: settings, the model store, and errors as one line with the fix."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline import configuration
from pipeline.core.errors import PipelineError
from pipeline.models import catalog
from pipeline.models.store import Store, cache_folder
from pipeline.settings import Settings

Profile = Annotated[str, typer.Option("--profile", "-p", help="A profile's name, or its file.")]
Config = Annotated[Path | None, typer.Option("--config", "-c", help="A TOML file with settings.")]
OllamaUrl = Annotated[str, typer.Option(help="Where the Ollama server is, if not where the settings say.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value.")]


def environment() -> Mapping[str, str]:
    """Return the process's environment."""
    return os.environ  # noqa: TID251


def opened(profile: str, config: Path | None, **overrides: Any) -> tuple[Settings, Store]:
    """Return the settings, with the place of the records, and the store that they name. Raises PipelineError."""
    settings = configuration.load(profile=profile, config=config, overrides=overrides)
    key = settings.records.key
    places = {"file": records_file(settings.records.file, environment()), "key": key and key.expanduser()}
    records = settings.records.model_copy(update=places)
    settings = settings.model_copy(update={"records": records})
    cache = cache_folder(settings.models.cache, environment())
    return settings, Store(cache, catalog.read(settings.models.catalog))


def records_file(given: Path | None, environment: Mapping[str, str]) -> Path:
    """Return ``given``, else ``$XDG_DATA_HOME/voicepipe/records.sqlite``, else the same in ``~/.local/share``."""
    if given is not None:
        return given.expanduser()
    base = environment.get("XDG_DATA_HOME", "")
    # The XDG specification tells programs to ignore a relative path.
    home = Path(environment.get("HOME", "~")).expanduser() / ".local" / "share"
    return (Path(base) if base.startswith("/") else home) / "voicepipe" / "records.sqlite"


@contextmanager
def told() -> Iterator[None]:
    """Print what went wrong and what mends it; leave with 1, with 2 for an unknown name, or with 130 on ctrl-C."""
    try:
        with ungrouped():
            yield
    except PipelineError as error:
        complain(str(error), fix=getattr(error, "fix", ""))
        raise typer.Exit(2 if error.code == "unknown-model" else 1) from error
    except KeyboardInterrupt as stop:
        complain("stopped")
        raise typer.Exit(130) from stop


@contextmanager
def ungrouped() -> Iterator[None]:
    """Raise what a task group's failure comes down to, if one task failed."""
    try:
        yield
    except BaseExceptionGroup as group:
        failure: BaseException = group
        while isinstance(failure, BaseExceptionGroup) and len(failure.exceptions) == 1:
            failure = failure.exceptions[0]
        raise failure from group


def complain(text: str, *, fix: str = "") -> None:
    """Write an error, and the command that mends it, to standard error."""
    if text:
        typer.echo(text, err=True)
    if fix:
        typer.echo(f"fix: {fix}", err=True)
