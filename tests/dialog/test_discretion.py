import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.events import (
    CallEvent,
    DigitsCollected,
    FinalTranscript,
    PartialTranscript,
    PictureNoted,
    PictureState,
    ReplyEnded,
    ReplyId,
    ReplyStatus,
    TextDelta,
    TurnId,
)
from pipeline.core.stages import Usage
from pipeline.dialog.discretion import Discretion
from pipeline.dialog.privacy import Privacy
from pipeline.dialog.redact import Pseudonyms, Treatment
from tests.virtual_time import VIRTUAL_TIME, Backend, run_virtually

pytestmark = pytest.mark.anyio

PERSONA = "You keep a shop. Its number is 415 555 2671."
STAMP = {"turn": TurnId(1), "at": 0.0}
SECRETS = (
    "415-555-2672",
    "four one five five five five two six seven two",
    "4111 1111 1111 1111",
    "joe.smith@example.com",
    "11010519491231002X",
    "幺三八一二三四五六七八",
    "13812345678",
)
BEFORE = ("My number is", "It is", "You reach me at", "我的号码是", "Please write down")


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


def discretion(**privacy: object) -> Discretion:
    return Privacy(**privacy).discretion(PERSONA)


def final(text: str) -> FinalTranscript:
    return FinalTranscript(**STAMP, text=text, language="en", confidence=1.0, audio_start=0.0, audio_end=1.0)  # type: ignore[arg-type]


def partial(text: str) -> PartialTranscript:
    return PartialTranscript(**STAMP, text=text, language="en", guess=text + " 41", stability=1.0, duration=1.0)  # type: ignore[arg-type]


def ended(text: str, heard: str) -> ReplyEnded:
    return ReplyEnded(
        **STAMP,  # type: ignore[arg-type]
        reply=ReplyId(1),
        status=ReplyStatus.COMPLETED,
        text=text,
        heard=heard,
        heard_ms=1,
        usage=Usage(),
        spans={},
    )


async def captioned(event: CallEvent, **privacy: object) -> CallEvent | None:
    own = discretion(**privacy)
    return own.caption(event, await own.kept(event))


async def test_a_transcript_names_what_it_does_not_tell() -> None:
    told = await captioned(final("Call me at 415 555 2672 or joe@example.com."))
    assert isinstance(told, FinalTranscript)
    assert told.text == "Call me at [phone number] or [email address]."


async def test_keys_that_are_a_card_are_told_as_one_and_a_choice_as_it_is() -> None:
    for keys, shown in (("4111111111111111", "[card number]"), ("2", "2"), ("1234", "1234")):
        told = await captioned(DigitsCollected(**STAMP, digits=keys))  # type: ignore[arg-type]
        assert isinstance(told, DigitsCollected)
        assert told.digits == shown


async def test_what_is_public_passes() -> None:
    told = await captioned(final("Is 415 555 2671 your number, or +49 30 901820?"), public=("+49 30 901820",))
    assert isinstance(told, FinalTranscript)
    assert "415 555 2671" in told.text
    assert "+49 30 901820" in told.text


async def test_an_agent_may_let_captions_pass_and_logs_still_hold_nothing() -> None:
    own, said = discretion(captions="pass"), final("It is 415 555 2672.")
    kept = await own.kept(said)
    assert own.caption(said, kept) is said
    assert isinstance(kept, FinalTranscript)
    assert kept.text == "It is [phone number]."


async def test_with_pseudonyms_logs_have_names_and_clients_are_told_masks() -> None:
    own = Privacy().discretion(PERSONA, Pseudonyms(b"key", restorable=True))
    for event in (final("It is 415 555 2672."), partial("It is 415 555 2672. Then I went home and")):
        kept = await own.kept(event)
        assert isinstance(kept, FinalTranscript | PartialTranscript)
        (name,) = re.findall(r"It is (⟨phone:[a-p]{16}⟩)", kept.text)
        told = own.caption(event, kept)
        assert isinstance(told, FinalTranscript | PartialTranscript)
        assert told.text == kept.text.replace(name, "[phone number]")
        assert not isinstance(told, PartialTranscript) or told.guess == told.text
        assert own.originals([own.said("four one five five five five two six seven two")]) == {name: "415 555 2672"}
    keys = DigitsCollected(**STAMP, digits="4111111111111111")  # type: ignore[arg-type]
    assert "⟨card:" in getattr(await own.kept(keys), "digits", "")
    assert getattr(own.caption(keys, await own.kept(keys)), "digits", "") == "[card number]"
    assert own.caption(partial("415"), await own.kept(partial("415"))) is None


