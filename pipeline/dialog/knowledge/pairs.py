"""Approved pairs of question and answer, from CSV."""

import csv
import io
import re
from pathlib import Path

from pipeline.core.errors import KnowledgeError
from pipeline.dialog.knowledge.documents import Section

ANSWER_CHARACTERS = 2000
"""An answer that is spoken as it stands takes two minutes at that length."""
_LANGUAGE = re.compile(r"[a-z]{2,3}")


def pairs(written: str, file: Path) -> list[Section]:
    """Return one section for each row with the columns ``question`` and ``answer``, and ``language`` if there is one.

    Raises KnowledgeError ``document-broken`` with the line.
    """
    rows = csv.DictReader(io.StringIO(written, newline=""), strict=True)
    try:
        names = {(name or "").strip().lower(): name for name in rows.fieldnames or ()}
        if not {"question", "answer"} <= names.keys():
            raise _broken(file, 1, "the first line must name the columns question and answer", "question,answer")
        return [section for row in rows if (section := _pair(row, names, file, rows.line_num)) is not None]
    except csv.Error as error:
        raise _broken(file, rows.line_num, str(error), "put texts with commas or quotes into quotes") from error


def _pair(row: dict[str, str], names: dict[str, str], file: Path, line: int) -> Section | None:
    if None in row:
        raise _broken(file, line, "has more cells than there are columns", "put texts with commas into quotes")
    question, answer, language = (
        (row.get(names.get(column, "")) or "").strip() for column in ("question", "answer", "language")
    )
    if not question and not answer:
        return None
    if not question or not answer:
        raise _broken(file, line, f"has no {'answer' if question else 'question'}", "fill the cell, or empty the row")
    if len(answer) > ANSWER_CHARACTERS:
        raise _broken(file, line, f"the answer is longer than {ANSWER_CHARACTERS} characters", "make it shorter")
    language = language.partition("-")[0].lower()
    if language and not _LANGUAGE.fullmatch(language):
        raise _broken(file, line, f"{language[:20]!r} is no language", "write a tag such as en or zh")
    return Section((question,), (answer,), question, language)


def _broken(file: Path, line: int, what: str, fix: str) -> KnowledgeError:
    return KnowledgeError("document-broken", f"{file}: line {line}: {what}", fix=fix)
