"""Plain text and Markdown, cut into sections. Pure."""

import re
from collections.abc import Iterator

from pipeline.dialog.knowledge.documents import Section
from pipeline.dialog.knowledge.terms import DENSE

TITLE_CHARACTERS = 80
LINE_CHARACTERS = 10_000
"""A longer line is no text that somebody wrote with marks in it."""
ENDS = tuple(".!?。！？:：;；,，")

_HEADING = re.compile(r" {0,3}(#{1,6})\s+(.+?)\s*#*\s*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})\s*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_RULE = re.compile(r"[ \t]*(?:[-*_][ \t]*){3,}$")
_TABLE_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_LEADING = re.compile(r"^[ \t]*(?:>[ \t]?)*(?:(?:[-*+•]|\d{1,3}[.)])[ \t]+)?(?:\[[ xX]\][ \t]+)?")
_LINK = re.compile(r"!?\[([^\[\]\n]*)\](?:\([^()\s]*(?:\s+[\"'][^\"'\n]*[\"'])?\)|\[[^\[\]\n]*\])")
_REFERENCE = re.compile(r" {0,3}\[[^\]\n]+\]:\s*\S+.*$")
_STRESS = re.compile(r"(\*{1,3}|~~|`+|(?<![^\W_])_{1,3})(?=\S)(.{1,300}?)(?<=\S)\1(?!(?<=_)[^\W_])")
_GLUED = re.compile(rf"[{DENSE}，。！？；：、”》][{DENSE}，。！？；：、“《]")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")


def text(written: str) -> list[Section]:
    """Return a text's paragraphs, parted by empty lines, as one section; a short first line alone is its title."""
    blocks = re.split(r"\n[ \t]*\n", written.replace("\r\n", "\n").strip())
    paragraphs = [flowing(block.split("\n")) for block in blocks]
    first = paragraphs[0]
    if len(paragraphs) > 1 and len(first) <= TITLE_CHARACTERS and "\n" not in blocks[0] and first[-1:] not in ENDS:
        return [Section((first,), tuple(paragraphs[1:]))]
    return [Section((), tuple(paragraphs))]


def markdown(written: str) -> list[Section]:
    """Return the sections of a Markdown text without its marks; the cells of a table's row become one line."""
    sections: list[Section] = []
    path: list[tuple[int, str]] = []
    lines: list[str] = []

    def close() -> None:
        sections.append(Section(tuple(title for _, title in path), tuple(_paragraphs(lines))))
        lines.clear()

    for level, line in _lines(written):
        if level:
            close()
            path[:] = [(depth, title) for depth, title in path if depth < level]
            path.append((level, _unmarked(line).strip()))
        else:
            lines.append(line)
    close()
    return sections


def _lines(written: str) -> Iterator[tuple[int, str]]:
    """Yield each line with its level as a heading, 0 for one that is none; what code says is text as it stands."""
    lines = _without_preface(written.replace("\r\n", "\n").split("\n"))
    fence, place = "", 0
    while place < len(lines):
        line, place = lines[place], place + 1
        mark = _FENCE.match(line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        elif fence:
            yield 0, line
        elif heading := _HEADING.match(line):
            yield len(heading[1]), heading[2]
        elif place < len(lines) and line.strip() and "|" not in line and (under := _UNDERLINE.match(lines[place])):
            place += 1
            yield (1 if under[1][0] == "=" else 2), line.strip()
        elif not _REFERENCE.match(line) and not ("|" in line and _TABLE_RULE.match(line)):
            yield 0, "" if _RULE.match(line) else _unmarked(line)


def _without_preface(lines: list[str]) -> list[str]:
    """Return the lines without a preface of settings between two lines of dashes."""
    if lines and lines[0].strip() == "---":
        ends = next((number for number, line in enumerate(lines[1:], 1) if line.strip() in {"---", "..."}), 0)
        return lines[ends + 1 :] if ends else lines
    return lines


def _paragraphs(lines: list[str]) -> Iterator[str]:
    """Yield the paragraphs; the items of a list and the rows of a table stay lines, what was wrapped does not."""
    block: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            block.append(line)
        elif block:
            yield flowing(block)
            block = []


def flowing(lines: list[str]) -> str:
    """Return lines as one, but for those that begin with a break; scripts without spaces get none between lines."""
    flowing = ""
    for line in lines:
        text = line.strip()
        if flowing and text and not line.startswith("\n"):
            flowing += "" if _GLUED.fullmatch(flowing[-1] + text[0]) else " "
        flowing += "\n" + text if line.startswith("\n") else text
    return flowing.strip("\n")


def _unmarked(line: str) -> str:
    """Return a line without marks; with a break in front if it is an item or a row."""
    is_row = line.strip().startswith("|")
    if is_row:
        cells = (cell.strip() for cell in line.strip().strip("|").split("|"))
        line = ", ".join(cell for cell in cells if cell)
    lead = _LEADING.match(line)
    is_item = is_row or bool(lead and lead[0].strip(" \t>"))
    line = _LINK.sub(r"\1", _LEADING.sub("", line))
    for _ in range(3 if len(line) < LINE_CHARACTERS else 0):
        line = _STRESS.sub(r"\2", line)
    return ("\n" if is_item else "") + _ESCAPE.sub(r"\1", line)
