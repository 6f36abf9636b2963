import re
from pathlib import Path

import pytest

from pipeline.configuration import load
from pipeline.settings import SHARE, Settings, SettingsError


@pytest.fixture
def share(tmp_path: Path) -> Path:
    """Return a share folder with two profiles."""
    profiles = tmp_path / "models" / "profiles"
    profiles.mkdir(parents=True)
    (profiles / "cpu.toml").write_text('[profile]\nname = "cpu"\n[dialog]\nnum_predict = 50\ntemperature = 0.1\n')
    (profiles / "big.toml").write_text('[profile]\nname = "big"\n[recognition]\nworkers = 4\n')
    return tmp_path


def written(folder: Path, text: str) -> Path:
    file = folder / "voicepipe.toml"
    file.write_text(text)
    return file


def complaint(share: Path, text: str) -> str:
    """Return what is said of a settings file with this text."""
    with pytest.raises(SettingsError) as caught:
        load(config=written(share, text), share=share)
    return str(caught.value)


def test_without_a_file_the_cpu_profile_and_the_defaults_hold(share: Path) -> None:
    settings = load(share=share)
    assert settings.profile.name == "cpu"
    assert settings.dialog.num_predict == 50
    assert settings.dialog.top_p == Settings.model_fields["dialog"].default.top_p


def test_a_profile_is_chosen_by_name(share: Path) -> None:
    settings = load(profile="big", share=share)
    assert settings.profile.name == "big"
    assert settings.recognition.workers == 4


def test_a_profile_may_be_a_file(share: Path, tmp_path: Path) -> None:
    file = written(tmp_path, "[recognition]\nthreads = 7\n")
    assert load(profile=str(file), share=share).recognition.threads == 7


def test_an_unknown_profile_is_answered_with_the_known_ones(share: Path) -> None:
    with pytest.raises(SettingsError, match="profile 'huge' does not exist; there are: big, cpu"):
        load(profile="huge", share=share)


@pytest.mark.parametrize("name", ["cpu", "t4", "a10"])
def test_the_profiles_that_come_along_are_right(name: str) -> None:
    settings = load(profile=name, share=SHARE)
    assert settings.profile.name == name
    assert settings.budgets["response_gap"].p50 < settings.budgets["response_gap"].p95


def test_a_file_wins_over_the_profile_key_by_key(share: Path) -> None:
    settings = load(config=written(share, "[dialog]\nnum_predict = 99\n"), share=share)
    assert settings.dialog.num_predict == 99
    assert settings.dialog.temperature == 0.1


def test_an_override_wins_over_the_file(share: Path) -> None:
    config = written(share, "[dialog]\nnum_predict = 99\n")
    settings = load(config=config, overrides={"dialog": {"num_predict": 7}}, share=share)
    assert settings.dialog.num_predict == 7
    assert settings.dialog.temperature == 0.1


def test_the_environment_wins_over_files_and_options_win_over_the_environment(
    share: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOICEPIPE_DIALOG__NUM_PREDICT", "11")
    monkeypatch.setenv("VOICEPIPE_DIALOG__NUM_CTX", "2048")
    config = written(share, "[dialog]\nnum_predict = 99\nnum_ctx = 999\n")
    settings = load(config=config, overrides={"dialog": {"num_predict": 7}}, share=share)
    assert settings.dialog.num_predict == 7
    assert settings.dialog.num_ctx == 2048


def test_a_list_in_the_environment_that_is_no_json_is_named(share: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEPIPE_DIALOG__MODELS", "a")
    with pytest.raises(SettingsError, match=r"dialog.*JSON"):
        load(share=share)


def test_a_section_in_the_environment_that_is_none_is_named(share: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEPIPE_DIALOGUE__MODELS", "a")
    with pytest.raises(SettingsError, match=r"VOICEPIPE_DIALOGUE.*dialog"):
        load(share=share)


def test_a_wrong_key_is_named_with_all_that_is_allowed_in_its_place(share: Path) -> None:
    said = complaint(share, "[endpointing]\nsilense = 0.4\n")
    assert "endpointing.silense: no such key; allowed here: dip, max_silence, max_speech, min_silence," in said
    assert "voicepipe.toml" in said


def test_a_wrong_section_is_named_with_the_known_ones(share: Path) -> None:
    assert "dialogue: no such key; allowed here: agent, agents, barge_in," in complaint(share, "[dialogue]\n")


def test_a_wrong_key_in_the_environment_is_named_too(share: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEPIPE_DIALOG__NUM_PREDICTED", "11")
    with pytest.raises(SettingsError, match=r"dialog\.num_predicted: no such key; allowed here: .*num_predict,"):
        load(share=share)


def test_every_wrong_value_is_named_with_what_was_found(share: Path) -> None:
    said = complaint(share, '[dialog]\nnum_ctx = 12\nengine = "gpt"\n')
    assert "dialog.num_ctx: Input should be greater than or equal to 512 (found 12)" in said
    assert "dialog.engine: Input should be 'auto', 'ollama' or 'llamacpp' (found 'gpt')" in said


def test_a_value_where_a_section_belongs_is_named(share: Path) -> None:
    assert "dialog: Input should be a valid dictionary" in complaint(share, "dialog = 3\n")


def test_a_budget_for_no_span_is_refused_with_the_spans_there_are(share: Path) -> None:
    said = complaint(share, "[budgets.thinking]\np50 = 1.0\np95 = 2.0\n")
    assert "budgets.thinking: no such span; there are: endpointing, recognition," in said


def test_a_wrong_key_in_a_budget_is_named(share: Path) -> None:
    said = complaint(share, "[budgets.first_token]\np50 = 1.0\np95 = 2.0\np99 = 3.0\n")
    assert "budgets.first_token.p99: no such key; allowed here: p50, p95" in said


def test_a_budget_needs_both_figures(share: Path) -> None:
    assert "budgets.first_token.p95: Field required" in complaint(share, "[budgets.first_token]\np50 = 1.0\n")


@pytest.mark.parametrize("text", ["[dialog", "dialog: 3", "a = 1\na = 2"])
def test_a_file_that_is_no_toml_is_refused_with_its_name_and_place(share: Path, text: str) -> None:
    assert re.search(r"voicepipe\.toml: not TOML: .+ \(at .+\)", complaint(share, text))


def test_a_file_that_is_no_text_is_refused(share: Path) -> None:
    file = share / "voicepipe.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match=r"voicepipe\.toml: not TOML"):
        load(config=file, share=share)


def test_a_file_that_is_missing_is_named(share: Path) -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml: No such file or directory"):
        load(config=share / "absent.toml", share=share)


def test_settings_do_not_change_after_loading(share: Path) -> None:
    settings = load(share=share)
    with pytest.raises(ValueError, match="frozen"):
        settings.dialog.num_predict = 3  # type: ignore[misc]


def test_overrides_are_left_as_they_were(share: Path) -> None:
    overrides = {"budgets": {"first_token": {"p50": 1.0, "p95": 2.0}}}
    load(overrides=overrides, share=share)
    assert overrides == {"budgets": {"first_token": {"p50": 1.0, "p95": 2.0}}}
