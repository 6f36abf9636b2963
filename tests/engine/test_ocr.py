"""Reads receipts, labels and screens for real: the facts in them are in the note."""

import os
import signal
from collections.abc import AsyncIterator

import anyio
import pytest

from benchmarks.vision_pictures import SHEETS, Sheet, drawn, fonts, held, missing, photographed, written
from pipeline.core.errors import VisionError
from pipeline.settings import Settings, VisionSettings
from pipeline.sight import looked_at
from pipeline.vision.confine import NICE
from pipeline.vision.ocr import Ocr
from pipeline.vision.stage import Vision
from tests.pictures import png
from tests.vision.processes import running

pytestmark = [pytest.mark.engine, pytest.mark.anyio, pytest.mark.timeout(300)]


@pytest.fixture
async def vision() -> AsyncIterator[Vision]:
    opened = Vision(VisionSettings(timeout=60.0), Ocr(1))
    yield opened
    await opened.close()


async def note(vision: Vision, data: bytes) -> str:
    return await vision.described(await vision.scrubbed(data), "")


async def test_every_sheet_in_every_font_is_read(vision: Vision) -> None:
    for sheet in SHEETS:
        for font in fonts(sheet.language):
            text = await note(vision, written(drawn(sheet, font), "PNG"))
            assert not missing(sheet, text), (sheet.name, font.name, text)


@pytest.mark.parametrize("degrees", [0, 4, 90, 97, 180, 176, 270])
@pytest.mark.parametrize("sheet", [SHEETS[0], SHEETS[3]], ids=lambda sheet: sheet.name)
async def test_a_receipt_is_read_in_its_order_however_it_is_held(vision: Vision, sheet: Sheet, degrees: int) -> None:
    text = await note(vision, written(held(drawn(sheet, fonts(sheet.language)[0]), degrees)))
    assert not missing(sheet, text), text
    lines = ["".join(line.split()) for line in text.splitlines()]
    prices = [lines.index(line) for line in lines if line.endswith((sheet.rows[3][1], sheet.facts[0]))]
    assert len(prices) == 2, text
    assert prices[0] < prices[1], text
    assert any(line.startswith("".join(sheet.rows[3][0].split())) for line in lines), text


async def test_a_photo_of_twelve_megapixels_is_read(vision: Vision) -> None:
    data = written(photographed(drawn(SHEETS[0], fonts("en")[0])))
    assert not missing(SHEETS[0], await note(vision, data))


async def test_a_picture_without_text_has_an_empty_note(vision: Vision) -> None:
    assert await note(vision, png(200, 200)) == ""


async def test_one_process_reads_one_picture_after_the_other(vision: Vision) -> None:
    picture = written(drawn(SHEETS[2], fonts("en")[0]))
    assert running("reader") == []
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(note, vision, picture)
    (reader,) = running("reader")
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, reader) == min(19, ours + NICE)  # it lets others go first


async def test_a_process_that_was_killed_is_replaced(vision: Vision) -> None:
    picture = written(drawn(SHEETS[2], fonts("en")[0]))
    await note(vision, picture)
    (reader,) = running("reader")
    os.kill(reader, signal.SIGKILL)
    assert not missing(SHEETS[2], await note(vision, picture))


async def test_a_picture_that_takes_too_long_costs_the_process_and_not_the_next_picture() -> None:
    picture = written(drawn(SHEETS[2], fonts("en")[0]))
    vision = Vision(VisionSettings(timeout=0.05), Ocr(1))
    with pytest.raises(VisionError) as caught:
        await note(vision, picture)
    assert caught.value.code == "looking-timeout"
    patient = Vision(VisionSettings(timeout=60.0), vision._describer)
    assert not missing(SHEETS[2], await note(patient, picture))
    await patient.close()


async def test_the_check_names_what_reads() -> None:
    assert (await looked_at(Settings())).startswith("their text is read by rapidocr ")
