from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from pipeline.core.clock import MonotonicClock
from pipeline.core.stages import ChatDelta, ChatOptions, Message, Usage
from pipeline.dialog.cache import AnswerCache, AnswerMemory, Draft, Kept, Note, Origin, key, may_be_kept, normalised
from pipeline.settings import CacheSettings

ORIGIN = Origin("", "shop", "1", "a", "en", "Good day. How can I help you?")
SYSTEM = Message("system", "You keep a shop.")
QUESTION = Message("user", "When do you open?")
OPTIONS = ChatOptions(temperature=0.2)


def keyed(*said: Message, origin: Origin = ORIGIN, options: ChatOptions = OPTIONS, digest: str = "weights") -> str:
    return key(origin, [SYSTEM, *said], options, digest)


def asked(text: str, *before: Message, language: str = "en") -> str:
    return keyed(*before, Message("user", text), origin=replace(ORIGIN, language=language))


@pytest.mark.parametrize(
    "other",
    ["when do you open", "WHEN DO YOU OPEN?!", "Um, when do you open, please?", "Hello, hi, when  do\nyou\u200b open…"],
)
def test_case_marks_and_fillers_make_no_other_question(other: str) -> None:
    assert asked(other) == asked("When do you open?")


@pytest.mark.parametrize("other", ["请问你们几点开门?", "你好，请问你们 几点 开门呢？", "嗯，你们几点开门。"])
def test_chinese_politeness_and_spaces_make_no_other_question(other: str) -> None:
    assert asked(other, language="zh") == asked("你们几点开门", language="zh")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("where is order 48213", "where is order 48214"),
        ("is it 4.50", "is it 450"),
        ("is it 1,5", "is it 15"),
        ("does it go to -5", "does it go to 5"),
        ("is it 5%", "is it 5"),
        ("is it $5", "is it €5"),
        ("is four oh one right", "is four one right"),
        ("do you open at seven", "do you open at eight"),
        ("is the bread nowhere", "is the bread now here"),
        ("do you have wine", "wine do you have"),
        ("क्या की", "क्या का"),
    ],
)
def test_what_means_something_else_is_another_question(one: str, other: str) -> None:
    assert asked(one) != asked(other)


def test_a_bar_is_not_a_question_for_wine() -> None:
    assert asked("附近有酒吧", language="zh") != asked("附近有酒", language="zh")


def wide(text: str) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) if sign != " " else "\u3000" for sign in text)


def test_full_width_signs_are_the_same_as_narrow_ones() -> None:
    assert asked(wide("when 48213")) == asked("when 48213")


def test_fillers_of_one_language_are_words_of_another() -> None:
    assert normalised("quanto custa um pão", "pt") == "quanto custa um pão"


def test_the_conversation_before_a_question_belongs_to_it() -> None:
    bread = [Message("user", "Do you sell bread?"), Message("assistant", "Yes, we do.")]
    cakes = [Message("user", "Do you sell cakes?"), Message("assistant", "Yes, we do.")]
    assert len({asked("How much is it?"), asked("How much is it?", *bread), asked("How much is it?", *cakes)}) == 3
    said_otherwise = [Message("user", "um do you sell bread"), Message("assistant", "Yes, we do.")]
    assert asked("How much is it?", *bread) == asked("how much is it", *said_otherwise)


def test_how_far_the_greeting_was_heard_makes_no_other_question() -> None:
    keys = {asked("When?", Message("assistant", text)) for text in ("Good day.", "Good day. How can I help you?")}
    assert keys == {asked("When?")}
    assert asked("When?", Message("assistant", "Are you still there?")) != asked("When?")


@pytest.mark.parametrize("field", ["tenant", "agent", "version", "knowledge"])
def test_every_origin_has_answers_of_its_own(field: str) -> None:
    assert keyed(QUESTION, origin=replace(ORIGIN, **{field: "another"})) != keyed(QUESTION)


def test_the_model_its_options_and_its_prompt_count() -> None:
    keys = {
        keyed(QUESTION),
        keyed(QUESTION, digest="other weights"),
        keyed(QUESTION, options=ChatOptions(temperature=0.3)),
        key(ORIGIN, [Message("system", "You keep a shop!"), QUESTION], OPTIONS, "weights"),
    }
    assert len(keys) == 4
    assert all(len(one) == 64 for one in keys)


@pytest.mark.parametrize("text", ["", "…", "Um. Hello?", "word " * 150])
def test_what_is_no_question_or_too_long_to_be_repeated_has_no_key(text: str) -> None:
    assert asked(text) == ""


def test_what_the_service_said_last_has_no_key() -> None:
    assert keyed(QUESTION, Message("assistant", "At nine.")) == keyed() == ""


