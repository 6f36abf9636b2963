"""Builds a file of knowledge from a folder of documents."""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Protocol

import anyio.to_thread

from pipeline.core.errors import KnowledgeError
from pipeline.dialog.knowledge import database, documents
from pipeline.dialog.knowledge.passages import Cut, cut, version

BATCH = 16
"""Texts in one request for vectors: its answer stays below what is taken from a server."""
PASSAGES = 500_000


class Embedder(Protocol):
    """Turns texts into vectors. A model that was made for other languages makes a search worse and not better."""

    @property
    def model(self) -> str:
        """Return its name: vectors of two models cannot be compared."""
        ...

    async def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        """Return a vector for each text, all of one length. Raises DialogError."""
        ...


@dataclass(frozen=True, slots=True)
class Skipped:
    """A document that is not in the file."""

    source: str
    code: str
    why: str
    fix: str


@dataclass(frozen=True, slots=True)
class Built:
    """What was built."""

    version: str
    documents: int
    passages: int
    pairs: int
    """Approved pairs among the passages."""
    skipped: tuple[Skipped, ...]
    embedding: str = ""
    """The model of the vectors; empty without any."""


def gather(folder: Path, language: str) -> tuple[list[Cut], list[Skipped]]:
    """Return the passages of all documents and the documents that could not be read. Raises KnowledgeError.

    One document's trouble is not another's. A file of knowledge is no document, wherever it lies.
    """
    cuts: list[Cut] = []
    skipped: list[Skipped] = []
    for file in documents.found(folder):
        source = file.relative_to(folder).as_posix()
        if file.suffix.lower() == ".kb":
            continue
        try:
            source.encode()
            cuts += cut(documents.read(file), source, language)
        except UnicodeError:
            shown = source.encode(errors="replace").decode()
            skipped.append(Skipped(shown, "document-unreadable", f"{shown}: its name is no UTF-8", "rename it"))
        except KnowledgeError as error:
            skipped.append(Skipped(source, error.code, str(error), error.fix))
        if len(cuts) > PASSAGES:
            raise KnowledgeError("too-many-documents", f"{folder} gives more than {PASSAGES} passages")
    return cuts, skipped


async def build(
    folder: Path,
    out: Path,
    *,
    language: str = "en",
    embedder: Embedder | None = None,
    embedder_languages: Sequence[str] = (),
    moved: Callable[[int, int], None] = lambda done, total: None,
) -> Built:
    """Read ``folder`` and put the file ``out`` into its place, whole or not at all.

    ``language`` is that of texts which neither say nor show theirs. Passages get vectors if their language is among
    ``embedder_languages``, or if there are none; ``moved`` is told how many there are.
    Raises KnowledgeError, and DialogError when the embedder fails.
    """
    cuts, skipped = await anyio.to_thread.run_sync(gather, folder, language)
    if not cuts:
        reasons = "".join(f"\n{one.why}" for one in skipped)
        raise KnowledgeError("no-documents", f"{folder} holds no document that can be read{reasons}")
    about = {"built_with": f"voicepipe {metadata.version('voicepipe')}", "language": language}
    vectors: dict[int, Sequence[float]] = {}
    chosen = [number for number, one in enumerate(cuts) if not embedder_languages or one.language in embedder_languages]
    if embedder is not None and chosen:
        texts = [f"{cuts[number].title}\n{cuts[number].text}" for number in chosen]
        vectors = dict(zip(chosen, await _embedded(embedder, texts, moved), strict=True))
        about |= {
            "embedding_model": embedder.model,
            "embedding_dimension": str(len(vectors[chosen[0]])),
            "embedding_languages": " ".join(embedder_languages),
        }
    await anyio.to_thread.run_sync(_place, out, cuts, about, vectors)
    pairs = sum(one.question is not None for one in cuts)
    sources = len({one.source for one in cuts})
    name = about.get("embedding_model", "")
    return Built(version(cuts), sources, len(cuts), pairs, tuple(skipped), name)


async def _embedded(
    embedder: Embedder, texts: Sequence[str], moved: Callable[[int, int], None]
) -> list[Sequence[float]]:
    vectors: list[Sequence[float]] = []
    rest = iter(texts)
    while batch := list(islice(rest, BATCH)):
        vectors += await embedder.embed(batch)
        moved(len(vectors), len(texts))
    return vectors


def _place(out: Path, cuts: Sequence[Cut], about: Mapping[str, str], vectors: Mapping[int, Sequence[float]]) -> None:
    """Write beside the place and rename, so that nobody ever opens half a file."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{out.name}.", suffix=".tmp", dir=out.parent)
    except OSError as error:
        text = f"{out} cannot be written: {error.strerror or error}"
        raise KnowledgeError("knowledge-unwritable", text, fix=f"mkdir -p {out.parent}") from error
    written = Path(name)
    try:
        database.write(written, cuts, about, vectors)
        os.fsync(handle)
        written.chmod(0o644)
        written.replace(out)
    except OSError as error:
        raise KnowledgeError("knowledge-unwritable", f"{out} cannot be written: {error.strerror or error}") from error
    finally:
        os.close(handle)
        with suppress(OSError):
            written.unlink(missing_ok=True)
