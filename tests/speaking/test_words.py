# ruff: noqa: RUF001  phonemes look like letters
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.speaking.words import whole_words, word_ends, words
from tests.partitions import cut, cuts

texts = st.text(alphabet="ab ,.\n你好!é", max_size=30)


@pytest.mark.parametrize(
    ("text", "characters", "words"),
    [
        ("one two", 0, ""),
        ("one two", 2, ""),
        ("one two", 3, "one"),
        ("one two", 4, "one "),
        ("one two", 6, "one "),
        ("one two", 7, "one two"),
        ("one two", 99, "one two"),
        ("我们九点", 2, "我们"),
        ("我用iPhone", 4, "我用"),
        ("one\ntwo", 5, "one\n"),
    ],
)
def test_a_word_is_heard_when_all_of_it_is(text: str, characters: int, words: str) -> None:
    assert whole_words(text, characters) == words


@given(text=texts)
def test_more_characters_are_never_fewer_words(text: str) -> None:
    found = [whole_words(text, characters) for characters in range(len(text) + 2)]
    assert found[-1] == text
    assert all(after.startswith(before) for before, after in pairwise(found))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        (" \n", []),
        ("one", ["one"]),
        (" one  two\n", [" one  ", "two\n"]),
        ("e.g. 1,234.50 -- yes!", ["e.g. ", "1,234.50 ", "-- ", "yes!"]),
        ("我用iPhone 打。", ["我", "用", "iPhone ", "打", "。"]),
    ],
)
def test_the_words_of_a_text(text: str, found: list[str]) -> None:
    assert words(text) == found


@given(text=texts)
def test_words_joined_are_the_text_and_each_ends_where_a_word_does(text: str) -> None:
    found = words(text)
    assert "".join(found) == (text if text.strip() else "")
    assert all(word.strip() for word in found)
    assert all(whole_words(text, end) == text[:end] for end in accumulate(map(len, found)))


def ends(alone: str, *sentences: str) -> list[list[str]]:
    """Return what is spoken of each sentence in the words that end in it; words are parted by bars."""
    found = word_ends([list(word) for word in alone.split("|")], [list(sentence) for sentence in sentences])
    return [
        [sentence[begin:end].strip() for begin, end in pairwise([0, *counts])]
        for sentence, counts in zip(sentences, found, strict=True)
    ]


def test_every_word_ends_with_its_last_sound_and_not_with_the_pause_behind_it() -> None:
    assert word_ends([list("jˈɛs, "), list("nˈoʊ.")], [list("jˈɛs, nˈoʊ.")]) == [[4, 10]]


def test_words_that_are_spoken_as_one_are_told_apart() -> None:
    alone = "wˌʌn|ʌv|ðə|bˈɛst|ˈɪn|ðə|hˈaʊs"
    assert ends(alone, "wˈʌn ʌvðə bˈɛst ɪnðə hˈaʊs.") == [["wˈʌn", "ʌv", "ðə", "bˈɛst", "ɪn", "ðə", "hˈaʊs"]]
    assert ends("ˈaɪ|wˈʊd|hˈæv|bˌɪn", "aɪ wʊdhɐv bˌɪn") == [["aɪ", "wʊd", "hɐv", "bˌɪn"]]


def test_a_figure_that_is_spoken_in_several_groups_is_one_word() -> None:
    fifty, year = "dˈɑːlɚ fˈɪfti", "tˈuː θˈaʊzənd twˈɛnti fˈɔːɹ"
    assert ends(f"ɪts|{fifty}|fɔːɹ|{year}, |ɔːɹ", f"ɪts {fifty} fɔːɹ {year}, ɔːɹ") == [
        ["ɪts", fifty, "fɔːɹ", year, ", ɔːɹ"]
    ]


def test_a_word_that_sounds_different_among_others_ends_at_the_gap_behind_it() -> None:
    assert ends("juː|tuː|dˈuː.", "juː tə dˈuː.") == [["juː", "tə", "dˈuː"]]
    assert ends("wiː|ɑːɹ|ˈoʊpən", "wiːʲ ɑːɹ ˈoʊpən") == [["wiːʲ", "ɑːɹ", "ˈoʊpən"]]


