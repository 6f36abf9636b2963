import pytest

from pipeline import configuration
from pipeline.core.errors import ModelError
from pipeline.models import catalog, modelfile
from pipeline.models.catalog import HubSource, WheelSource
from pipeline.settings import SHARE

DIGEST = "0" * 64
GOOD = f"""
schema = 1
[[models]]
name = "tiny"
kind = "asr"
licence = "MIT"
languages = ["en"]
about = "a tiny one"
size = 30
files = [
  {{ path = "model.bin", size = 20, sha256 = "{DIGEST}" }},
  {{ path = "sub/config.json", size = 10, sha256 = "{DIGEST}" }},
]
[[models.sources]]
kind = "hub"
repo = "owner/repo"
revision = "main"
folder = "deep"
rename = {{ "model.bin" = "weights.bin" }}
[[models.sources]]
kind = "wheel"
distribution = "some-wheel"
version = "1.0"
[models.sources.members]
"model.bin" = [
  {{ distribution = "part-1", version = "1.0", member = "a/1" }},
  {{ distribution = "part-2", version = "1.0", member = "a/2" }},
]
"sub/config.json" = "a/config.json"
"""


@pytest.fixture(scope="module")
def shipped() -> catalog.Catalog:
    return catalog.read(SHARE / "models" / "catalog.toml")


def test_a_model_is_read_with_its_sources_in_order() -> None:
    model = catalog.parse(GOOD)["tiny"]
    hub, wheel = model.sources
    assert isinstance(hub, HubSource)
    assert isinstance(wheel, WheelSource)
    assert hub.remote("model.bin") == "deep/weights.bin"
    assert hub.remote("sub/config.json") == "deep/sub/config.json"
    assert [piece.wheel for piece in wheel.pieces("model.bin")] == ["part-1==1.0", "part-2==1.0"]
    assert [piece.wheel for piece in wheel.pieces("sub/config.json")] == ["some-wheel==1.0"]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('kind = "asr"', 'kind = "ear"', "models.tiny.kind: Input should be 'asr'"),
        ('licence = "MIT"', "", "models.tiny.licence: Field required"),
        ('licence = "MIT"', 'licence = "MIT"\nlicense = "MIT"', "models.tiny.license: Unexpected keyword argument"),
        ("size = 30", "size = 31", "size is 31, but its files have 30 bytes"),
        (DIGEST, "00", "models.tiny.files.0.sha256"),
        ("sub/config.json", "../config.json", "must be a plain relative path"),
        ("sub/config.json", "/etc/passwd", "must be a plain relative path"),
        ('"sub/config.json" = "a/config.json"', "", "wheel some-wheel 1.0: does not fit the files: sub/config.json"),
        ('rename = { "model.bin"', 'rename = { "other.bin"', "does not fit the files: other.bin"),
        ("schema = 1", "schema = 2", "schema: Input should be 1"),
        ("schema = 1", "schema = ", "not TOML"),
        ('name = "tiny"', 'name = "../tiny"', "name: String should match pattern"),
    ],
)
def test_what_is_wrong_in_a_catalog_is_told_with_its_place(old: str, new: str, complaint: str) -> None:
    assert old in GOOD
    with pytest.raises(ModelError) as caught:
        catalog.parse(GOOD.replace(old, new, 1), where="my.toml")
    assert complaint in str(caught.value)
    assert str(caught.value).startswith("my.toml")


def test_a_name_that_stands_there_twice_is_refused() -> None:
    with pytest.raises(ModelError, match="tiny stands there twice"):
        catalog.parse(GOOD + GOOD.replace("schema = 1", ""))


def test_an_unknown_name_is_answered_with_those_that_come_close(shipped: catalog.Catalog) -> None:
    with pytest.raises(ModelError, match=r"did you mean: whisper-tiny\.en") as caught:
        shipped["whisper-tiny"]
    assert caught.value.code == "unknown-model"


def test_every_file_of_the_shipped_catalog_has_a_hash(shipped: catalog.Catalog) -> None:
    assert all(model.pinned for model in shipped)


@pytest.mark.parametrize("profile", ["cpu", "t4", "a10"])
def test_every_profile_names_models_of_the_right_kind(shipped: catalog.Catalog, profile: str) -> None:
    settings = configuration.load(profile=profile)
    assert settings.profile.name == profile
    assert {shipped[name].kind for name in settings.recognition.models} == {"asr"}
    assert {shipped[name].kind for name in settings.dialog.models} == {"llm"}
    assert shipped[settings.speaking.voice].kind == "tts"
    assert "response_gap" in settings.budgets


@pytest.mark.parametrize("profile", ["cpu", "t4", "a10"])
def test_every_list_of_a_profile_has_a_model_that_needs_no_hub(shipped: catalog.Catalog, profile: str) -> None:
    settings = configuration.load(profile=profile)
    for names in (settings.recognition.models, settings.dialog.models, (settings.speaking.voice,)):
        assert any(isinstance(source, WheelSource) for name in names for source in shipped[name].sources)


def test_every_modelfile_parses_and_names_a_file_of_its_model(shipped: catalog.Catalog) -> None:
    found = sorted((SHARE / "models").glob("*.Modelfile"))
    assert found
    for file in found:
        parsed = modelfile.parse(file.read_text(encoding="utf-8"))
        assert parsed.source in {entry.path for entry in shipped[file.stem].files}
        assert parsed.template
