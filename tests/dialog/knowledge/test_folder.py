from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.core.errors import KnowledgeError
from pipeline.dialog.knowledge.folder import opened
from tests.dialog.knowledge.test_search import FakeEmbedder

pytestmark = pytest.mark.anyio
Documents = Callable[..., Path]


def cut_short(cache: Path) -> None:
    """Leave the beginning of the only file in a cache."""
    (file,) = cache.glob("*.kb")
    file.write_bytes(file.read_bytes()[:1000])


async def test_documents_are_built_once_and_found(folder: Documents, tmp_path: Path) -> None:
    home, cache = folder(hours_md="# Hours\n\nWe open at nine."), tmp_path / "cache" / "knowledge"
    knowledge, built = await opened(home, cache, "en")
    assert built is not None
    assert (await knowledge.search("when do you open", budget=5.0))[0].text == "We open at nine."
    again, unbuilt = await opened(home, cache, "en")
    assert unbuilt is None
    assert again.version == knowledge.version
    assert len(list(cache.iterdir())) == 1
    knowledge.close()
    again.close()


@pytest.mark.parametrize("change", ["text", "name", "language", "more"])
async def test_what_has_changed_is_built_anew(folder: Documents, tmp_path: Path, change: str) -> None:
    home, cache = folder(hours_md="# Hours\n\nWe open at nine."), tmp_path / "cache"
    (await opened(home, cache, "en"))[0].close()
    if change == "text":
        folder(hours_md="# Hours\n\nWe open at ten!")  # of the same length
    elif change == "name":
        (home / "hours.md").rename(home / "opening.md")
    elif change == "more":
        (home / "photo.jpg").write_bytes(b"no document")
    knowledge, built = await opened(home, cache, "de" if change == "language" else "en")
    assert built is not None
    knowledge.close()


async def test_a_folder_gets_vectors_where_they_are_wanted_and_keeps_the_file_without(
    folder: Documents, tmp_path: Path
) -> None:
    home, cache = folder(hours_md="# Hours\n\nWe open at nine."), tmp_path / "cache"
    (await opened(home, cache, "en"))[0].close()
    for languages, builds in (((), True), ((), False), (("en",), True)):
        knowledge, built = await opened(home, cache, "en", FakeEmbedder(), languages)
        assert (built is not None) == builds
        assert knowledge.by_meaning
        assert knowledge.about["embedding_model"] == "minilm"
        knowledge.close()
    plain, unbuilt = await opened(home, cache, "en")
    assert (plain.by_meaning, unbuilt) == (False, None)
    plain.close()


async def test_a_file_that_was_cut_short_is_made_anew(folder: Documents, tmp_path: Path) -> None:
    home = folder(hours_md="# Hours\n\nWe open at nine.")
    (await opened(home, tmp_path, "en"))[0].close()
    cut_short(tmp_path)
    knowledge, built = await opened(home, tmp_path, "en")
    assert built is not None
    knowledge.close()


async def test_what_is_too_large_is_left_out_and_said(folder: Documents, tmp_path: Path) -> None:
    home = folder(hours_md="# Hours\n\nWe open at nine.")
    with (home / "large.txt").open("wb") as large:
        large.truncate(10 << 20)
    knowledge, built = await opened(home, tmp_path / "cache", "en")
    assert built is not None
    assert [one.code for one in built.skipped] == ["document-too-large"]
    knowledge.close()


async def test_a_folder_without_documents_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(KnowledgeError) as caught:
            await opened(folder, tmp_path / "cache", "en")
        assert caught.value.code == "no-documents"


async def test_a_cache_that_cannot_be_written_is_said(folder: Documents, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(KnowledgeError) as caught:
        await opened(folder(hours_md="# Hours\n\nWe open at nine."), tmp_path / "cache", "en")
    assert caught.value.code == "knowledge-unwritable"
