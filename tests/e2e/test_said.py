"""What is heard of an answer: its figures in words, and no personal data."""

from pathlib import Path

import pytest

from benchmarks.peers.language import Choice, language_model
from pipeline.audio.resample import resampled
from pipeline.caller.place import place_call
from pipeline.caller.plan import CallPlan
from pipeline.hearing.whisper import Whisper
from tests.e2e.conftest import AGENT, CONFIG
from tests.e2e.service import running
from tests.e2e.test_bad_lines import SMOLLM2
from tests.e2e.test_calls import base, spoken, talk

__all__ = ["base"]
pytestmark = [pytest.mark.e2e, pytest.mark.anyio, pytest.mark.timeout(120)]

ANSWER = "It costs $12.75 until 9:30, and the card 4111 1111 1111 1111 belongs to anna@example.com."


async def test_figures_are_said_in_words_and_personal_data_is_not_said(tmp_path: Path, base: Whisper) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "line.toml").write_text(AGENT.replace('greeting = "Hello, this is the test line."', ""))
    with language_model(Choice.STUB, ANSWER) as model:
        config = CONFIG.format(agents=tmp_path / "agents", ollama=model.url).replace(SMOLLM2, model.model)
        with running(config.replace("num_predict = 16", "num_predict = 100"), tmp_path) as service:
            report = await place_call(CallPlan(utterances=spoken("conf-invalidpin"), server=service.grpc))
    (turn,) = report.turns
    assert turn.reply == "It costs $12.75 until 9:30, and the card a card number belongs to an email address."
    assert turn.heard == turn.reply
    sound = resampled(report.recording.service, 16_000)
    heard = " ".join([(await base.transcribe(piece, "en")).text for piece in talk(sound, gap=2.0)]).lower()
    assert "12" in heard.replace("twelve dollars", "$12")
    assert "9:30" in heard.replace("nine thirty", "9:30").replace("930", "9:30").replace("9.30", "9:30")
    assert "card number belongs to an email address" in heard.replace("e-mail", "email")
    assert "4111" not in heard
