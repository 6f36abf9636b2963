from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.stages import Said
from pipeline.speaking.clauses import ClauseCutter
from pipeline.speaking.spoken_form import MOST_HELD, SpokenForm, spoken
from tests.partitions import cut, cuts

LANGUAGES = ["en", "zh", "de", "ja", "xx"]
TOKENS = [
    "5", "12", "2025", "0", "1,200", "3.5", "9:30", "March", "Mon", "Fri", "am", "p.m.", "Mr.", "St.", "No.",
    "etc.", "e.g.", "$", "US$", "€", "¥", "%", "°C", " km", " million", "x", "×", "-", "–", "~", "+", "=", "&",
    "#", "@", "/", "_",
    "(", ")", "https://", "www.", "shop.example.com", "info@a.b", "1-800-555-0199", "555 123 4567", "3/4/2025", "1/2",
    "½", "²", "٣", "１", "A380", "v2.0", "你好", "年", "月", "2个", "点", "￥25.5", "周一-周五", "0" * 30, " ", " ",
    ", ", ". ", "\n", "word", "İ",
]  # fmt: skip
texts = st.one_of(
    st.text(max_size=120),
    st.text(alphabet="aA 09.,:/-–$%@#'()你年点", max_size=120),
    st.lists(st.sampled_from(TOKENS), max_size=40).map("".join),
)
languages = st.sampled_from(LANGUAGES)


def said(deltas: Iterable[str], language: str) -> list[Said]:
    form = SpokenForm(language)
    return [stretch for delta in deltas for stretch in form.feed(delta)] + form.flush()


def joined(stretches: list[Said]) -> list[Said]:
    """Return the stretches with neighbours that are said as written joined."""
    made: list[Said] = []
    for stretch in stretches:
        unchanged = stretch.written == stretch.spoken
        if made and unchanged and made[-1].written == made[-1].spoken:
            text = made.pop().written + stretch.written
            made.append(Said(text, text))
        else:
            made.append(stretch)
    return made


@settings(max_examples=1000)
@given(text=texts, at=cuts(), language=languages)
def test_where_the_deltas_are_cut_does_not_matter(text: str, at: list[int], language: str) -> None:
    assert joined(said(cut(text, at), language)) == joined(said([text], language))


@settings(max_examples=1000)
@given(text=texts, at=cuts(), language=languages)
def test_the_written_stretches_joined_are_the_text(text: str, at: list[int], language: str) -> None:
    assert "".join(stretch.written for stretch in said(cut(text, at), language)) == text


@given(text=texts, language=languages)
def test_little_is_held_back(text: str, language: str) -> None:
    form = SpokenForm(language)
    given_back = 0
    for place, character in enumerate(text, start=1):
        given_back += sum(len(stretch.written) for stretch in form.feed(character))
        assert place - given_back < MOST_HELD


@given(text=st.text(alphabet="abcxyz ABW!?;,你好。，", max_size=60), language=languages)
def test_words_are_said_as_they_are_written(text: str, language: str) -> None:
    assert spoken(text, language) == text


@given(text=texts, language=languages)
def test_no_figure_is_left_in_english_and_chinese(text: str, language: str) -> None:
    if language in ("en", "zh"):
        assert not any(character in "0123456789" for character in spoken(text, language))


@pytest.mark.parametrize("word", ["Hello", "we", "Thursday's", "open", "您好", "Ünder", "café"])
def test_the_letters_of_a_word_pass_at_once(word: str) -> None:
    form = SpokenForm("en")
    assert "".join(stretch.spoken for character in word for stretch in form.feed(character)) == word


@pytest.mark.parametrize("opening", ["No", "Mar", "St", "e", "v", "Dr"])
def test_what_may_be_an_abbreviation_waits_for_the_next_character(opening: str) -> None:
    form = SpokenForm("en")
    assert form.feed(opening) == []
    assert form.feed(",") == [Said(f"{opening},", f"{opening},")]


def test_marks_behind_a_word_pass_at_once() -> None:
    form = SpokenForm("en")
    assert form.feed("Of course,") == [Said("Of course,", "Of course,")]
    assert form.feed(" really!") == [Said(" really!", " really!")]
    assert form.feed(" Yes.") == [Said(" Yes", " Yes")]
    assert form.feed(" ") == [Said(". ", ". ")]


def test_a_number_is_said_when_the_next_word_shows_that_it_has_no_unit() -> None:
    form = SpokenForm("en")
    assert form.feed("We have 5") == [Said("We have ", "We have ")]
    assert form.feed(" m") == []
    assert form.feed("o") == [Said("5", "five"), Said(" mo", " mo")]


def test_a_stretch_says_what_it_stands_for() -> None:
    assert said(["It is $4.50 now."], "en") == [
        Said("It is ", "It is "),
        Said("$4.50", "four dollars and fifty cents"),
        Said(" now", " now"),
        Said(".", "."),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "We see you at 8. We close then.",
        "It costs $4.50. We take cards.",
        "That is 50%. We know it.",
        "See shop.example.com. We are there.",
        "On 2025-03-04. We are there.",
        "Call 555-0199. We are there.",
        "It is 5 km. We walk.",
        "Bread, milk, etc. We have it.",
    ],
)
def test_a_sentence_that_ends_behind_a_number_still_ends_there(text: str) -> None:
    cutter = ClauseCutter()
    opening = "Thank you, I see. That is all. "
    clauses = [*cutter.feed(spoken(opening + text, "en")), *cutter.flush()]
    assert len(clauses) >= 2
    assert clauses[-1].startswith("We ")
    assert clauses[-2].endswith(". ")


def test_a_form_can_be_used_again_behind_the_end_of_a_reply() -> None:
    form = SpokenForm("en")
    assert [*form.feed("room 204"), *form.flush()] == [Said("room ", "room "), Said("204", "two oh four")]
    assert [*form.feed("204"), *form.flush()] == [Said("204", "two hundred four")]


@pytest.mark.parametrize("language", ["en", "en-US", "EN", "en_GB"])
def test_the_primary_part_of_a_language_tag_counts(language: str) -> None:
    assert spoken("5 km", language) == "five kilometers"


@pytest.mark.parametrize(
    ("language", "written", "expected"),
    [
        ("de", "Wir haben 22 Zimmer.", "Wir haben zweiundzwanzig Zimmer."),
        ("de", "3,5 oder 1.234,5", "drei Komma fünf oder 1.234,5"),
        ("de", "um 9:30 am 3. März, Tel. 030 1234567", "um 9:30 am 3. März, Tel. 030 1234567"),
        ("de", "info@shop.example", "info at shop Punkt example"),
        ("fr", "https://shop.example/heures", "shop point example barre oblique heures"),
        ("es", "1 habitación, 2 camas", "1 habitación, dos camas"),
        ("ja", "12", "十二"),
        ("xx", "12 info@shop.example", "12 info@shop.example"),
        ("", "12", "12"),
    ],
)
def test_other_languages_say_what_they_know_and_leave_the_rest(language: str, written: str, expected: str) -> None:
    assert spoken(written, language) == expected
