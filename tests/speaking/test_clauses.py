from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.speaking.clauses import ClauseCutter, words
from tests.partitions import cut, cuts

TOKENS = [
    "Hello",
    "we",
    "are",
    "open",
    "3.50",
    "1,200",
    "9:30",
    "a.m.",
    "Dr.",
    "e.g.",
    "555 123",
    "https://a.b/c?d=1,2",
]
MARKS = [" ", ", ", ". ", "! ", "? ", "; ", ": ", " – ", "—", "... ", '." ', "\n", "\n\n- ", ' ("', "。", "，"]
texts = st.one_of(
    st.text(max_size=120),
    st.text(alphabet="aB9 .,!?…\n\"'-–。，你好", max_size=120),
    st.lists(st.sampled_from(TOKENS + MARKS), max_size=60).map("".join),
)


def clauses(text: str, *, first_words: int = 6, limit: int = 220) -> list[str]:
    cutter = ClauseCutter(first_words, limit)
    return [*cutter.feed(text), *cutter.flush()]


def speakable(text: str) -> bool:
    return any(map(str.isalnum, text))


@given(text=texts, at=cuts(), first_words=st.integers(2, 9), limit=st.integers(8, 60))
def test_where_the_deltas_are_cut_does_not_matter(text: str, at: list[int], first_words: int, limit: int) -> None:
    cutter = ClauseCutter(first_words, limit)
    made = [clause for delta in cut(text, at) for clause in cutter.feed(delta)] + cutter.flush()
    assert made == clauses(text, first_words=first_words, limit=limit)


@given(text=texts)
def test_the_clauses_joined_are_the_text(text: str) -> None:
    made = "".join(clauses(text))
    assert text.startswith(made)
    assert not speakable(text[len(made) :])
    assert made == text or not speakable(text) or made[-1] in ",;，；、 "


@given(text=texts, limit=st.integers(8, 60))
def test_every_clause_can_be_spoken_and_is_short_enough(text: str, limit: int) -> None:
    for clause in clauses(text, limit=limit):
        spoken = [place for place, character in enumerate(clause) if character.isalnum()]
        assert spoken
        assert spoken[-1] - spoken[0] < limit


@given(tokens=st.lists(st.sampled_from(TOKENS), min_size=1, max_size=30))
def test_no_cut_falls_into_a_number_or_an_address(tokens: list[str]) -> None:
    text = " ".join(tokens)
    starts = set(accumulate((len(token) + 1 for token in tokens), initial=0))
    made = clauses(text, limit=10_000)
    assert set(accumulate(map(len, made[:-1]), initial=0)) <= starts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Of course, we are open.", ["Of course,", " we are open."]),
        ("Sure, we can do that. Anything else?", ["Sure, we can do that. ", "Anything else?"]),
        ("We are open from nine in the morning.", ["We are open from nine in ", "the morning."]),
        ("Hello there! How are you?", ["Hello there! ", "How are you?"]),
        ("Yes—we deliver.", ["Yes—we deliver."]),
        ("Well now—we deliver.", ["Well now—", "we deliver."]),
        ("Our hours – nine to five.", ["Our hours – ", "nine to five."]),
        ("您好，欢迎光临我们的商店。请问您要什么？", ["您好，欢迎光临我们的商店。", "请问您要什么？"]),
        ("我们的价格是，一千元。", ["我们的价格是，", "一千元。"]),
        ("我们的商店从早上九点开到晚上六点。", ["我们的商店从早上九点开到", "晚上六点。"]),
    ],
)
def test_the_first_clause_is_early(text: str, expected: list[str]) -> None:
    assert clauses(text) == expected


@pytest.mark.parametrize(
    "sentence",
    [
        "The price is 3.50 or 1,200 euros at 9:30, or 1，200 yuan.",
        "Ask Dr. Smith or Mr. J. R. Brown, e.g. on Monday at 9 a.m. or 5 p.m. Friday.",
        "The U.S. Office in St. Louis has room No. 5 and room no. 7.",
        "See https://shop.example/a,b?c=1.2 or mail bob.miller@shop.example now.",
        "Call 555 123 4567 now.",
        '"Really?" she asked.',
        "Well... perhaps.",
    ],
)
def test_a_sentence_is_not_cut_inside(sentence: str) -> None:
    assert clauses(f"Thank you, I see it all now. {sentence} Goodbye.")[-2:] == [f"{sentence} ", "Goodbye."]


@pytest.mark.parametrize(
    ("ending", "following"),
    [
        ("open.", "We"), ("open!", "we"), ("open?", "We"), ("open…", "We"), ("open...", "We"), ('open."', "We"),
        ("open.)", "“We"), ("No.", "We"), ("at 5 o'clock.", "(We"), ("open\n", "we"), ("open\n\n-", "we"), ("?!", "We"),
    ],
)  # fmt: skip
def test_a_sentence_ends_behind_its_closing_marks(ending: str, following: str) -> None:
    made = clauses(f"Thank you, I see it all now. It is {ending} {following} close")
    assert len(made) == 4
    assert made[-1].lstrip("-").strip() == f"{following} close"


def test_the_second_clause_ends_at_a_comma_when_it_is_long_enough_to_cover_the_third() -> None:
    text = "Of course, we open at nine in the morning, and we close at six, or later, on Mondays. Well, bye."
    assert clauses(text) == [
        "Of course,",
        " we open at nine in the morning, ",
        "and we close at six, or later, on Mondays. ",
        "Well, bye.",
    ]


def test_a_long_sentence_is_cut_at_its_last_comma_else_at_its_last_space_else_anywhere() -> None:
    opening = "Thank you, I see it all now. "
    assert clauses(opening + "one two, three four five six", limit=20)[2:] == ["one two, ", "three four five six"]
    assert clauses(opening + "one two three four five six", limit=20)[2:] == ["one two three four ", "five six"]
    assert clauses(opening + "x" * 50, limit=30)[2:] == ["x" * 30, "x" * 20]


def test_silent_text_joins_a_neighbour() -> None:
    assert clauses("... Hello there. *** \n") == ["... Hello there. *** \n"]
    assert clauses("Hello there. --- Bye.") == ["Hello there. ", "--- Bye."]


def test_text_without_anything_to_speak_gives_no_clause() -> None:
    assert clauses(" ...?! \n") == []


def test_the_cut_is_made_when_the_next_word_begins() -> None:
    cutter = ClauseCutter()
    assert cutter.feed("We are open.") == []
    assert cutter.feed(" ") == []
    assert cutter.feed("W") == ["We are open. "]


def test_a_comma_behind_a_letter_ends_the_first_clause_at_once() -> None:
    cutter = ClauseCutter()
    assert cutter.feed("Of course") == []
    assert cutter.feed(",") == ["Of course,"]
    assert cutter.feed(" we are open, from nine,") == []
    assert ClauseCutter().feed("It is 1,") == []
    assert ClauseCutter().feed("Sure,") == []


def test_the_space_behind_enough_words_ends_the_first_clause_at_once() -> None:
    cutter = ClauseCutter()
    assert cutter.feed("We are open from nine in") == []
    assert cutter.feed(" ") == ["We are open from nine in "]
    assert cutter.feed("the morning until six ") == []


def test_words_are_counted_in_every_script() -> None:
    assert words("We're open 9-5, Mon – Fri.") == 5
    assert words("我们九点开门 OK") == 4
    assert words(" ... ") == 0
