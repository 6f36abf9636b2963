from pathlib import Path

import pytest

from pipeline.core.stages import ChatOptions
from pipeline.dialog.agents import load
from pipeline.dialog.foreign import foreign
from pipeline.settings import SHARE, SettingsError

SHOP = 'name = "Shop"\npersona = "You keep a shop."\n'


def complaint(folder: Path, text: str, name: str = "shop.toml") -> str:
    """Return what is said of an agent's file with this text."""
    (folder / name).write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(folder)
    return str(caught.value)


def test_each_file_is_an_agent_named_after_it(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(SHOP)
    (tmp_path / "night-desk.toml").write_text('name = "Night"\npersona = "You watch."\nlanguage = "de"\n')
    (tmp_path / "notes.txt").write_text("not an agent")
    agents = load(tmp_path)
    assert list(agents) == ["night-desk", "shop"]
    assert agents["night-desk"].id == "night-desk"
    assert agents["night-desk"].language == "de"


def test_what_a_file_leaves_out_has_a_default(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(SHOP)
    shop = load(tmp_path)["shop"]
    assert shop.greeting == ""
    assert shop.language == "en"
    assert shop.phrases.goodbye


def test_the_agents_that_come_along_are_right() -> None:
    assert set(load(SHARE / "agents")) >= {"shop", "bakery-zh"}


def test_a_wrong_key_is_named_with_all_that_is_allowed(tmp_path: Path) -> None:
    said = complaint(tmp_path, SHOP + 'greetings = "Hi"\n')
    assert "shop.toml: greetings: no such key; allowed here: cache, control, description, greeting," in said


def test_a_wrong_phrase_is_named_with_the_phrases_there_are(tmp_path: Path) -> None:
    said = complaint(tmp_path, SHOP + '[phrases]\nno_imput = "Hello?"\n')
    assert (
        "shop.toml: phrases.no_imput: no such key; allowed here: failure, fillers, goodbye, looking, no_input," in said
    )


def test_the_id_cannot_be_said_in_the_file(tmp_path: Path) -> None:
    assert "shop.toml: id: no such key" in complaint(tmp_path, SHOP + 'id = "other"\n')


def test_a_key_that_is_missing_is_named(tmp_path: Path) -> None:
    assert "shop.toml: persona: Field required" in complaint(tmp_path, 'name = "Shop"\n')


@pytest.mark.parametrize("language", ["English", "en-GB", "", "EN"])
def test_a_language_is_a_primary_tag(tmp_path: Path, language: str) -> None:
    assert "shop.toml: language: " in complaint(tmp_path, SHOP + f'language = "{language}"\n')


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    assert "shop.toml: " in complaint(tmp_path, "name: Shop")


@pytest.mark.parametrize("name", ["Shop.toml", "my shop.toml", "-shop.toml", "x" * 65 + ".toml"])
def test_a_file_name_that_is_no_id_is_refused(tmp_path: Path, name: str) -> None:
    assert "an agent's id has lower-case letters" in complaint(tmp_path, SHOP, name)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="absent does not exist"):
        load(tmp_path / "absent")


def test_a_folder_without_agents_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no \.toml file"):
        load(tmp_path)


def test_an_agent_may_write_in_its_own_way(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(SHOP + "[writing]\ntemperature = 0.0\nnum_predict = 40\nnum_ctx = 2048\n")
    options = load(tmp_path)["shop"].writing.options()
    assert options == ChatOptions(temperature=0.0, num_predict=40, num_ctx=2048)
    assert "writing.temperature" in complaint(tmp_path, SHOP + "[writing]\ntemperature = 3\n")


def test_an_agent_names_its_models(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(SHOP + '[model]\nnames = ["qwen2.5:7b", "qwen2.5:1.5b-instruct-q4_K_M"]\n')
    assert load(tmp_path)["shop"].model.names == ("qwen2.5:7b", "qwen2.5:1.5b-instruct-q4_K_M")
    assert "model.names.0" in complaint(tmp_path, SHOP + '[model]\nnames = [""]\n')
    assert "model.hard_words" in complaint(tmp_path, SHOP + '[model]\nhard_words = "refund"\n')
    assert "model.least_speed" in complaint(tmp_path, SHOP + "[model]\nleast_speed = -1\n")


def test_slots_are_read_with_their_patterns_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    slot = "[slots.order]\npattern = '\\b\\d{5}\\b'\n"
    (tmp_path / "shop.toml").write_text('parameters = ["customer"]\n' + SHOP + slot)
    shop = load(tmp_path)["shop"]
    assert shop.slots["order"].pattern == r"\b\d{5}\b"
    assert shop.parameters == ("customer",)
    assert "slots.order.pattern: Value error, the pattern could try" in complaint(
        tmp_path, SHOP + "[slots.order]\npattern = '(\\d+)+x'\n"
    )
    assert "slots.order.patern: no such key; allowed here: description, pattern" in complaint(
        tmp_path, SHOP + "[slots.order]\npatern = 'x'\n"
    )
    assert "slots.Order" in complaint(tmp_path, SHOP + "[slots.Order]\npattern = 'x'\n")


FRENCH = """
[languages.fr]
greeting = "Bonjour."
[languages.fr.phrases]
no_input = "Êtes-vous là ?"
no_match = "Pardon ?"
failure = "Je ne sais pas."
goodbye = "Au revoir."
"""


def test_an_agent_speaks_its_languages_each_in_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(
        SHOP + '[languages.zh]\ngreeting = "您好。"\nphrases = { no_input = "喂？" }\n' + FRENCH + 'time_up = "Fini."\n'
    )
    shop = load(tmp_path)["shop"]
    assert list(shop.idioms) == ["en", "zh", "fr"]
    assert shop.spoken_in("fr").greeting == "Bonjour."
    assert shop.spoken_in("zh").phrases.no_input == "喂？"
    assert shop.idioms["zh"].phrases.goodbye == "听不到您的声音，我先挂断了，再见。"
    assert shop.idioms["zh"].instruction == "请用中文回答。"
    assert shop.idioms["fr"].phrases.fillers == ()


def test_a_chinese_agent_has_chinese_phrases_where_its_file_has_none(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(SHOP + 'language = "zh"\n[phrases]\ngoodbye = "再会。"\n')
    phrases = load(tmp_path)["shop"].phrases
    assert (phrases.goodbye, phrases.fillers[0]) == ("再会。", "请稍等。")


def test_a_phrase_that_there_is_none_for_in_a_language_must_be_given(tmp_path: Path) -> None:
    assert "languages.fr.phrases.time_up: Field required" in complaint(tmp_path, SHOP + FRENCH)
    assert "languages.fr.phrases: Field required" in complaint(tmp_path, SHOP + "[languages.fr]\n")


def test_what_is_wrong_in_another_language_is_named(tmp_path: Path) -> None:
    assert "languages.zh.greting: no such key; allowed here: control, greeting," in complaint(
        tmp_path, SHOP + '[languages.zh]\ngreting = "x"\n'
    )
    assert "languages.zh-CN" in complaint(tmp_path, SHOP + "[languages.zh-CN]\n")
    assert "languages.en: is the agent's first language" in complaint(tmp_path, SHOP + "[languages.en]\n")
    assert "languages: Input should be a valid dict" in complaint(tmp_path, SHOP + 'languages = ["zh"]\n')


def test_documents_come_from_a_file_or_a_folder(tmp_path: Path) -> None:
    both = SHOP + '[knowledge]\nfile = "a.kb"\nfolder = "a"\n'
    assert "knowledge: Value error, names a file and a folder" in complaint(tmp_path, both)


def test_an_embedding_is_for_a_folder_and_its_languages_for_an_embedding(tmp_path: Path) -> None:
    file = SHOP + '[knowledge]\nfile = "a.kb"\nembedding = "all-minilm"\n'
    assert "knowledge: Value error, embedding is for a folder" in complaint(tmp_path, file)
    nobody = SHOP + '[knowledge]\nfolder = "a"\nembedding_languages = ["en"]\n'
    assert "knowledge: Value error, embedding_languages are those of a model" in complaint(tmp_path, nobody)


CONTROL = """
[control]
hang_up = true
transferring = "Over to them."
[control.transfer]
billing = "sip:billing"
"""
TOOL = """
[[tools]]
name = "cancel_order"
description = "Cancels an order."
url = "https://shop.example/orders/{order}/cancel"
method = "POST"
confirm = "Shall I cancel order {order}?"
filler = "One moment."
[tools.parameters]
type = "object"
required = ["order"]
properties.order = { type = "string" }
properties.reason = { type = "string" }
"""
IN_FRENCH = FRENCH + 'time_up = "Fini."\n[languages.fr.control]\nfarewell = "Au revoir."\n'


def test_what_is_said_of_control_is_said_in_the_language_of_the_call(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(SHOP + CONTROL + "[languages.zh]\n" + IN_FRENCH)
    shop = load(tmp_path)["shop"]
    assert shop.control_in("en").phrases()["transferring"] == "Over to them."
    assert shop.control_in("zh").phrases() == {
        "transferring": "我现在为您转接。",
        "transfer_failed": "抱歉，没有接通。还有什么可以帮您？",
        "farewell": "再见。",
    }
    assert shop.control_in("fr").phrases()["farewell"] == "Au revoir."
    assert shop.control_in("fr").phrases()["transferring"] == "Over to them."
    assert shop.control_in("fr").transfer == {"billing": "sip:billing"}


def test_a_chinese_agent_says_goodbye_in_chinese_where_its_file_has_nothing(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(SHOP + 'language = "zh"\n[control]\nhang_up = true\n')
    assert load(tmp_path)["shop"].control.farewell == "再见。"


def test_tools_have_words_of_their_own_in_each_language(tmp_path: Path) -> None:
    words = '[languages.fr.tools.cancel_order]\nconfirm = "J\'annule {order} ?"\n'
    (tmp_path / "shop.toml").write_text(SHOP + TOOL + IN_FRENCH + words)
    shop = load(tmp_path)["shop"]
    (english,), (french,) = shop.tools_in("en"), shop.tools_in("fr")
    assert (english.question, english.filler) == ("Shall I cancel order {order}?", "One moment.")
    assert (french.question, french.filler) == ("J'annule {order} ?", "One moment.")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            'cancel_orders = { filler = "x" }',
            "languages.fr.tools.cancel_orders: there is no such tool; there are: cancel_order",
        ),
        ('cancel_order = { confirm = "{reason} ?" }', "languages.fr.tools.cancel_order: confirm: reason is none of"),
        ('cancel_order = { confirm = "" }', "languages.fr.tools.cancel_order.confirm: String should have at least 1"),
        (
            'cancel_order = { asks = "x" }',
            "languages.fr.tools.cancel_order.asks: no such key; allowed here: confirm, filler",
        ),
    ],
)
def test_words_that_fit_no_tool_are_named(tmp_path: Path, words: str, said: str) -> None:
    assert said in complaint(tmp_path, SHOP + TOOL + IN_FRENCH + f"[languages.fr.tools]\n{words}\n")


def test_a_question_for_what_asks_nothing_is_refused(tmp_path: Path) -> None:
    words = '[languages.fr.tools.cancel_order]\nconfirm = "Oui ?"\n'
    asks_nothing = TOOL.replace("Shall I cancel order {order}?", "never")
    said = complaint(tmp_path, SHOP + asks_nothing + IN_FRENCH + words)
    assert "languages.fr.tools.cancel_order: confirm: it asks nothing in the agent's first language" in said


def test_what_would_be_said_in_another_language_is_known(tmp_path: Path) -> None:
    words = '[languages.fr.tools.cancel_order]\nconfirm = "J\'annule {order} ?"\n'
    (tmp_path / "shop.toml").write_text(SHOP + CONTROL + TOOL + "[languages.zh]\n" + IN_FRENCH + words)
    (tmp_path / "bakery.toml").write_text(SHOP + 'language = "de"\nphrases = { goodbye = "Tschüs." }\n' + CONTROL)
    found = load(tmp_path)
    assert foreign(found["shop"]) == {
        "zh": ("languages.zh.tools.cancel_order.filler", "languages.zh.tools.cancel_order.confirm"),
        "fr": (
            "languages.fr.control.transferring",
            "languages.fr.control.transfer_failed",
            "languages.fr.tools.cancel_order.filler",
        ),
    }
    assert foreign(found["bakery"]) == {
        "de": (
            "phrases.no_input",
            "phrases.no_match",
            "phrases.failure",
            "phrases.fillers",
            "phrases.looking",
            "phrases.time_up",
            "control.transfer_failed",
            "control.farewell",
        )
    }


def test_the_agents_that_come_along_say_everything_in_the_language_of_the_call() -> None:
    assert not any(foreign(agent) for agent in load(SHARE / "agents").values())
