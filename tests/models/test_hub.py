import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import ModelError
from pipeline.models.catalog import HubSource, Model, ModelFile
from tests.models.conftest import BODY, CONFIG, HUB, Bench, model_of, sha
from tests.models.hub_server import serving

WEIGHTS = "/owner/repo/resolve/main/model.bin"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_model_comes_from_the_hub_whole_and_nothing_else_is_left_behind(stocked: Bench) -> None:
    model = model_of(HUB)
    folder = stocked.pull(model)
    assert contents(folder) == {"model.bin": BODY, "config.json": CONFIG}
    assert sorted(path.name for path in folder.parent.iterdir()) == [".locks", "some-model"]
    assert stocked.store(model).present("some-model")


def test_progress_ends_at_the_size_of_the_model(stocked: Bench) -> None:
    stocked.pull(model_of(HUB))
    assert stocked.notes.bytes[-1] == (len(BODY) + len(CONFIG), len(BODY) + len(CONFIG))
    assert [done for done, _ in stocked.notes.bytes] == sorted(done for done, _ in stocked.notes.bytes)


def test_a_model_that_is_there_is_not_asked_for_again(stocked: Bench) -> None:
    stocked.pull(model_of(HUB))
    stocked.hub.asked.clear()
    stocked.pull(model_of(HUB))
    assert stocked.hub.asked == []


def test_a_folder_and_other_names_at_the_hub_are_respected(bench: Bench) -> None:
    bench.hub.put("voices/joe/weights 1.bin", BODY)
    bench.hub.files["/owner/repo/resolve/main/voices/joe/weights%201.bin"] = BODY
    bench.hub.put("voices/joe/config.json", CONFIG)
    source = HubSource("hub", "owner/repo", "main", folder="voices/joe", rename={"model.bin": "weights 1.bin"})
    assert contents(bench.pull(model_of(source)))["model.bin"] == BODY


def test_a_connection_that_breaks_is_taken_up_where_it_broke(stocked: Bench) -> None:
    stocked.hub.breaks = [100_000, 50_000]
    assert contents(stocked.pull(model_of(HUB)))["model.bin"] == BODY
    ranges = [wanted for path, wanted in stocked.hub.asked if path == WEIGHTS]
    assert ranges == ["", "bytes=100000-", "bytes=150000-"]


@settings(max_examples=20, deadline=None)
@given(breaks=st.lists(st.integers(1, len(BODY)), max_size=5))
def test_wherever_connections_break_the_file_comes_whole(breaks: list[int]) -> None:
    with serving() as server, TemporaryDirectory() as tmp:
        bench = Bench(Path(tmp), server)
        server.put("model.bin", BODY)
        server.put("config.json", CONFIG)
        server.breaks = breaks
        assert contents(bench.pull(model_of(HUB)))["model.bin"] == BODY


def test_a_pull_that_is_repeated_goes_on_from_the_bytes_that_came(stocked: Bench) -> None:
    stocked.hub.breaks = [200_000, 0]
    with pytest.raises(ModelError, match="broke off at byte 200000"):
        stocked.pull(model_of(HUB))
    stocked.hub.asked.clear()
    assert contents(stocked.pull(model_of(HUB)))["model.bin"] == BODY
    assert stocked.hub.asked[0] == (WEIGHTS, "bytes=200000-")


def test_a_file_that_changed_at_the_hub_in_between_starts_from_the_beginning(stocked: Bench) -> None:
    model = model_of(HUB)
    stocked.hub.put("model.bin", b"x" * len(BODY))
    stocked.hub.breaks = [200_000, 0]
    with pytest.raises(ModelError):
        stocked.pull(model)
    stocked.hub.put("model.bin", BODY)
    assert contents(stocked.pull(model))["model.bin"] == BODY


def test_a_file_that_is_not_at_the_hub_is_named_with_the_status(bench: Bench) -> None:
    with pytest.raises(ModelError, match=r"hub repository owner/repo: model\.bin: HTTP 404") as caught:
        bench.pull(model_of(HUB))
    assert caught.value.code == "model-unavailable"


def test_a_file_of_another_size_is_refused_before_its_body_comes(stocked: Bench) -> None:
    stocked.hub.put("model.bin", BODY + b"more")
    with pytest.raises(ModelError, match=f"the hub has {len(BODY) + 4} bytes, the catalog says {len(BODY)}"):
        stocked.pull(model_of(HUB))


def test_a_hub_that_cannot_be_reached_is_asked_once_for_many_models(stocked: Bench) -> None:
    stocked.hub.url = "http://127.0.0.1:9"
    other = HubSource("hub", "owner/other", "main")
    with pytest.raises(ModelError, match=r"127\.0\.0\.1:9 does not answer") as caught:
        stocked.pull(model_of(HUB, other))
    assert str(caught.value).count("does not answer") == 2
    assert len(stocked.notes.texts) == 1