DRAFT = Draft([QUESTION], "At nine.", whole=True)


def test_a_whole_answer_may_be_kept() -> None:
    assert may_be_kept(DRAFT, "US")
    assert may_be_kept(replace(DRAFT, text="早上七点。"), "CN")


@pytest.mark.parametrize(
    "draft",
    [
        replace(DRAFT, whole=False),
        replace(DRAFT, text="We open at"),
        replace(DRAFT, text=""),
        replace(DRAFT, said=[Message("user", "I am at 415 555 2671, when do you open?")]),
        replace(DRAFT, said=[Message("user", "jo@example.com"), Message("assistant", "Well?"), QUESTION]),
        replace(DRAFT, said=[Message("user", "my card is four one one one " + "one one one one " * 3)]),
    ],
)
def test_no_other_answer_may_be_kept(draft: Draft) -> None:
    assert not may_be_kept(draft, "US")


def memory(cache: AnswerCache | None = None, **origin: str) -> AnswerMemory:
    cache = cache or AnswerCache(CacheSettings(), MonotonicClock())
    return AnswerMemory(cache, replace(ORIGIN, **origin), "US", MonotonicClock())


def at_once(act: Callable[[], None]) -> None:
    act()


def noted(own: AnswerMemory, *deltas: ChatDelta) -> Note:
    note = own.note([SYSTEM, QUESTION], OPTIONS, "weights")
    for delta in deltas:
        note.wrote(delta)
    return note


WHOLE = (ChatDelta(""), ChatDelta("At "), ChatDelta("nine."), ChatDelta("", Usage(digest="weights")))


def test_an_answer_is_recalled_for_the_same_question_of_the_same_agent() -> None:
    own = memory()
    assert noted(own).recalled() is None
    noted(own, *WHOLE).keep(at_once)
    assert noted(own).recalled() == Kept("At nine.")
    assert noted(memory(own.cache, tenant="another")).recalled() is None
    assert (own.cache.tally.hits, own.cache.tally.misses) == (1, 2)
    assert own.cache.tally.saved_seconds > 0


def test_what_is_spoken_in_the_call_makes_another_question() -> None:
    own = memory()
    noted(own, *WHOLE).keep(at_once)
    prompt = [SYSTEM, QUESTION]
    assert own.note(prompt, OPTIONS, "weights", "en").recalled() is not None
    assert own.note(prompt, OPTIONS, "weights", "zh").recalled() is None


def test_nothing_is_kept_of_a_turn_that_never_becomes_real() -> None:
    own = memory()
    waiting: list[Callable[[], None]] = []
    noted(own, *WHOLE).keep(waiting.append)
    assert (len(waiting), own.cache.tally.stored) == (1, 0)
    waiting[0]()
    assert noted(own).recalled() is not None


@pytest.mark.parametrize(
    "deltas",
    [WHOLE[:-1], (*WHOLE[:2], WHOLE[-1])],
)
def test_what_the_model_did_not_write_to_its_end_waits_for_no_turn(deltas: Sequence[ChatDelta]) -> None:
    waiting: list[Callable[[], None]] = []
    noted(memory(), *deltas).keep(waiting.append)
    assert waiting == []


def test_a_question_without_a_key_counts_neither_as_hit_nor_as_miss() -> None:
    own = memory()
    note = own.note([SYSTEM, Message("user", "Um.")], OPTIONS, "weights")
    for delta in WHOLE:
        note.wrote(delta)
    note.keep(at_once)
    assert note.recalled() is None
    assert (own.cache.tally.hits, own.cache.tally.misses, own.cache.tally.stored) == (0, 0, 0)


def test_more_answers_than_allowed_are_not_kept() -> None:
    cache = AnswerCache(CacheSettings(entries=1000), MonotonicClock())
    for number in range(1500):
        cache.put(str(number), Kept("At nine."), 1.0)
    assert [cache.get(str(number)) is None for number in (0, 499, 500, 1499)] == [True, True, False, False]
    assert cache.tally.bytes < 1 << 20


def test_a_caller_who_has_said_much_asks_nothing_that_is_remembered() -> None:
    before = [Message("user", "word " * 110), Message("assistant", "I see.")]
    assert asked("When do you open? " * 3, *before) == ""
    assert asked("When?", *before)


@pytest.mark.parametrize(
    "message",
    [
        replace(QUESTION, above="Before: a cake."),
        replace(QUESTION, below="Known: order 48213."),
        replace(QUESTION, tool="status"),
    ],
)
def test_what_is_known_in_one_call_only_has_no_key(message: Message) -> None:
    assert keyed(message) == ""
