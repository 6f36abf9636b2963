"""What one call leaves for the next: answers that anybody may hear, and nothing of the caller."""

from dataclasses import replace

import pytest

from pipeline.core.clock import LoopClock
from pipeline.core.events import PlaybackStarted, ReplyEnded, TurnEnded
from pipeline.settings import Speaking
from pipeline.speaking.phrases import PhraseBook, SpeechCache
from tests.fakes import FakeLine, FakeModel, FakeRecognizer, FakeSynthesizer, recognitions
from tests.session.calls import ANSWER
from tests.switchboards import Service
from tests.virtual_time import VIRTUAL_TIME, Backend

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


class Remembering(Service):
    """A service with room for speech, whose callers all say the same."""

    def __init__(self, said: str = "when do you open") -> None:
        super().__init__(model=FakeModel(ANSWER))
        self.voice, self.speech = FakeSynthesizer(), SpeechCache(LoopClock(), 32 << 20)
        self.shared = replace(
            self.shared,
            synthesizer=PhraseBook(self.voice, Speaking(), self.speech),
            recognitions=recognitions(FakeRecognizer([(0.1, said)])),
        )

    async def called(self) -> FakeLine:
        line = FakeLine([(1.0, 2.0)], 9.0)
        await self.place(line)
        return line


async def test_the_second_caller_is_answered_without_model_and_voice() -> None:
    service = Remembering()
    first, second = await service.called(), await service.called()
    answers = [
        [event.text for event in line.of(ReplyEnded) if isinstance(event, ReplyEnded)] for line in (first, second)
    ]
    assert answers[0] == answers[1] == ["We open at nine, and we close at six."]
    assert len(service.model.asked) == 1
    assert len(service.voice.spoken) == len(set(service.voice.spoken))
    assert service.count("cache_hits_total", cache="answers") == 1


async def test_the_first_audio_of_a_remembered_answer_leaves_at_once() -> None:
    service = Remembering()
    await service.called()
    line = await service.called()
    (ended,), (begun,) = line.of(TurnEnded), line.of(PlaybackStarted)
    assert begun.at - ended.at < 0.06


async def test_nothing_is_left_of_a_caller_with_personal_data() -> None:
    service = Remembering("my number is 415 555 2671 when do you open")
    await service.called()
    await service.called()
    assert len(service.model.asked) == 2
    assert len(service.speech) == 0
    assert service.count("cache_stored_total", cache="answers") == 0


async def test_nothing_is_left_of_an_answer_that_was_cut_off() -> None:
    service = Remembering()
    line = FakeLine([(1.0, 2.0)], 9.0)
    await service.place(line, cut_after=2.9)
    assert len(service.model.asked) == 1
    assert len(service.speech) == 0
    assert service.count("cache_stored_total", cache="answers") == 0
