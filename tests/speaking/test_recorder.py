import pytest

from pipeline.core.clock import LoopClock
from pipeline.core.stages import Speech
from pipeline.settings import Speaking
from pipeline.speaking.phrases import LONGEST, PhraseBook, SpeechCache
from pipeline.speaking.recorder import Recorder
from tests.fakes import FakeSynthesizer
from tests.virtual_time import VIRTUAL_TIME, Backend

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


def room(mib: int = 32) -> SpeechCache:
    return SpeechCache(LoopClock(), mib << 20)


async def spoken(voice: PhraseBook | Recorder, text: str) -> list[Speech]:
    return [piece async for piece in voice.speak(text)]


async def test_the_speech_of_a_reply_that_may_be_repeated_is_kept() -> None:
    voice, cache = FakeSynthesizer(), room()
    recorder = Recorder(book := PhraseBook(voice, Speaking(), cache))
    before = await spoken(recorder, "At nine,")
    recorder.keep()
    after = await spoken(recorder, "every day.")
    assert await spoken(book, "At nine,") == before
    assert await spoken(book, "every day.") == after
    assert voice.spoken == ["At nine,", "every day."]
    assert (cache.tally.hits, cache.tally.stored) == (2, 2)


async def test_the_speech_of_any_other_reply_is_not_kept() -> None:
    voice, cache = FakeSynthesizer(), room()
    book = PhraseBook(voice, Speaking(), cache)
    await spoken(Recorder(book), "Your order is ready.")
    assert (cache.tally.bytes, len(cache), book.knows("Your order is ready.")) == (0, 0, False)


async def test_a_clause_that_was_broken_off_is_not_kept() -> None:
    cache = room()
    recorder = Recorder(PhraseBook(voice := FakeSynthesizer(), Speaking(), cache))
    pieces = recorder.speak("A long sentence that takes several pieces to say.")
    await anext(pieces)
    await pieces.aclose()
    recorder.keep()
    assert (len(cache), voice.open_streams) == (0, 0)


async def test_a_clause_is_known_by_its_voice_and_pace() -> None:
    cache = room()
    recorder = Recorder(PhraseBook(FakeSynthesizer(), Speaking(), cache))
    recorder.keep()
    await spoken(recorder, "At nine.")
    others = (Speaking(speed=1.5), Speaking(voice="another"))
    assert not any(PhraseBook(FakeSynthesizer(), other, cache).knows("At nine.") for other in others)


async def test_a_clause_that_takes_long_to_say_is_not_kept() -> None:
    cache = room()
    recorder = Recorder(PhraseBook(FakeSynthesizer(chars_per_second=1.0), Speaking(), cache))
    recorder.keep()
    await spoken(recorder, "a" * (round(LONGEST) + 2))
    assert len(cache) == 0


async def test_the_speech_that_is_kept_never_takes_more_than_its_room() -> None:
    cache = room(1)
    recorder = Recorder(PhraseBook(FakeSynthesizer(), Speaking(), cache))
    recorder.keep()
    for number in range(40):
        await spoken(recorder, f"This is clause number {number}.")
    assert 1 < len(cache) < 40
    assert cache.tally.bytes <= 1 << 20


async def test_the_beginning_of_an_approved_answer_is_rehearsed_once() -> None:
    book = PhraseBook(voice := FakeSynthesizer(), Speaking(), cache := room())
    for _ in range(2):
        await book.rehearse("We do not sell coffee. There is a café across the street.", "en")
    assert len(voice.spoken) == len(cache) == 1
    first = voice.spoken[0]
    assert "We do not sell coffee. There".startswith(first.strip())
    assert await spoken(book, first)
    assert voice.spoken == [first]
