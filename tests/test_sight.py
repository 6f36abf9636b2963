"""Who looks at pictures, by the settings; off costs nothing."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from pipeline import sight
from pipeline.calls import Calls
from pipeline.core.clock import LoopClock
from pipeline.core.errors import EntranceError, VisionError
from pipeline.observe import Metrics
from pipeline.settings import Settings, SettingsError, VisionSettings
from tests.switchboards import AGENTS, Service, start
from tests.vision.looks import fake_vision
from tests.vision.processes import running


@pytest.mark.anyio
async def test_switched_off_there_is_nothing() -> None:
    assert await sight.opened(Settings(vision=VisionSettings(engine="off"))) is None
    assert await sight.looked_at(Settings(vision=VisionSettings(engine="off"))) == "none are taken"
    assert VisionSettings(engine="off").reserved == 0


@pytest.mark.anyio
async def test_until_a_picture_comes_no_process_runs() -> None:
    vision = await sight.opened(Settings())
    assert vision is not None
    assert running("") == []
    await vision.close()


def test_the_service_imports_no_engine_for_pictures() -> None:
    listed = "import sys, pipeline.serve, pipeline.sight, pipeline.vision.ocr; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True).stdout.split()
    assert {"PIL", "cv2", "rapidocr"}.isdisjoint(loaded)


@pytest.mark.anyio
async def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sight.PACKAGES, "ocr", ("PIL", "no_such_package"))
    with pytest.raises(SettingsError, match="no_such_package"):
        await sight.opened(Settings())


def test_an_ollama_model_has_to_be_named() -> None:
    with pytest.raises(ValidationError, match="needs model"):
        VisionSettings(engine="ollama")


@pytest.mark.anyio
async def test_pictures_are_taken_for_live_calls_only() -> None:
    takes = Calls(Settings(), AGENTS, Metrics(), LoopClock(), vision=fake_vision((0.1, "x")))
    with pytest.raises(EntranceError) as unknown:
        takes.pictures("c1")
    assert (unknown.value.code, takes.image_bytes) == ("unknown-conversation", 10_000_000)
    takes_none = Calls(Settings(), AGENTS, Metrics(), LoopClock())
    with pytest.raises(VisionError) as off:
        takes_none.pictures("c1")
    assert (off.value.code, takes_none.image_bytes) == ("vision-off", 0)


@pytest.mark.anyio
async def test_a_call_takes_pictures_from_before_its_client_knows_of_it_until_it_is_released() -> None:
    service = Service()
    calls = Calls(Settings(), AGENTS, service.metrics, LoopClock(), vision=fake_vision((0.1, "x")))
    calls.open(service.shared)
    call = await calls.prepare(start())
    assert calls.pictures("c1") is calls.pictures("c1")
    assert call.terms.image_bytes == 10_000_000
    await call.release()
    with pytest.raises(EntranceError):
        calls.pictures("c1")
