"""What was read in a picture is known to the answers, which wait for it a little."""

import pytest

from pipeline.core.clock import LoopClock
from pipeline.core.errors import VisionError
from pipeline.core.events import (
    FillerStarted,
    InputMissing,
    PictureShown,
    PictureState,
    PlaybackStarted,
    ReplyEnded,
    ReplyStarted,
    SpeculationEnded,
    TurnId,
)
from pipeline.dialog.cache import AnswerCache, AnswerMemory, Origin
from pipeline.dialog.pictures import BROKEN, EMPTY, INTRODUCTIONS, LATE
from pipeline.session.headroom import Headroom
from pipeline.settings import CacheSettings, Call, Speaking
from pipeline.speaking.phrases import PhraseBook
from tests.fakes import FakeSynthesizer
from tests.pictures import png
from tests.session.calls import SILENT_AGENT
from tests.session.devices import Device
from tests.session.test_ledger import FakeLedger
from tests.virtual_time import pass_time
from tests.vision.looks import fake_vision

pytestmark = pytest.mark.anyio

LOOKING = SILENT_AGENT.phrases.looking


async def test_the_model_reads_the_picture_above_the_question_and_in_follow_ups() -> None:
    device = Device(fake_vision((0.4, "TOTAL\n7.70")))

    async def script() -> None:
        await device.sends()
        await pass_time(1.0)
        device.types("what is the total")
        await pass_time(5.0)
        device.types("and who sold it")

    await device.during(script)
    first, second = device.made.model.asked
    assert first[-1].text == f"{INTRODUCTIONS['en']}\n> TOTAL\n> 7.70\n\nwhat is the total"
    assert second[-1].text == "and who sold it"
    assert first[-1] in second
    assert [event.note for event in device.told(PictureState.READY)] == ["TOTAL\n7.70"]
    assert not device.line.of(FillerStarted)


async def test_work_begins_when_a_picture_arrives_and_not_when_it_is_shown() -> None:
    device = Device(fake_vision((2.0, "TOTAL 7.70")))

    async def script() -> None:
        kept = await device.sends(shows=False)
        await pass_time(1.9)
        device.shows(kept.media)
        device.types("what is the total")

    await device.during(script)
    (received,), (ready,) = device.told(PictureState.RECEIVED), device.told(PictureState.READY)
    assert ready.at - received.at == pytest.approx(2.0, abs=0.05)
    assert ready.took == pytest.approx(2.0, abs=0.05)
    assert "> TOTAL 7.70" in device.asked[0]


async def test_a_picture_that_was_not_shown_is_not_read_by_the_model() -> None:
    device = Device(fake_vision((0.1, "TOTAL 7.70")))

    async def script() -> None:
        await device.sends(shows=False)
        await pass_time(1.0)
        device.types("what is the total")

    await device.during(script)
    assert device.asked == ["what is the total"]


async def test_an_answer_waits_for_a_picture_and_the_caller_hears_why() -> None:
    book = PhraseBook(FakeSynthesizer(), Speaking())
    await book.learn([LOOKING], "en")
    device = Device(fake_vision((3.0, "TOTAL 7.70")))
    device.made.book = book

    async def script() -> None:
        await device.sends()
        device.types("what is the total")

    await device.during(script)
    (filler,), (begun,) = device.line.of(FillerStarted), device.line.of(PlaybackStarted)
    assert isinstance(filler, FillerStarted)
    assert filler.text == LOOKING
    (received,) = device.told(PictureState.RECEIVED)
    assert filler.at - received.at < 0.3
    assert 3.0 < begun.at - received.at < 4.0
    assert "> TOTAL 7.70" in device.asked[0]
    (ended,) = device.line.of(ReplyEnded)
    assert isinstance(ended, ReplyEnded)
    assert ended.spans["vision"] == pytest.approx(3.0, abs=0.05)


async def test_an_answer_does_not_wait_for_ever_and_the_model_is_told() -> None:
    device = Device(fake_vision((15.0, "TOTAL 7.70"), patience=4.0), duration=40.0)

    async def script() -> None:
        await device.sends()
        device.types("what is the total")
        await pass_time(20.0)
        device.types("and now")

    await device.during(script)
    assert device.asked[0] == f"what is the total\n\n{LATE['en']}"
    assert device.asked[1].endswith("> TOTAL 7.70\n\nand now")


