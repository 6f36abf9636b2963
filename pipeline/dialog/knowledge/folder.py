"""Folder: an agent's documents as they lie there, and the file of knowledge that is made of them when they change."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from anyio import to_thread

from pipeline.core.errors import KnowledgeError
from pipeline.dialog.knowledge import documents
from pipeline.dialog.knowledge.build import Built, Embedder, build
from pipeline.dialog.knowledge.search import Knowledge

TRIES = 3
"""A folder that changes while it is read is read again, so often."""


async def opened(
    folder: Path,
    cache: Path,
    language: str,
    embedder: Embedder | None = None,
    embedder_languages: Sequence[str] = (),
) -> tuple[Knowledge, Built | None]:
    """Return the knowledge of a folder as it is now, and what was built if there was no file of it in ``cache`` yet.

    ``language`` is that of texts which neither say nor show theirs; ``embedder`` gives vectors as in ``build``, and is
    what the file is searched with. Raises KnowledgeError and DialogError as ``build`` does, and KnowledgeError
    ``documents-changing``.
    """
    made_of = " ".join([language, *([embedder.model, *embedder_languages] if embedder is not None else [])])
    for _ in range(TRIES):
        digest = await to_thread.run_sync(_digest, folder, made_of)
        file = cache / f"{digest}.kb"
        if file.exists():
            with suppress(KnowledgeError):  # broken, or of another version: it is made anew
                return await to_thread.run_sync(Knowledge.open, file, embedder), None
        await to_thread.run_sync(_make, cache)
        built = await build(folder, file, language=language, embedder=embedder, embedder_languages=embedder_languages)
        if await to_thread.run_sync(_digest, folder, made_of) == digest:
            return await to_thread.run_sync(Knowledge.open, file, embedder), built
        file.unlink(missing_ok=True)
    raise KnowledgeError("documents-changing", f"{folder} changes all the time", fix="try again when it is complete")


def _make(cache: Path) -> None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        text = f"{cache} cannot be made: {error.strerror or error}"
        raise KnowledgeError("knowledge-unwritable", text, fix=f"mkdir -p {cache}") from error


def _digest(folder: Path, made_of: str) -> str:
    """Return the hash over all that a file of knowledge is made of; ``made_of`` is what is not in the folder.

    Raises KnowledgeError.
    """
    whole = hashlib.sha256(f"{metadata.version('voicepipe')} {made_of}".encode())
    for file in documents.found(folder):
        whole.update(b"\0" + file.relative_to(folder).as_posix().encode(errors="surrogateescape") + b"\0")
        try:
            size = file.stat().st_size
            # What is too large is no document: that it is there has to be known, but not what it says.
            whole.update(
                str(size).encode() if size > documents.FILE_BYTES else hashlib.sha256(file.read_bytes()).digest()
            )
        except OSError as error:
            whole.update(str(error.errno).encode())
    return whole.hexdigest()
