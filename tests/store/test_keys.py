import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import RecordsError
from pipeline.store.keys import Keys, make, read

NAME, OTHER = "⟨phone:abcdefghijklmnop⟩", "⟨phone:ponmlkjihgfedcba⟩"
ORIGINALS = {NAME: "415 555 2672", OTHER: "幺三八一二三四五六七八"}
KEYS = Keys(b"k" * 32, ["clinic", "bakers"])


def refused(path: Path) -> RecordsError:
    with pytest.raises(RecordsError) as caught:
        read(path)
    return caught.value


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "key"
    make(path)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    before = path.read_text()
    with pytest.raises(RecordsError) as caught:
        make(path)
    assert (caught.value.code, path.read_text()) == ("key-exists", before)
    assert read(path).naming("bakers") == read(path).naming("bakers")


def test_two_keys_are_not_the_same(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make(tmp_path / name)
    assert read(tmp_path / "one").naming("bakers") != read(tmp_path / "two").naming("bakers")


def test_a_key_that_is_not_there_is_said_with_the_command_that_makes_it(tmp_path: Path) -> None:
    error = refused(tmp_path / "key")
    assert (error.code, str(tmp_path / "key") in str(error)) == ("no-key", True)
    assert error.fix == "voicepipe calls key, or bring the file back"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    make(tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    error = refused(tmp_path / "key")
    assert (error.code, error.fix) == ("key-too-open", f"chmod 600 {tmp_path / 'key'}")
    assert f"has mode 0{mode:o}" in str(error)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can own a file for another")
@pytest.mark.parametrize(("mode", "fine"), [(0o440, True), (0o640, True), (0o660, False), (0o444, False)])
def test_a_group_may_read_a_key_that_is_not_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, fine: bool
) -> None:
    make(tmp_path / "key")
    (tmp_path / "key").chmod(mode)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    if fine:
        read(tmp_path / "key")
    else:
        assert refused(tmp_path / "key").code == "key-too-open"


@pytest.mark.parametrize("content", ["", "hello there", "ab" * 31, "ab" * 33, "ab" * 3000, "ß" * 64, "\0" * 64])
def test_a_file_that_holds_no_key_is_refused_without_a_word_of_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key"
    path.touch(0o600)
    path.write_text(content)
    error = refused(path)
    assert error.code == "key-broken"
    assert not content or content not in str(error)


def test_a_folder_in_its_place_and_one_that_nothing_can_be_put_into_are_named(tmp_path: Path) -> None:
    assert refused(tmp_path).code == "key-unreadable"
    (tmp_path / "plain").touch()
    with pytest.raises(RecordsError, match=r"records\.key: .*plain/key") as caught:
        make(tmp_path / "plain" / "key")
    assert caught.value.code == "key-unwritable"


def test_what_was_sealed_opens_again_and_shows_nothing_before() -> None:
    sealed = KEYS.sealed("bakers", ORIGINALS)
    assert KEYS.opened("bakers", sealed) == ORIGINALS
    for name, original in ORIGINALS.items():
        assert original.encode() not in sealed[name]
    assert KEYS.sealed("bakers", ORIGINALS) != sealed


@given(st.text())
def test_every_text_comes_back_as_files_can_hold_it(original: str) -> None:
    opened = KEYS.opened("bakers", KEYS.sealed("bakers", {NAME: original}))
    assert opened == {NAME: original.encode("utf-8", "replace").decode()}


def _with_another_key(sealed: dict[str, bytes]) -> None:
    Keys(b"x" * 32, ["bakers"]).opened("bakers", sealed)


def _as_another_tenant(sealed: dict[str, bytes]) -> None:
    KEYS.opened("clinic", sealed)


def _under_another_name(sealed: dict[str, bytes]) -> None:
    KEYS.opened("bakers", {NAME: sealed[OTHER]})


def _changed(sealed: dict[str, bytes]) -> None:
    KEYS.opened("bakers", {NAME: sealed[NAME][:-1] + bytes([sealed[NAME][-1] ^ 1])})


def _cut(sealed: dict[str, bytes]) -> None:
    KEYS.opened("bakers", {NAME: sealed[NAME][:4]})


@pytest.mark.parametrize("wrong", [_with_another_key, _as_another_tenant, _under_another_name, _changed, _cut])
def test_nothing_opens_but_with_its_key_tenant_and_name(wrong: Callable[[dict[str, bytes]], None]) -> None:
    with pytest.raises(RecordsError) as caught:
        wrong(KEYS.sealed("bakers", ORIGINALS))
    assert caught.value.code == "wrong-key"
    assert "415" not in str(caught.value)


def test_a_tenant_that_does_not_allow_it_has_nothing_sealed_and_nothing_opened() -> None:
    assert KEYS.sealed("strict", ORIGINALS) == {}
    with pytest.raises(RecordsError, match=r"records\.tenants\.strict\.restore is off") as caught:
        KEYS.opened("strict", {})
    assert caught.value.code == "no-restore"


def test_tenants_and_purposes_have_keys_of_their_own() -> None:
    assert KEYS.naming("clinic") != KEYS.naming("bakers") != b"k" * 32
