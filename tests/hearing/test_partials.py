import re

from hypothesis import given
from hypothesis import strategies as st

from pipeline.hearing.partials import Agreement


def shown(*transcripts: str) -> list[str]:
    """Return what is shown after each transcript."""
    agreement = Agreement()
    texts = []
    for transcript in transcripts:
        agreement.feed(transcript)
        texts.append(agreement.text)
    return texts


def test_a_word_is_shown_when_two_transcripts_agree_on_it() -> None:
    assert shown("I want", "I want to", "I want to go") == ["", "I want", "I want to"]


def test_marks_and_capitals_do_not_matter_and_marks_at_the_end_are_not_shown() -> None:
    assert shown("well, i want", "Well I want.", "Well, I want a cake.") == ["", "Well I want", "Well, I want"]


def test_a_shown_word_stays_when_one_transcript_has_another() -> None:
    assert shown("two loaves", "two loaves", "two leaves of", "two loaves of")[-1] == "two loaves"


def test_a_shown_word_goes_when_two_agree_on_another() -> None:
    assert shown("two loaves", "two loaves", "two leaves of", "two leaves of bread")[-1] == "two leaves of"


def test_a_transcript_that_is_cut_short_takes_nothing_back() -> None:
    assert shown("we open at", "we open at", "we")[-1] == "we open at"


def test_scripts_without_spaces_are_compared_sign_by_sign() -> None:
    assert shown("我想订", "我想订一个", "我想订一只蛋糕") == ["", "我想订", "我想订一"]


def test_stability_is_the_settled_share_of_the_newest() -> None:
    agreement = Agreement()
    agreement.feed("one two")
    assert agreement.stability == 0.0
    agreement.feed("one two three four")
    assert agreement.stability == 0.5


def test_it_tells_whether_what_is_shown_has_changed() -> None:
    agreement = Agreement()
    assert [agreement.feed(text) for text in ("a", "a", "a b", "a b")] == [False, True, False, True]


words = st.lists(st.sampled_from(["a", "B.", "c,", "d", "你", "e!"]), max_size=6).map(" ".join)


@given(st.lists(words, max_size=8))
def test_only_words_on_which_two_in_a_row_agreed_are_ever_shown(transcripts: list[str]) -> None:
    agreement = Agreement()
    agreed: set[tuple[str, ...]] = {()}
    before: list[str] = []
    for transcript in transcripts:
        agreement.feed(transcript)
        now = re.findall(r"\w", transcript.lower())
        same = next((n for n, pair in enumerate(zip(before, now, strict=False)) if pair[0] != pair[1]), None)
        length = min(len(before), len(now)) if same is None else same
        agreed.update(tuple(now[:n]) for n in range(length + 1))
        before = now
        assert tuple(re.findall(r"\w", agreement.text.lower())) in agreed
        assert 0 <= agreement.stability <= 1