def test_words_end_in_the_sentence_in_which_they_are_spoken() -> None:
    assert ends("dˈɑːktɚ.|smˈɪθ|kˈɔːl.|jˈɛs", "dˈɑːktɚ.", "smˈɪθ kˈɔːl.", "jˈɛs") == [
        ["dˈɑːktɚ"],
        ["smˈɪθ", "kˈɔːl"],
        ["jˈɛs"],
    ]


def test_a_word_without_a_sound_ends_with_the_one_before_it() -> None:
    assert word_ends([[], list("dˈæʃ"), [], list("ænd"), []], [list("dˈæʃ ænd")]) == [[0, 4, 4, 8, 8]]


def test_words_of_which_nothing_is_known_end_with_all_that_is_spoken() -> None:
    assert word_ends([[], []], [list("dˈæʃ.")]) == [[4, 4]]
    assert word_ends([list("a")], [[]]) == [[0]]
    assert word_ends([list("a")], []) == []


def test_words_of_a_speech_that_breaks_off_end_with_it() -> None:
    assert word_ends([list("ab")] * 4, [list("ab ab")]) == [[2, 5, 5, 5]]


def test_what_is_said_over_and_over_stays_in_step() -> None:
    rounds = 40
    assert ends("|".join(["ðə|eɪ|tuː"] * rounds), " ".join(["ðɪʲ ɐ tə"] * rounds)) == [["ðɪʲ", "ɐ", "tə"] * rounds]


sound_words = st.lists(st.text(alphabet="ptkaɪuː", min_size=1, max_size=5), min_size=1, max_size=12)
marks = st.lists(st.sampled_from(["", " ", ", ", "ˈ", " ˌ"]), min_size=12, max_size=12)


@given(alone=sound_words, between=marks, at=cuts(4))
def test_words_are_told_apart_however_they_are_joined_and_parted_into_sentences(
    alone: list[str], between: list[str], at: list[int]
) -> None:
    spoken = [mark + word for mark, word in zip(between, alone, strict=False)]
    sentences = [list("".join(sentence)) for sentence in cut(spoken, at)]
    found = word_ends([list(word) for word in alone], sentences)
    over = [count + begin for begin, counts in zip(begins(sentences), found, strict=True) for count in counts]
    flat = "".join("".join(sentence) for sentence in sentences)
    heard = ["".join(sign for sign in flat[:end] if sign not in " ,ˈˌ") for end in over]
    assert heard == list(accumulate(alone))
    assert all(flat[end - 1] not in " ,ˈˌ" for end in over)


def begins(sentences: list[list[str]]) -> list[int]:
    return [0, *accumulate(map(len, sentences))][:-1]


@given(groups=st.lists(st.tuples(st.integers(2, 6), st.integers(-1, 1)), min_size=1, max_size=12))
def test_where_no_sound_is_alike_as_many_groups_of_about_that_length_are_the_words(
    groups: list[tuple[int, int]],
) -> None:
    alone = [["a"] * length for length, _ in groups]
    spoken = ["b" * (length + more) for length, more in groups]
    over = [count - 1 for count in accumulate(len(group) + 1 for group in spoken)]
    assert word_ends(alone, [list(" ".join(spoken))]) == [over]


phonemes = st.lists(st.text(alphabet="abː ,ˈ", min_size=1, max_size=2), max_size=12)


@given(alone=st.lists(phonemes, max_size=8), sentences=st.lists(phonemes, min_size=1, max_size=4))
def test_whatever_is_spoken_every_word_ends_in_it_none_before_another_and_the_last_with_the_last_sound(
    alone: list[list[str]], sentences: list[list[str]]
) -> None:
    found = word_ends(alone, sentences)
    assert len(found) == len(sentences)
    over = [count + begin for begin, counts in zip(begins(sentences), found, strict=True) for count in counts]
    assert len(over) == len(alone)
    assert over == sorted(over)
    flat = [phoneme for sentence in sentences for phoneme in sentence]
    last = max((place + 1 for place, phoneme in enumerate(flat) if set(phoneme) & set("abː")), default=0)
    assert all(end == last for end in over[-1:])
