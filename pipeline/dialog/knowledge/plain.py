"""Plain text and Markdown, cut into sections. Pure."""

import re
from collections.abc import Iterator

from pipeline.dialog.knowledge.documents import Section

_HEADING = re.compile(r" {0,3}(#{1,6})\s+(.+?)\s*#*\s*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})\s*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_RULE = re.compile(r"[ \t]*(?:[-*_][ \t]*){3,}$|[ \t]*\|?(?:[ \t]*:?-+:?[ \t]*\|)+(?:[ \t]*:?-+:?)?[ \t]*$")
_LEADING = re.compile(r"^[ \t]*(?:>[ \t]?)*(?:(?:[-*+•]|\d{1,3}[.)])[ \t]+)?(?:\[[ xX]\][ \t]+)?")
_LINK = re.compile(r"!?\[([^\[\]\n]*)\](?:\([^()\s]*(?:\s+[\"'][^\"'\n]*[\"'])?\)|\[[^\[\]\n]*\])")
_REFERENCE = re.compile(r" {0,3}\[[^\]\n]+\]:\s*\S+.*$")
_STRESS = re.compile(r"(\*{1,3}|_{1,3}|~~|`+)(?=\S)(.+?)(?<=\S)\1")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")


def text(written: str) -> list[Section]:
    """Return a text's paragraphs as one section: they are parted by empty lines."""
    paragraphs = tuple(" ".join(part.split()) for part in re.split(r"\n[ \t]*\n", written.replace("\r\n", "\n")))
    return [Section((), paragraphs)]


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
            path.append((level, _unmarked(line)))
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
        elif not _REFERENCE.match(line):
            yield 0, "" if _RULE.match(line) else _unmarked(line)


def _without_preface(lines: list[str]) -> list[str]:
    """Return the lines without a preface of settings between two lines of dashes."""
    if lines and lines[0].strip() == "---":
        ends = next((number for number, line in enumerate(lines[1:], 1) if line.strip() in {"---", "..."}), 0)
        return lines[ends + 1 :] if ends else lines
    return lines


def _paragraphs(lines: list[str]) -> Iterator[str]:
    """Yield the paragraphs; the lines of a list or a table stay lines, each with an end that can be read."""
    block: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            block.append(line.strip())
        elif block:
            yield "\n".join(block)
            block = []


def _unmarked(line: str) -> str:
    if line.strip().startswith("|"):
        cells = (cell.strip() for cell in line.strip().strip("|").split("|"))
        line = ", ".join(cell for cell in cells if cell)
    line = _LINK.sub(r"\1", _LEADING.sub("", line))
    for _ in range(3):
        line = _STRESS.sub(r"\2", line)
    return _ESCAPE.sub(r"\1", line)
