import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dialog.knowledge.porter import stem
from pipeline.dialog.knowledge.terms import asked, language_of, meant, normalized, terms, words

# From the paper and its word list.
STEMS = {
    "caresses": "caress", "ponies": "poni", "ties": "ti", "cats": "cat", "feed": "feed", "agreed": "agre",
    "plastered": "plaster", "bled": "bled", "motoring": "motor", "sing": "sing", "conflated": "conflat",
    "troubled": "troubl", "sized": "size", "hopping": "hop", "falling": "fall", "hissing": "hiss", "failing": "fail",
    "filing": "file", "sky": "sky", "relational": "relat", "conditional": "condit", "rational": "ration",
    "digitizer": "digit", "operator": "oper", "feudalism": "feudal", "decisiveness": "decis", "hopefulness": "hope",
    "formalize": "formal", "electrical": "electr", "goodness": "good", "revival": "reviv", "allowance": "allow",
    "adjustable": "adjust", "replacement": "replac", "adoption": "adopt", "effective": "effect", "rate": "rate",
    "cease": "ceas", "controll": "control", "roll": "roll", "generalizations": "gener", "oscillators": "oscil",
}  # fmt: skip


@pytest.mark.parametrize(("word", "root"), STEMS.items())
def test_stems_are_those_of_porter(word: str, root: str) -> None:
    assert stem(word) == root


@pytest.mark.parametrize(("one", "other"), [("delivery", "deliver"), ("parties", "party"), ("opening", "opens")])
def test_words_of_one_root_meet(one: str, other: str) -> None:
    assert terms(one) == terms(other)


def test_chinese_gives_characters_and_pairs() -> None:
    assert terms("面包店") == ["面", "包", "店", "面包", "包店"]


def test_scripts_in_one_text_are_told_apart() -> None:
    assert terms("WiFi密码") == ["wifi", "密", "码", "密码"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CAFÉ crème", "cafe creme"),
        ("５ ｄｏｌｌａｒｓ", "5 dollars"),
        ("l’été", "ete"),
        ("straße", "STRASSE"),
        ("ﬁne", "fine"),
    ],
)
def test_case_width_and_accents_make_no_difference(one: str, other: str) -> None:
    assert terms(one) == terms(other)


def test_vowel_signs_are_parts_of_words() -> None:
    assert terms("हिन्दी भाषा") == ["हिन्दी", "भाषा"]


def test_a_question_is_asked_without_what_stands_in_every_text() -> None:
    assert asked("Hello, could you please tell me about the delivery?") == ["deliv"]
    assert asked("请问你们的地址") == ["地", "址", "的地", "地址", "路"]


def test_a_question_for_a_price_also_asks_for_prices() -> None:
    assert set(asked("How much is a roll?")) >= {"roll", "price", "cost"}


def test_a_negation_makes_another_question() -> None:
    assert meant("Can't I pay by card?") != meant("Can I pay by card?")
    assert meant("I cannot pay") == meant("I can not pay") == meant("I can’t pay") | meant("cannot pay")


def test_where_and_when_make_different_questions() -> None:
    assert meant("Where do you deliver?") != meant("When do you deliver?")


def test_words_count_two_dense_characters_as_one() -> None:
    assert words("two words") == 2
    assert words("面包店在") == 2
    assert words("... !!! ...") == 0


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("面包店", "zh"),
        ("パンの店", "ja"),
        ("빵집입니다", "ko"),
        ("bread", "fr"),
        ("", "fr"),
        ("We sell 面包 and rolls", "fr"),
    ],
)
def test_scripts_show_their_language(text: str, language: str) -> None:
    assert language_of(text, "fr") == language


@given(st.text())
def test_no_text_gives_a_term_that_full_text_would_cut(text: str) -> None:
    assert all(term and not term.isspace() and '"' not in term for term in terms(text))
    assert set(asked(text)) >= set(asked(text))
    assert normalized(normalized(text)) == normalized(text)
