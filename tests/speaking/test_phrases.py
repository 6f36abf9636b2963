import pytest

from pipeline.core.pcm import joined
from pipeline.core.stages import Speech
from pipeline.settings import Speaking
from pipeline.speaking.phrases import PhraseBook
from tests.fakes import RATE, FakeSynthesizer
from tests.virtual_time import VIRTUAL_TIME, Backend

pytestmark = pytest.mark.anyio

GREETING = "Harbour Bakery, good day. How can I help you?"


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


async def spoken(book: PhraseBook, text: str) -> list[Speech]:
    return [piece async for piece in book.speak(text)]


async def test_what_was_learnt_is_spoken_from_memory_clause_by_clause() -> None:
    voice = FakeSynthesizer()
    book = PhraseBook(voice, Speaking())
    await book.learn([GREETING], "en")
    learnt = list(voice.spoken)
    assert "".join(learnt) == GREETING
    for clause in learnt:
        assert await spoken(book, clause)
    assert voice.spoken == learnt


async def test_other_texts_go_through_to_the_voice() -> None:
    voice = FakeSynthesizer()
    book = PhraseBook(voice, Speaking())
    direct = [piece async for piece in FakeSynthesizer().speak("Hello.")]
    assert await spoken(book, "Hello.") == direct
    assert voice.open_streams == 0


async def test_closing_early_closes_the_voice() -> None:
    voice = FakeSynthesizer()
    pieces = PhraseBook(voice, Speaking()).speak("A long sentence that takes several pieces to say.")
    await anext(pieces)
    await pieces.aclose()
    assert voice.open_streams == 0


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 48_000])
async def test_frames_are_whole_and_hold_all_of_the_phrase(rate: int) -> None:
    book = PhraseBook(FakeSynthesizer(), Speaking())
    await book.learn([GREETING], "en")
    frames = book.frames(GREETING, "en", rate, 0.02)
    assert {frame.samples for frame in frames} == {round(0.02 * rate)}
    assert joined(list(frames)).duration == pytest.approx(book.seconds, abs=0.03)
    assert book.frames(GREETING, "en", rate, 0.02) is frames


async def test_an_unknown_phrase_has_no_frames() -> None:
    assert PhraseBook(FakeSynthesizer(), Speaking()).frames("Hello.", "en", 8_000, 0.02) == ()


async def test_memory_is_bounded() -> None:
    book = PhraseBook(FakeSynthesizer(), Speaking(phrases_mib=1))
    long = [f"Phrase number {number} is a sentence that goes on for a while." for number in range(60)]
    assert 0 < await book.learn(long, "en") < 60
    assert book.seconds * 2 * RATE <= 1 << 20


async def test_a_phrase_is_learnt_once() -> None:
    voice = FakeSynthesizer()
    book = PhraseBook(voice, Speaking())
    await book.learn([GREETING, GREETING], "en")
    await book.learn([GREETING], "en")
    assert len(voice.spoken) == len(set(voice.spoken))


async def test_without_room_nothing_is_spoken_ahead_and_the_start_does_not_wait_for_it() -> None:
    voice = FakeSynthesizer()
    book = PhraseBook(voice, Speaking(phrases_mib=0))
    assert await book.learn([GREETING], "en") == 0
    assert voice.spoken == []
