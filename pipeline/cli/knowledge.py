"""``voicepipe knowledge``: documents into a file of knowledge, and questions to it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import anyio
import typer
from rich.console import Console
from rich.progress import Progress

from pipeline.cli.screen import AsJson, Config, OllamaUrl, complain, opened, told
from pipeline.core.errors import DialogError
from pipeline.dialog.knowledge import build as building
from pipeline.dialog.knowledge.build import Built
from pipeline.dialog.knowledge.clean import one_line
from pipeline.dialog.knowledge.database import Database
from pipeline.dialog.knowledge.search import Knowledge, Passage
from pipeline.dialog.ollama import Ollama
from pipeline.settings import Dialog

SEARCH_SECONDS = 10.0
"""For a search at the command line, where nobody waits on the telephone: the server may have to load its model."""

app = typer.Typer(help="What an agent may look up: build it from documents, search it.", no_args_is_help=True)


@app.command()
def build(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Markdown, HTML, text, CSV and PDF files.")],
    *,
    out: Annotated[Path, typer.Option(help="The file to make, such as shop.kb.")],
    embed: Annotated[str, typer.Option(metavar="MODEL", help="Also vectors, by this model of an Ollama server.")] = "",
    embed_languages: Annotated[
        str, typer.Option(help="The languages of that model, with commas; default: as the catalog says, or all.")
    ] = "",
    language: Annotated[str, typer.Option(help="Of texts that neither say nor show theirs.")] = "en",
    ollama_url: OllamaUrl = "",
    config: Config = None,
) -> None:
    """Build a file of knowledge. A document that cannot be read is named and left out."""
    with told():
        settings, store = opened("", config)
        known = store.catalog[embed].languages if embed in store.catalog else ()
        languages = tuple(embed_languages.replace(",", " ").split()) or tuple(known)
        embedder = Ollama(_at(settings.dialog, ollama_url), embed) if embed else None
        built = anyio.run(_built, folder, out, language, embedder, languages)
    for one in built.skipped:
        complain(f"left out: {one.why}", fix=one.fix)
    vectors = f", vectors of {built.embedding}" if built.embedding else ""
    counts = f"{built.documents} documents, {built.passages} passages, {built.pairs} approved answers"
    typer.echo(f"{out}: {counts}{vectors}\nversion {built.version}")


@app.command()
def search(
    file: Annotated[Path, typer.Argument(metavar="FILE.kb")],
    question: Annotated[str, typer.Argument(help="What a caller might ask.")],
    *,
    limit: Annotated[int, typer.Option(min=1, max=50)] = 3,
    ollama_url: OllamaUrl = "",
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show what an agent would be given; vectors take part where the file has some and a server answers."""
    with told():
        dialog = _at(opened("", config)[0].dialog, ollama_url)
        found = anyio.run(_found, file, question, limit, dialog)
    if as_json:
        typer.echo(json.dumps([asdict(passage) for passage in found], indent=2, ensure_ascii=False))
        return
    screen = Console()
    for number, passage in enumerate(found, 1):
        screen.print(
            f"{number}. {one_line(passage.source)}: {passage.title}", style="bold", markup=False, highlight=False
        )
        screen.print(passage.text, markup=False, highlight=False)
    if not found:
        typer.echo("nothing found")


def _at(dialog: Dialog, url: str) -> Dialog:
    return dialog.model_copy(update={"ollama_url": url}) if url else dialog


async def _built(
    folder: Path, out: Path, language: str, embedder: Ollama | None, embedder_languages: tuple[str, ...]
) -> Built:
    if embedder is None:
        return await building.build(folder, out, language=language)
    try:
        with Progress(console=Console(stderr=True)) as bars:
            bar = bars.add_task("vectors", total=None)
            return await building.build(
                folder,
                out,
                language=language,
                embedder=embedder,
                embedder_languages=embedder_languages,
                moved=lambda done, total: bars.update(bar, completed=done, total=total),
            )
    finally:
        await embedder.close()


async def _found(file: Path, question: str, limit: int, dialog: Dialog) -> list[Passage]:
    database = Database(file)
    model = database.about.get("embedding_model", "")
    if model and not database.vectors:
        complain("full text only: sqlite-vec cannot be loaded here")
    embedder = Ollama(dialog, model) if model and database.vectors else None
    knowledge = Knowledge(database, embedder, _without_vectors)
    try:
        return list(await knowledge.search(question, limit, SEARCH_SECONDS))
    finally:
        knowledge.close()
        if embedder is not None:
            await embedder.close()


def _without_vectors(error: DialogError) -> None:
    complain(f"full text only: {error}")
