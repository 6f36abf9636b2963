from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.hearing.silero import Silero
from pipeline.hearing.smart_turn import SmartTurn
from pipeline.hearing.whisper import Whisper
from pipeline.settings import Recognition, Speaking
from pipeline.speaking.piper import Piper


@pytest.fixture(scope="session")
def silero(model_path: Callable[[str], Path]) -> Silero:
    return Silero.load(model_path("silero-vad"))


@pytest.fixture(scope="session")
def smart_turn(model_path: Callable[[str], Path]) -> SmartTurn:
    return SmartTurn.load(model_path("smart-turn-v3.2"))


@pytest.fixture(scope="session")
def tiny(model_path: Callable[[str], Path]) -> Whisper:
    return Whisper.load(model_path("whisper-tiny.en"), Recognition())


@pytest.fixture(scope="session")
def base(model_path: Callable[[str], Path]) -> Whisper:
    return Whisper.load(model_path("whisper-base"), Recognition())


@pytest.fixture(scope="session")
def piper(model_path: Callable[[str], Path]) -> Piper:
    return Piper.load(model_path("piper-en-us-joe-medium"), Speaking())