@given(st.sampled_from(BEFORE), st.sampled_from([secret for secret in SECRETS if secret.isascii()]))
def test_with_pseudonyms_clients_are_told_what_they_are_told_without(before: str, secret: str) -> None:
    own, plain, said = Privacy().discretion(PERSONA, Pseudonyms(b"key")), discretion(), final(f"{before} {secret}.")

    async def told() -> tuple[CallEvent | None, CallEvent | None]:
        return own.caption(said, await own.kept(said)), plain.caption(said, await plain.kept(said))

    named, without = run_virtually(told)
    assert named == without


async def test_an_answer_is_kept_with_names_for_what_it_alone_may_say() -> None:
    own = Privacy(email=Treatment.PASS).discretion(PERSONA, Pseudonyms(b"key"))
    replied = own.replied("Write to joe@example.com or call 415 555 2672.")
    assert re.fullmatch(r"Write to ⟨email:[a-p]{16}⟩ or call 415 555 2672\.", replied)


async def test_an_answer_is_told_as_it_was_made_and_kept_without_what_it_alone_may_say() -> None:
    own = discretion(email="pass")
    answer = ended("Write to joe@example.com or call 415 555 2672.", "Write to joe@example.com")
    kept = await own.kept(answer)
    assert own.caption(answer, kept) is answer
    assert isinstance(kept, ReplyEnded)
    # The telephone passed the answer's own redaction: its documents have it.
    assert kept.text == "Write to [email address] or call 415 555 2672."
    assert kept.heard == "Write to [email address]"


async def test_nothing_else_is_touched() -> None:
    delta = TextDelta(**STAMP, reply=ReplyId(1), text="Call 415 555 2672")  # type: ignore[arg-type]
    assert await captioned(delta) is delta


async def test_an_interim_transcript_of_which_nothing_is_settled_is_not_told() -> None:
    assert await captioned(partial("415 555")) is None


@given(st.sampled_from(BEFORE), st.sampled_from(SECRETS), st.data())
def test_no_interim_transcript_shows_a_part_of_a_number_that_is_still_being_spoken(
    before: str, secret: str, data: st.DataObject
) -> None:
    spoken = data.draw(st.integers(0, len(secret)))
    text = f"{before} {secret[:spoken]}"

    async def told() -> CallEvent | None:
        return await captioned(partial(text))

    shown = run_virtually(told)
    text_shown = shown.text if isinstance(shown, PartialTranscript) else ""
    assert before.startswith(text_shown.rstrip())
    assert not re.search(r"[0-9@]", text_shown)


@given(st.lists(st.sampled_from([*SECRETS, *BEFORE, "bread", "at nine", "。", ", "]), max_size=30))
def test_a_text_that_is_read_in_slices_is_redacted_as_a_whole(parts: list[str]) -> None:
    own, text = discretion(), " ".join(parts)
    kept = run_virtually(lambda: own.kept(final(text)))
    assert isinstance(kept, FinalTranscript)
    assert kept.text == own.said(text)


def test_records_hold_no_kind_whatever_an_agent_may_say() -> None:
    own = discretion(passport="pass", phone=Treatment.PASS)
    words = "My passport number is E12345678, my phone number is 415 555 2672."
    for redacted in (own.said(words), own.replied(words)):
        assert redacted == "My passport number is [passport number], my phone number is [phone number]."


@pytest.mark.parametrize("captions", [Treatment.MASK, Treatment.PASS])
@pytest.mark.parametrize("pseudonyms", [None, Pseudonyms(b"key")])
async def test_what_was_read_in_a_picture_is_told_as_a_transcript_is(
    captions: Treatment, pseudonyms: Pseudonyms | None
) -> None:
    note = PictureNoted(**STAMP, media="m", state=PictureState.READY, note="call 415-555-2672")  # type: ignore[arg-type]
    shown = Privacy(captions=captions).discretion(PERSONA, pseudonyms)
    kept = await shown.kept(note)
    assert isinstance(kept, PictureNoted)
    assert "2672" not in kept.note
    told = shown.caption(note, kept)
    assert isinstance(told, PictureNoted)
    passes = captions is Treatment.PASS
    assert told.note == ("call 415-555-2672" if passes else "call [phone number]")
