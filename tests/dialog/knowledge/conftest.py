from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.dialog.knowledge.database import write
from pipeline.dialog.knowledge.documents import Section
from pipeline.dialog.knowledge.passages import cut
from pipeline.dialog.knowledge.search import Knowledge

SECTIONS = {
    "hours.md": [
        Section(("Hours",), ("We are open from seven until six.",)),
        Section(("Parking",), ("There is free parking behind the shop, beside the open market.",)),
    ],
    "prices.md": [Section(("Prices", "Bread"), ("A rye bread is five dollars.", "A baguette is two dollars."))],
    "营业时间.md": [Section(("营业时间",), ("面包店早上七点开门，晚上八点关门。",))],
    "faq.csv": [
        Section(("Are you open on Sunday?",), ("No, on Sunday we are closed.",), "Are you open on Sunday?", "en"),
        Section(("Are you open on Saturday?",), ("Yes, until two.",), "Are you open on Saturday?", "en"),
        Section(("Do you deliver?",), ("Yes, within five miles.",), "Do you deliver?", "en"),
        Section(("星期天开门吗？",), ("星期天不营业。",), "星期天开门吗？", "zh"),
    ],
}
CUTS = [one for source, sections in SECTIONS.items() for one in cut(sections, source, "en")]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of knowledge without vectors."""
    path = tmp_path / "shop.kb"
    write(path, CUTS, {"built_with": "tests"})
    return path


@pytest.fixture
def knowledge(file: Path) -> Iterator[Knowledge]:
    """An open one."""
    opened = Knowledge.open(file)
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Make a folder of documents, given what each says."""

    def made(**documents: str) -> Path:
        home = tmp_path / "documents"
        home.mkdir(exist_ok=True)
        for name, text in documents.items():
            (home / name.replace("_", ".")).write_text(text, encoding="utf-8")
        return home

    return made
