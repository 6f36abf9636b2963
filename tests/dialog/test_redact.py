from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.redaction_cases import turns
from pipeline.dialog.redact import (
    LONGEST_HELD,
    MASKS,
    Kind,
    Pseudonyms,
    Redactor,
    Treatment,
    findings,
    masked,
    redacted,
    restored,
)
from tests.partitions import cut, cuts

_WORDS = (
    "one two three four five six seven eight nine zero oh double triple twenty hundred uh and then dash plus "
    "dot at underscore john smith gmail com call order number is card phone I a X GB NWBK hello moment my "
    "13800138000 4111 1111 415 555 2671 GB29 6016 1331 9268 19 11010519491231002X 2025-11-20 $1,299 SF123456 "
    "幺 三 八 零 点 艾特 个 下划线 然后 订单 电话 你好 １３８ ＠ ① @ . , - + ( ) ' : … ，"
)
PIECES = [*_WORDS.split(), " ", " ", " ", " ", "\n", ", ", ". "]
texts = st.one_of(
    st.text(max_size=150),
    st.text(alphabet="aX19 .,@-+(\n'幺点艾特一１", max_size=150),
    st.lists(st.sampled_from(PIECES), max_size=70).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=70).map(" ".join),
)
SECRETS = [
    "415-555-2671",
    "+49 30 901820",
    "four one five, five five five, two six seven one",
    "13800138000",
    "幺三八零零幺三八零零零",
    "one three eight double oh one three eight triple zero",
    "4111 1111 1111 1111",
    "four one one one, one one one one, one one one one, one one one one",
    "11010519491231002X",
    "GB29 NWBK 6016 1331 9268 19",
    "john.smith@example.com",
    "john dot smith at example dot com",
    "zhangsan艾特qq点com",
]


def streamed(deltas: list[str]) -> tuple[str, list[str]]:
    redactor = Redactor()
    made = [redactor.feed(delta) for delta in deltas]
    return "".join([*made, redactor.flush()]), made


@settings(max_examples=1000, deadline=None)
@given(text=texts, at=cuts())
def test_where_the_deltas_are_cut_does_not_matter(text: str, at: list[int]) -> None:
    assert streamed(cut(text, at))[0] == redacted(text)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@settings(max_examples=100_000, deadline=None)
@given(text=texts, at=cuts())
def test_where_the_deltas_are_cut_does_not_matter_in_a_hundred_thousand_inputs(text: str, at: list[int]) -> None:
    assert streamed(cut(text, at))[0] == redacted(text)


@settings(max_examples=300, deadline=None)
@given(text=texts)
def test_what_is_let_pass_stays_as_it_was(text: str) -> None:
    assert redacted(text, dict.fromkeys(Kind, Treatment.PASS)) == text


@settings(max_examples=300, deadline=None)
@given(text=texts)
def test_all_but_what_was_found_stays_as_it_was(text: str) -> None:
    made, rest, at = redacted(text, {Kind.PASSPORT: Treatment.MASK}), text, 0
    for finding in findings(text):
        kept = text[at : finding.start]
        assert made.startswith(kept)
        made = made[len(kept) :]
        mask = next(masks[finding.kind][0] for masks in MASKS.values() if made.startswith(masks[finding.kind][0]))
        made, at = made[len(mask) :], finding.end
        rest = text[at:]
    assert made == rest


@settings(max_examples=300, deadline=None)
@given(words=st.lists(st.text(alphabet="bcgklrvwy", min_size=2, max_size=9), min_size=1, max_size=20))
def test_words_wait_for_the_next_one_at_most(words: list[str]) -> None:
    redactor = Redactor()
    for before, word in pairwise(["", *words]):
        for end, character in enumerate(word + " ", 1):
            redactor.feed(character)
            assert redactor.held <= (len(before) + 2 if end < 2 else 0) + end


@settings(max_examples=300, deadline=None)
@given(text=texts)
def test_findings_are_in_order_and_do_not_overlap(text: str) -> None:
    places = [place for finding in findings(text) for place in (finding.start, finding.end)]
    assert places == sorted(places)
    assert all(0 <= place <= len(text) for place in places)


@settings(max_examples=300, deadline=None)
@given(text=texts)
def test_no_more_is_held_back_than_the_limit(text: str) -> None:
    redactor = Redactor()
    for character in text * 4:
        redactor.feed(character)
        assert redactor.held <= LONGEST_HELD


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    ("before", "behind"), [("", ""), ("well, ", " thanks"), ("我说", "，好吗"), ("It is ", ". Bye!")]
)
def test_no_prefix_of_a_secret_leaves(secret: str, before: str, behind: str) -> None:
    """Not one character of it: what has left is the text before it, or the mask stands in its place."""
    _, made = streamed(list(before + secret + behind))
    for left in accumulate(made):
        assert before.startswith(left) or left.startswith(before + "[")
    assert secret not in redacted(before + secret + behind)


@pytest.mark.parametrize("seed", range(3))
def test_not_a_digit_of_what_is_found_leaves_before_it_is_found(seed: int) -> None:
    """Everything that has left at any point was there before the personal data, or is its mask and what follows."""
    for turn in turns(300, seed):
        found = [finding for finding in findings(turn.text) if finding.kind is not Kind.PASSPORT]
        if not found:
            continue
        before = turn.text[: found[0].start]
        _, made = streamed(list(turn.text))
        masks = tuple(before + masks[found[0].kind][0] for masks in MASKS.values())
        assert all(before.startswith(left) or left.startswith(masks) for left in accumulate(made))


