from pathlib import Path

import pytest

from pipeline.core.errors import ModelError
from pipeline.models.store import Store, cache_folder
from tests.models.conftest import BODY, CONFIG, HUB, Bench, model_of


@pytest.fixture
def store(stocked: Bench) -> Store:
    stocked.pull(model_of(HUB, name="here"))
    return stocked.store(model_of(HUB, name="missing"), model_of(HUB, name="here"))


@pytest.mark.parametrize(
    ("given", "environment", "folder"),
    [
        ("/given", {"XDG_CACHE_HOME": "/xdg", "HOME": "/home/ann"}, "/given"),
        (None, {"XDG_CACHE_HOME": "/xdg", "HOME": "/home/ann"}, "/xdg/voicepipe"),
        (None, {"HOME": "/home/ann"}, "/home/ann/.cache/voicepipe"),
        (None, {"XDG_CACHE_HOME": "relative", "HOME": "/home/ann"}, "/home/ann/.cache/voicepipe"),
    ],
)
def test_the_cache_folder_follows_the_xdg_rules(given: str | None, environment: dict[str, str], folder: str) -> None:
    assert cache_folder(Path(given) if given else None, environment) == Path(folder)


def test_a_present_model_has_a_folder_and_files(store: Store) -> None:
    assert store.path("here").is_dir()
    assert store.file("here", ".json").read_bytes() == CONFIG


def test_a_missing_model_is_named_with_the_command_that_fetches_it(store: Store) -> None:
    with pytest.raises(ModelError, match="model missing is not in") as caught:
        store.path("missing")
    assert caught.value.code == "model-missing"
    assert caught.value.fix == "voicepipe models pull missing"


def test_the_first_present_model_of_a_list_is_taken(store: Store) -> None:
    assert store.first_present(["a-tag-of-ollama", "missing", "here"]) == "here"
    with pytest.raises(ModelError) as caught:
        store.first_present(["a-tag-of-ollama", "missing"])
    assert caught.value.fix == "voicepipe models pull missing"


def test_a_file_that_was_cut_short_makes_the_model_missing(store: Store) -> None:
    (store.folder("here") / "model.bin").write_bytes(BODY[:-1])
    assert not store.present("here")


def test_a_flipped_bit_is_found_by_verifying_and_named_with_both_hashes(store: Store) -> None:
    weights = store.folder("here") / "model.bin"
    weights.write_bytes(bytes([BODY[0] ^ 1]) + BODY[1:])
    assert store.present("here")
    with pytest.raises(ModelError, match=r"model\.bin has sha256 \w{64}, expected \w{64}") as caught:
        store.verify("here")
    assert caught.value.code == "model-broken"
    assert caught.value.fix == "voicepipe models pull here"


def test_files_that_are_missing_or_cannot_be_read_are_faults(store: Store) -> None:
    folder = store.folder("here")
    (folder / "model.bin").unlink()
    (folder / "config.json").unlink()
    (folder / "config.json").mkdir()
    assert store.faults("here") == {"model.bin": "is missing", "config.json": "cannot be read: Is a directory"}
