"""Passages: sections cut to what is quoted to a model, a minute of speech at most. Pure."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

from pipeline.dialog.knowledge.documents import Section
from pipeline.dialog.knowledge.terms import language_of, words

FULL = 60
"""Words from which a passage takes no further paragraph."""
MOST = 120
"""Words that no passage exceeds; an approved answer stays whole."""
TITLE_CHARACTERS = 200
WORD_CHARACTERS = 15
"""Characters that count as a word where there is none: rows of dots, addresses."""

_END = re.compile(r"[.!?…]+[\"'’”)\]]*(?=\s|$)|[。！？；]+[”’」』）]*|\n")
_SPACED = re.compile(r"\S+\s*")


@dataclass(frozen=True, slots=True)
class Cut:
    """One passage of a document."""

    source: str
    """The document's path within its folder."""
    position: int
    """Its place among the document's passages, from 0."""
    title: str
    """The headings above it, the outermost first; of a pair the question."""
    text: str
    language: str
    question: str | None = None


def cut(sections: Iterable[Section], source: str, language: str) -> list[Cut]:
    """Return the passages of a document in their order; ``language`` is that of text whose script does not show it."""
    cuts: list[Cut] = []
    for section in sections:
        title = _title(section.path)
        texts = [" ".join(section.paragraphs)] if section.question is not None else _packed(section.paragraphs)
        for text in texts:
            spoken = section.language or language_of(f"{title} {text}", language)
            cuts.append(Cut(source, len(cuts), title, text, spoken, section.question))
    return cuts


def version(cuts: Iterable[Cut]) -> str:
    """Return the SHA-256, in hex, over all that the passages say and where it stands: equal for equal knowledge."""
    digest = hashlib.sha256()
    for passage in cuts:
        digest.update(json.dumps(asdict(passage), ensure_ascii=False, sort_keys=True).encode())
        digest.update(b"\n")
    return digest.hexdigest()


def _title(path: Sequence[str]) -> str:
    """Return the headings in a row; the innermost says most, so outer ones go first where there are too many."""
    names = list(path)
    while len(names) > 1 and len(" > ".join(names)) > TITLE_CHARACTERS:
        names.pop(0)
    return " > ".join(names)[:TITLE_CHARACTERS]


def _packed(paragraphs: Sequence[str]) -> Iterator[str]:
    """Yield paragraphs put together up to ``FULL`` words and cut at ``MOST``."""
    held: list[str] = []
    length = 0.0
    for piece in (piece for paragraph in paragraphs for piece in _pieces(paragraph)):
        size = _size(piece)
        if held and (length >= FULL or length + size > MOST):
            yield _joined(held)
            held, length = [], 0.0
        held.append(piece)
        length += size
    if held:
        yield _joined(held)


def _size(text: str) -> float:
    return max(words(text), len(text) / WORD_CHARACTERS)


def _joined(pieces: Sequence[str]) -> str:
    """Return pieces as one line; a line that ends without a mark gets one, so that it does not run into the next."""
    lines = [line.strip() for piece in pieces for line in piece.split("\n") if line.strip()]
    return " ".join(line if line[-1] in ".!?…。！？；;:：,，" or line is lines[-1] else f"{line};" for line in lines)


def _pieces(paragraph: str) -> Iterator[str]:
    """Yield a paragraph whole if it is short enough, else its sentences, else stretches of them."""
    if _size(paragraph) <= MOST:
        yield paragraph
        return
    begins = 0
    for ends in [*(match.end() for match in _END.finditer(paragraph)), len(paragraph)]:
        sentence, begins = paragraph[begins:ends].strip(), ends
        if _size(sentence) > MOST:
            yield from _stretches(sentence)
        elif sentence:
            yield sentence


def _stretches(sentence: str) -> Iterator[str]:
    """Yield a sentence that is too long in stretches of ``FULL`` words, cut at spaces or, without any, anywhere."""
    held, length = "", 0.0
    for match in _SPACED.finditer(sentence):
        for start in range(0, len(match[0]), FULL):
            bit = match[0][start : start + FULL]
            size = _size(bit)
            if held and length + size > FULL:
                yield held.strip()
                held, length = "", 0.0
            held, length = held + bit, length + size
    if held.strip():
        yield held.strip()
