import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from pipeline.core.errors import DialogError, KnowledgeError
from pipeline.dialog.knowledge.build import BATCH, build
from pipeline.dialog.knowledge.database import Database

pytestmark = pytest.mark.anyio

Folder = Callable[..., Path]


def left(folder: Path) -> dict[str, int]:
    """Return the files of a folder and who may do what with them."""
    return {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir() if file.is_file()}


class FakeEmbedder:
    """Gives each text its length."""

    model = "lengths"

    def __init__(self, fails_at: int = -1) -> None:
        self.batches: list[int] = []
        self._fails_at = fails_at

    async def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        if len(self.batches) == self._fails_at:
            raise DialogError("engine-timeout", "too slow")
        self.batches.append(len(texts))
        return [[1.0, float(len(text))] for text in texts]


async def test_a_folder_becomes_a_file(folder: Folder, tmp_path: Path) -> None:
    documents = folder(hours_md="# Hours\nNine to five.", faq_csv="question,answer\nWhen?,Now.\n", a_txt="七点开门。")
    built = await build(documents, tmp_path / "shop.kb")
    assert (built.documents, built.passages, built.pairs, built.skipped) == (3, 3, 1, ())
    opened = Database(tmp_path / "shop.kb")
    assert opened.about["version"] == built.version
    assert opened.about["built_with"].startswith("voicepipe ")


async def test_the_version_depends_on_what_the_documents_say_only(folder: Folder, tmp_path: Path) -> None:
    first = await build(folder(a_md="# A\nText  here."), tmp_path / "1.kb")
    same = await build(folder(a_md="# A #\n\n\nText here.\n"), tmp_path / "2.kb")
    other = await build(folder(a_md="# A\nText there."), tmp_path / "3.kb")
    assert first.version == same.version != other.version


async def test_a_document_that_can_not_be_read_is_left_out_and_named(folder: Folder, tmp_path: Path) -> None:
    documents = folder(a_md="Text.", b_md="", c_docx="x", old_kb="x")
    (documents / "d.txt").write_bytes(b"\xff\xfe\xfd")
    (documents / "e.md").write_bytes(b"x" * 10_000_000)
    (documents / os.fsdecode(b"f\xff.md")).write_text("Text.")
    built = await build(documents, tmp_path / "shop.kb")
    assert built.documents == 1
    codes = {one.source: one.code for one in built.skipped}
    assert codes == {
        "b.md": "document-empty",
        "c.docx": "unknown-kind",
        "d.txt": "wrong-encoding",
        "e.md": "document-too-large",
        "f?.md": "document-unreadable",
    }
    assert all(one.source in one.why for one in built.skipped)


async def test_nothing_to_read_is_an_error_that_says_why(folder: Folder, tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match=r"b\.md: holds no text") as caught:
        await build(folder(b_md=""), tmp_path / "shop.kb")
    assert caught.value.code == "no-documents"
    assert not (tmp_path / "shop.kb").exists()


async def test_a_file_is_replaced_whole_while_it_is_open(folder: Folder, tmp_path: Path) -> None:
    out = tmp_path / "shop.kb"
    await build(folder(a_md="Rye bread."), out)
    opened = Database(out)
    await build(folder(a_md="Wheat bread."), out)
    assert opened.rows(opened.best(["rye"], 1))[0][3] == "Rye bread."
    assert Database(out).rows([1])[0][3] == "Wheat bread."
    assert left(tmp_path) == {"shop.kb": 0o644}


async def test_vectors_come_in_batches_and_are_kept(folder: Folder, tmp_path: Path) -> None:
    embedder, moved = FakeEmbedder(), []
    text = "\n".join(f"# Part {number}\nText {'x' * number}." for number in range(BATCH + 1))
    built = await build(
        folder(a_md=text), tmp_path / "a.kb", embedder=embedder, moved=lambda *steps: moved.append(steps)
    )
    assert built.embedding == "lengths"
    assert embedder.batches == [BATCH, 1]
    assert moved == [(BATCH, BATCH + 1), (BATCH + 1, BATCH + 1)]
    opened = Database(tmp_path / "a.kb")
    assert opened.vectors
    assert (opened.about["embedding_model"], opened.about["embedding_dimension"]) == ("lengths", "2")


async def test_passages_in_languages_that_the_model_was_not_made_for_get_no_vectors(
    folder: Folder, tmp_path: Path
) -> None:
    documents = folder(a_md="# A\nText.", b_md="# 价格\n面包五元。")
    embedder = FakeEmbedder()
    await build(documents, tmp_path / "a.kb", embedder=embedder, embedder_languages=("en",))
    assert embedder.batches == [1]
    assert Database(tmp_path / "a.kb").nearest([1.0, 9.0], 5) == [1]
    built = await build(documents, tmp_path / "b.kb", embedder=embedder, embedder_languages=("fr",))
    assert built.embedding == ""
    assert not Database(tmp_path / "b.kb").vectors


async def test_a_server_that_fails_leaves_the_old_file(folder: Folder, tmp_path: Path) -> None:
    out = tmp_path / "a.kb"
    await build(folder(a_md="Old."), out)
    with pytest.raises(DialogError):
        await build(folder(a_md="New."), out, embedder=FakeEmbedder(fails_at=0))
    assert Database(out).rows([1])[0][3] == "Old."


async def test_a_place_that_can_not_be_written_is_named(folder: Folder, tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="nowhere") as caught:
        await build(folder(a_md="Text."), tmp_path / "nowhere" / "a.kb")
    assert caught.value.code == "knowledge-unwritable"
    (tmp_path / "taken.kb").mkdir()
    with pytest.raises(KnowledgeError, match=r"taken\.kb"):
        await build(folder(a_md="Text."), tmp_path / "taken.kb")
