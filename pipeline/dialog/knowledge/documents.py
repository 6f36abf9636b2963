"""Documents: files of a folder in, their sections out; a reader for each kind of file."""

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from pipeline.core.errors import KnowledgeError
from pipeline.dialog.knowledge.clean import cleaned

FILE_BYTES = 8 << 20
"""A larger file is refused: a text of a thousand pages has a third of that."""
FILES = 10_000
"""Files in one folder."""


@dataclass(frozen=True, slots=True)
class Section:
    """What stands below one heading: its paragraphs, or one answer."""

    path: tuple[str, ...]
    """The headings that lead here, the outermost first."""
    paragraphs: tuple[str, ...]
    question: str | None = None
    """Of an approved pair: what the one paragraph answers."""
    language: str = ""
    """A primary tag, where the document says it."""


def found(folder: Path) -> list[Path]:
    """Return the files of a folder and its subfolders in the order of their names, none hidden, none from outside.

    Raises KnowledgeError: ``no-documents``, ``too-many-documents``.
    """
    if not folder.is_dir():
        raise KnowledgeError("no-documents", f"there is no folder {folder}")
    home = folder.resolve()
    files = []
    for file in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if not hidden and file.is_file() and file.resolve().is_relative_to(home):
            files.append(file)
        if len(files) > FILES:
            raise KnowledgeError("too-many-documents", f"{folder} has more than {FILES} files")
    return sorted(files, key=lambda file: file.relative_to(folder).as_posix())


def read(file: Path) -> list[Section]:
    """Return the sections of a document, cleaned, none of them empty.

    Raises KnowledgeError, whose message begins with the file: ``unknown-kind``, ``document-too-large``,
    ``document-empty``, ``wrong-encoding``, ``document-broken``, ``document-unreadable``.
    """
    sections = list(_clean(_read(file)))
    if not sections:
        raise KnowledgeError("document-empty", f"{file}: holds no text")
    return sections


def _read(file: Path) -> list[Section]:
    from pipeline.dialog.knowledge import markup, pairs, pdf, plain

    try:
        size = file.stat().st_size
        if size > FILE_BYTES:
            text = f"{file}: has {size / 1e6:.1f} MB; {FILE_BYTES / 1e6:.1f} MB are read at most"
            raise KnowledgeError("document-too-large", text, fix="cut the document into smaller ones")
        match file.suffix.lower():
            case ".md" | ".markdown":
                return plain.markdown(markup.visible(_decoded(file)))
            case ".html" | ".htm":
                return markup.html(_decoded(file, declared=True))
            case ".txt":
                return plain.text(_decoded(file))
            case ".csv":
                return pairs.pairs(_decoded(file), file)
            case ".pdf":
                return pdf.pages(file)
            case _:
                kinds = "Markdown, HTML, text, CSV and PDF"
                raise KnowledgeError("unknown-kind", f"{file}: is none of {kinds}")
    except OSError as error:
        raise KnowledgeError("document-unreadable", f"{file}: {error.strerror or error}") from error
    except ValueError as error:
        raise KnowledgeError("document-broken", f"{file}: {error}") from error


_MARKS: Mapping[bytes, str] = MappingProxyType(
    {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
)
_DECLARED = re.compile(rb"""<meta[^>]{1,200}charset\s*=\s*["']?\s*([A-Za-z0-9_-]{1,40})""", re.IGNORECASE)
_DECLARATION_BYTES = 1024


def _decoded(file: Path, *, declared: bool = False) -> str:
    """Return the text of a file: UTF-8, or what a byte order mark or a ``charset`` says. Raises KnowledgeError."""
    raw = file.read_bytes()
    encoding = next((name for mark, name in _MARKS.items() if raw.startswith(mark)), "")
    said = _DECLARED.search(raw[:_DECLARATION_BYTES]) if declared and not encoding else None
    encoding = encoding or (said[1].decode() if said else "utf-8")
    try:
        text = raw.decode(encoding)
    except (LookupError, UnicodeError) as error:
        raise KnowledgeError(
            "wrong-encoding",
            f"{file}: is no {encoding} text",
            fix=f"iconv -f ENCODING -t UTF-8 {file} > NEW, with the encoding it is written in, such as GB18030",
        ) from error
    if "\0" in text:
        raise KnowledgeError("wrong-encoding", f"{file}: is no text, it has bytes of zero")
    return text


def _clean(sections: list[Section]) -> Iterator[Section]:
    for section in sections:
        paragraphs = tuple(text for text in map(cleaned, section.paragraphs) if text)
        path = tuple(" ".join(title.split()) for title in map(cleaned, section.path) if title)
        question = " ".join(cleaned(section.question).split()) if section.question is not None else None
        if paragraphs and question != "":
            yield Section(path, paragraphs, question, section.language)