def test_a_flipped_bit_is_refused_by_name_with_both_hashes_and_removed(stocked: Bench) -> None:
    broken = bytes([BODY[0] ^ 1]) + BODY[1:]
    stocked.hub.put("model.bin", broken)
    with pytest.raises(ModelError, match=r"model\.bin: sha256 is") as caught:
        stocked.pull(model_of(HUB))
    assert sha(broken) in str(caught.value)
    assert sha(BODY) in str(caught.value)
    left = [path for path in stocked.cache.rglob("*") if path.is_file() and path.name == "model.bin"]
    assert left == []


def test_after_a_wrong_hash_the_next_source_is_tried(stocked: Bench) -> None:
    stocked.hub.files["/owner/mirror/resolve/main/model.bin"] = BODY
    stocked.hub.files["/owner/mirror/resolve/main/config.json"] = CONFIG
    stocked.hub.put("model.bin", b"?" * len(BODY))
    folder = stocked.pull(model_of(HUB, HubSource("hub", "owner/mirror", "main")))
    assert contents(folder)["model.bin"] == BODY
    assert "sha256 is" in stocked.notes.texts[0]


def test_a_model_that_was_broken_on_the_disk_gets_only_its_broken_file_again(stocked: Bench) -> None:
    model = model_of(HUB)
    folder = stocked.pull(model)
    (folder / "model.bin").write_bytes(b"?" * len(BODY))
    stocked.hub.asked.clear()
    assert contents(stocked.pull(model)) == {"model.bin": BODY, "config.json": CONFIG}
    assert [path for path, _ in stocked.hub.asked] == [WEIGHTS]


def test_a_file_with_no_known_hash_is_refused_unless_it_may_be_trusted(stocked: Bench) -> None:
    with pytest.raises(ModelError, match="nobody could confirm") as caught:
        stocked.pull(model_of(HUB, pinned=False))
    assert caught.value.fix == "voicepipe models pull some-model --trust-on-first-use"
    assert stocked.hub.asked == []


def test_a_file_taken_on_trust_is_held_to_what_it_was_at_first(stocked: Bench) -> None:
    model = model_of(HUB, pinned=False)
    store = stocked.store(model)
    folder = stocked.pull(model, trust=True)
    assert (folder / "first-use.sha256").read_text() == f"{sha(CONFIG)}  config.json\n{sha(BODY)}  model.bin\n"
    assert store.present("some-model")
    store.verify("some-model")
    (folder / "model.bin").write_bytes(b"?" + BODY[1:])
    with pytest.raises(ModelError, match=r"model\.bin has sha256"):
        store.verify("some-model")


def test_two_pulls_of_one_model_at_once_download_it_once(stocked: Bench) -> None:
    model, folders = model_of(HUB), []
    threads = [threading.Thread(target=lambda: folders.append(stocked.pull(model))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert folders[0] == folders[1]
    assert contents(folders[0])["model.bin"] == BODY
    assert [path for path, _ in stocked.hub.asked].count(WEIGHTS) == 1


def test_what_stops_a_pull_leaves_nothing_half_placed_and_the_next_one_goes_on(stocked: Bench) -> None:
    model = model_of(HUB)

    def stop(model: str, done: int, total: int) -> None:
        if done > 100_000:
            raise KeyboardInterrupt

    stocked.notes.moved = stop  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        stocked.pull(model)
    assert not stocked.store(model).folder("some-model").exists()
    del stocked.notes.moved
    stocked.hub.asked.clear()
    stocked.pull(model)
    assert stocked.hub.asked[0][1].startswith("bytes=")


def test_a_disk_without_room_is_told_with_what_mends_it(stocked: Bench) -> None:
    huge = 1 << 60
    model = Model("some-model", "asr", "MIT", ("en",), "", huge, (ModelFile("model.bin", huge, sha(BODY)),), (HUB,))
    with pytest.raises(ModelError, match="bytes needed") as caught:
        stocked.pull(model)
    assert caught.value.code == "cache-unwritable"
    assert "make room" in caught.value.fix
    assert not stocked.store(model).folder("some-model").exists()


def test_a_cache_that_cannot_be_written_is_named(stocked: Bench) -> None:
    stocked.cache.write_text("a file where a folder should be")
    with pytest.raises(ModelError, match=f"{stocked.cache}") as caught:
        stocked.pull(model_of(HUB))
    assert caught.value.code == "cache-unwritable"


def test_the_first_model_of_a_list_that_can_be_had_is_taken(stocked: Bench) -> None:
    missing = HubSource("hub", "owner/nowhere", "main")
    with httpx.Client() as http:
        puller = stocked.puller(http, model_of(missing, name="first"), model_of(HUB, name="second"))
        assert puller.pull_first(["not-in-the-catalog", "first", "second"]) == "second"