@pytest.mark.parametrize(
    ("delta", "left"),
    [
        ("Sure, ", "Sure, "),
        ("Sure,", "Sure,"),
        ("hello wo", "hello "),
        ("one mo", "one "),
        ("One moment please", "One moment "),
        ("it is. T", "it is. "),
        ("你好，请稍等", "你好，请稍等"),
        ("Hello! How can", "Hello! How "),
        ("I'm at the store", "I'm at the "),
        ("two tickets please", "two tickets "),
    ],
)
def test_other_text_is_released_as_soon_as_the_next_word_shows_what_it_is(delta: str, left: str) -> None:
    assert Redactor().feed(delta) == left


def test_a_number_without_end_is_decided_piece_by_piece() -> None:
    text = "four one five five five five two six seven one, " * 40
    made, _ = streamed(list(text))
    assert "[phone number]" in made
    assert "four one five five five five two six seven one" not in made


def test_kinds_are_treated_by_policy() -> None:
    text = "call 415-555-2671 or write to a.b@example.com"
    policy = {Kind.PHONE: Treatment.PASS}
    assert redacted(text, policy) == "call 415-555-2671 or write to [email address]"
    redactor = Redactor(policy)
    redactor.feed(text)
    redactor.flush()
    assert [finding.kind for finding in redactor.findings] == [Kind.PHONE, Kind.EMAIL]


def test_passports_pass_unless_the_policy_names_them() -> None:
    text = "my passport number is E12345678"
    assert redacted(text) == text
    assert redacted(text, {Kind.PASSPORT: Treatment.MASK}) == "my passport number is [passport number]"
    assert redacted("model E12345678", {Kind.PASSPORT: Treatment.MASK}) == "model E12345678"
    assert redacted("护照号E12345678", {Kind.PASSPORT: Treatment.MASK}) == "护照号[护照号]"


def test_a_voice_has_words_of_its_own() -> None:
    assert redacted("it is 415-555-2671", spoken=True) == "it is a phone number"
    assert redacted("电话13800138000", spoken=True) == "电话一个电话号码"


def test_pseudonyms_are_the_same_for_the_same_value_and_key() -> None:
    policy = dict.fromkeys(Kind, Treatment.PSEUDONYM)
    own, other = Pseudonyms(b"one tenant"), Pseudonyms(b"another")
    typed = redacted("415-555-2671", policy, pseudonyms=own)
    assert redacted("four one five five five five two six seven one", policy, pseudonyms=own) == typed
    assert redacted("+1 (415) 555-2671", policy, pseudonyms=own) == typed
    assert redacted("415-555-2671", policy, pseudonyms=other) != typed
    assert redacted("415-555-2672", policy, pseudonyms=own) != typed
    assert redacted(typed) == typed


def test_only_what_is_restorable_is_remembered_as_it_was_written_first() -> None:
    policy = dict.fromkeys(Kind, Treatment.PSEUDONYM)
    for restorable in (True, False):
        names = Pseudonyms(b"key", restorable=restorable)
        name, again = (redacted(text, policy, pseudonyms=names) for text in ("415-555-2671", "(415) 555 2671"))
        assert name == again
        originals = names.originals([f"call {name} now", "and nobody else"])
        assert originals == ({name: "415-555-2671"} if restorable else {})
        assert restored(f"call {name} now", originals) == f"call {'415-555-2671' if restorable else name} now"
    assert names.originals(["⟨phone:abcdefghijklmnop⟩"]) == {}


def test_names_are_masked_in_the_language_of_their_text() -> None:
    name = "⟨card:abcdefghijklmnop⟩"
    assert masked(f"it is {name}.") == "it is [card number]."
    assert masked(f"卡号{name}。") == "卡号[银行卡号]。"
    assert masked(f"{name}是我的, it is {name}") == "[银行卡号]是我的, it is [银行卡号]"
    assert masked(f"it is {name}, 我的") == "it is [card number], 我的"
    assert masked("⟨dog:abcdefghijklmnop⟩ ⟨card:abc⟩ ⟨card⟩") == "⟨dog:abcdefghijklmnop⟩ ⟨card:abc⟩ ⟨card⟩"


@given(
    st.sampled_from(list(Kind)),
    st.text("abcdefghijklmnop", min_size=16, max_size=16),
    st.sampled_from(["my number is {}, thanks", "{}", "write to {} or {}.", "我的号码是{}，谢谢", "card number {} 12"]),
)
def test_a_name_is_no_personal_data_and_stays_whole(kind: Kind, letters: str, text: str) -> None:
    named = text.replace("{}", f"⟨{kind}:{letters}⟩")
    assert redacted(named) == named


def test_pseudonyms_need_a_key() -> None:
    with pytest.raises(ValueError, match="key"):
        Pseudonyms(b"")
    with pytest.raises(ValueError, match="pseudonyms"):
        Redactor({Kind.PHONE: Treatment.PSEUDONYM})