async def test_a_picture_that_nobody_could_read_is_no_secret() -> None:
    device = Device(fake_vision((0.5, VisionError("looking-failed", "it broke"))))

    async def script() -> None:
        await device.sends()
        device.types("what is the total")

    await device.during(script)
    assert device.asked == [f"{BROKEN['en']}\n\nwhat is the total"]
    (failed,) = device.told(PictureState.FAILED)
    assert (failed.code, failed.message) == ("looking-failed", "it broke")


async def test_a_picture_without_text_is_said_to_have_none() -> None:
    device = Device(fake_vision((0.5, "")))

    async def script() -> None:
        await device.sends()
        device.types("what is the total")

    await device.during(script)
    assert device.asked == [f"{EMPTY['en']}\n\nwhat is the total"]


async def test_a_picture_alone_is_no_turn() -> None:
    device = Device(fake_vision((0.5, "TOTAL 7.70")))

    async def script() -> None:
        await device.sends()

    await device.during(script)
    assert not device.line.of(ReplyStarted)
    assert not device.asked


async def test_a_picture_is_a_sign_of_life() -> None:
    device = Device(fake_vision((0.5, "TOTAL 7.70")))
    device.made.call = Call(no_input=4.0)

    async def script() -> None:
        await pass_time(3.0)
        await device.sends()

    await device.during(script)
    first = device.line.of(InputMissing)[0]
    (received,) = device.told(PictureState.RECEIVED)
    assert first.at - received.at == pytest.approx(4.0, abs=0.1)


async def test_a_spoken_question_that_says_nothing_of_a_picture_is_answered_with_it() -> None:
    device = Device(fake_vision((0.2, "ERROR E-42")), [(2.0, 3.0)])

    async def script() -> None:
        await device.sends()

    await device.during(script)
    assert device.asked[0].endswith("> ERROR E-42\n\nwhen do you open")


async def test_the_model_reads_a_picture_before_it_is_asked() -> None:
    device = Device(fake_vision((0.2, "ERROR E-42")))
    device.made.primes, device.made.headroom = True, Headroom(4, 4, lambda: False)

    async def script() -> None:
        await device.sends()

    await device.during(script)
    assert device.made.model.warmed[0][-1].text.endswith("> ERROR E-42")


async def test_nothing_is_begun_ahead_while_a_picture_is_looked_at() -> None:
    device = Device(fake_vision((4.0, "ERROR E-42")), [(0.7, 1.7)])
    device.made.headroom = Headroom(4, 4, lambda: False)

    async def script() -> None:
        await device.sends()

    await device.during(script)
    assert not device.line.of(SpeculationEnded)
    assert [question.partition("\n")[0] for question in device.asked] == [INTRODUCTIONS["en"]]


async def test_a_caller_who_goes_on_while_an_answer_waits_is_answered_with_the_picture() -> None:
    device = Device(fake_vision((3.0, "ERROR E-42")))

    async def script() -> None:
        await device.sends()
        device.types("what does it say")
        await pass_time(1.0)
        device.types("the screen I mean")

    await device.during(script)
    assert len(device.asked) == 1
    assert device.asked[0].endswith("> ERROR E-42\n\nwhat does it say the screen I mean")


async def test_an_answer_over_a_picture_is_remembered_for_nobody() -> None:
    cache = AnswerCache(CacheSettings(), LoopClock())
    device = Device(fake_vision((0.1, "TOTAL 7.70")))
    device.made.memory = AnswerMemory(cache, Origin("", "test", "1", "", "en", ""), "US", LoopClock())

    async def script() -> None:
        device.types("when do you open")
        await pass_time(6.0)
        await device.sends()
        await pass_time(0.5)
        device.types("when do you open")

    await device.during(script)
    assert len(device.asked) == 2
    assert cache.tally.stored == 1


async def test_what_was_read_is_written_down_with_the_turn_that_knew_it_first() -> None:
    ledger = FakeLedger()
    device = Device(fake_vision((0.1, "TOTAL 7.70")))
    device.made.ledger = ledger

    async def script() -> None:
        await device.sends()
        await pass_time(0.5)
        device.types("what is the total")
        await pass_time(5.0)
        device.types("and who sold it")

    await device.during(script)
    assert ledger.seen == [(TurnId(1), "TOTAL 7.70")]


async def test_a_picture_may_come_within_the_stream() -> None:
    device = Device(fake_vision((1.0, "TOTAL 7.70")))

    async def script() -> None:
        device.line.order(PictureShown(inline=png()))
        device.types("what is the total")

    await device.during(script)
    assert device.asked[0].endswith("> TOTAL 7.70\n\nwhat is the total")
