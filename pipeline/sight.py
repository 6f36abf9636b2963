"""Sight: the vision stage as the settings want it. An engine that is not used is not imported, and no process runs."""

from importlib import metadata
from importlib.util import find_spec

from pipeline.core.errors import VisionError
from pipeline.observe import logger
from pipeline.settings import Settings, SettingsError
from pipeline.vision.describer import Describer
from pipeline.vision.stage import Vision

PACKAGES = {"ocr": ("PIL", "cv2", "rapidocr"), "ollama": ("PIL",), "off": ()}
"""What the processes of each engine import."""
OFF = 'make venv, or vision.engine = "off"'


async def opened(settings: Settings) -> Vision | None:
    """Return the stage, None where no pictures are taken.

    A server that is away is told in the log: it may come. Raises SettingsError, and VisionError for a model that is
    missing or cannot see.
    """
    wanted = settings.vision
    if wanted.engine == "off":
        return None
    _check_packages(settings)
    describer: Describer
    if wanted.engine == "ollama":
        from pipeline.vision.ollama import OllamaVision

        describer = asked = OllamaVision(wanted, settings.dialog)
        try:
            await asked.check()
        except VisionError as error:
            if not error.retryable:
                await asked.close()
                raise
            logger("vision").warning("nobody looks at pictures yet", code=error.code, reason=str(error))
    else:
        from pipeline.vision.ocr import Ocr

        describer = Ocr(wanted.workers)
    logger("vision").info("pictures are taken", engine=wanted.engine, model=wanted.model)
    return Vision(wanted, describer)


async def looked_at(settings: Settings) -> str:
    """Return what would look at pictures. Raises SettingsError and VisionError: what keeps it from that."""
    wanted = settings.vision
    if wanted.engine == "off":
        return "none are taken"
    _check_packages(settings)
    if wanted.engine == "ocr":
        return f"their text is read by rapidocr {metadata.version('rapidocr')}"
    from pipeline.vision.ollama import OllamaVision

    asked = OllamaVision(wanted, settings.dialog)
    try:
        await asked.check()
    finally:
        await asked.close()
    return f"{wanted.model} looks at them, by Ollama at {settings.dialog.ollama_url}"


def _check_packages(settings: Settings) -> None:
    """Raise SettingsError where a package is not installed."""
    engine = settings.vision.engine
    missing = [name for name in PACKAGES[engine] if find_spec(name) is None]
    if missing:
        what = f'vision.engine = "{engine}" needs what is not installed: {", ".join(missing)}: {OFF}'
        raise SettingsError("package-missing", what)
