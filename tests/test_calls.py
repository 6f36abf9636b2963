from dataclasses import replace

import anyio
import pytest
from structlog.testing import capture_logs

from pipeline.core.errors import EntranceError
from pipeline.core.events import (
    CallEnd,
    EndpointingChanged,
    FinalTranscript,
    ReplyEnded,
    ReplyStopped,
    SpeechStarted,
    TurnEnded,
)
from pipeline.core.pcm import Pcm
from pipeline.core.stages import VoiceActivity
from pipeline.entrances.switchboard import (
    AgentCard,
    BargeInMode,
    BargeInRules,
    CutOff,
    OutputRules,
)
from pipeline.settings import Settings
from tests.fakes import FakeLine, FakeModel, FakeRecognizer, FakeVoice, recognitions
from tests.session.calls import ANSWER, LONG_ANSWER
from tests.switchboards import Service, start
from tests.virtual_time import VIRTUAL_TIME, Backend

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


async def test_an_unknown_agent_is_answered_with_the_known_ones() -> None:
    with pytest.raises(EntranceError, match="no agent 'shoe'; there are: desk, shop") as caught:
        await Service().terms(agent="shoe")
    assert (caught.value.code, caught.value.field) == ("unknown-agent", "start.agent_id")


async def test_before_the_models_are_loaded_a_call_may_be_tried_again_later() -> None:
    service = Service()
    with pytest.raises(EntranceError) as caught:
        await service.calls.prepare(start())
    assert (caught.value.code, caught.value.retryable) == ("not-ready", True)


async def test_clients_are_told_of_every_agent() -> None:
    voice = Settings().speaking.voice
    assert Service().calls.agents() == [
        AgentCard(id="shop", name="Shop", description="Sells bread.", languages=("en",), voice=voice, default=True),
        AgentCard(id="desk", name="Desk", languages=("de",), voice=voice),
    ]


async def test_the_agent_that_was_asked_for_answers() -> None:
    service = Service()
    await service.place(FakeLine([(1.0, 2.0)], 8.0), agent="desk")
    assert service.model.asked[0][0].text.startswith("You watch.")


async def test_the_silence_that_was_wished_ends_the_turn() -> None:
    line = FakeLine([(1.0, 2.0)], 8.0)
    await Service().place(line, endpointing=EndpointingChanged(min_silence=1.2, max_silence=1.2))
    (turn,) = line.of(TurnEnded)
    assert isinstance(turn, TurnEnded)
    assert turn.at - turn.speech_end_at == pytest.approx(1.2, abs=0.04)


async def test_a_call_that_wants_no_barge_in_hears_every_reply_to_its_end() -> None:
    line = FakeLine([(1.0, 2.0), (5.0, 7.0)], 20.0)
    await Service(model=FakeModel(LONG_ANSWER, ANSWER)).place(line, barge_in=BargeInRules(mode=BargeInMode.NONE))
    assert line.of(ReplyStopped) == []
    assert len(line.of(ReplyEnded)) == 2


async def test_a_call_that_wants_its_sound_fast_gets_it_as_it_is_made() -> None:
    line = FakeLine([(1.0, 2.0)], 20.0)
    await Service(model=FakeModel(LONG_ANSWER)).place(line, wants=OutputRules(paced=False))
    seconds = sum(sent.audio.pcm.duration for sent in line.audio)
    assert line.audio[-1].at - line.audio[0].at < seconds / 2


async def test_calls_are_counted_by_how_they_ended() -> None:
    service = Service()
    await service.place(FakeLine([(1.0, 2.0)], 8.0))
    assert service.count("calls_started_total") == 1
    assert service.count("calls_ended_total", reason=CallEnd.CLIENT.value) == 1
    assert service.count("calls_active") == 0


@pytest.mark.parametrize("cut_off", list(CutOff))
async def test_a_call_that_is_cut_off_is_counted_by_the_reason(cut_off: CutOff) -> None:
    service = Service()
    await service.place(FakeLine([(1.0, 2.0)], 8.0), cut_after=3.0, cut_off=cut_off)
    assert service.count("calls_ended_total", reason=cut_off.value) == 1
    assert service.count("calls_active") == 0


@pytest.mark.parametrize(("cut_after", "reason", "seconds"), [(None, "client", 8.0), (3.0, "vanished", 3.0)])
async def test_the_end_of_every_call_is_one_line(cut_after: float | None, reason: str, seconds: float) -> None:
    with capture_logs() as lines:
        await Service().place(FakeLine([(1.0, 2.0)], 8.0), cut_after=cut_after)
    (ended,) = (line for line in lines if line["event"] == "call ended")
    assert (ended["call"], ended["reason"], ended["turns"]) == ("c1", reason, 1)
    assert ended["seconds"] == pytest.approx(seconds, abs=0.05)


async def test_a_call_that_breaks_is_counted_as_such() -> None:
    class BrokenVoice(FakeVoice):
        async def probability(self, window: Pcm) -> float:
            raise ZeroDivisionError

        def open(self) -> VoiceActivity:
            return self

    service = Service()
    service.shared = replace(service.shared, voice=BrokenVoice())
    with pytest.raises(ExceptionGroup):
        await service.place(FakeLine([(1.0, 2.0)], 8.0))
    assert service.count("calls_ended_total", reason="failed") == 1
    assert service.count("calls_active") == 0


async def test_the_channels_of_a_live_call_are_watched_and_of_a_finished_one_not() -> None:
    service = Service()
    seen: list[float | None] = []
    line = FakeLine([(1.0, 2.0)], 8.0)

    def look(_line: FakeLine, event: object) -> None:
        if isinstance(event, SpeechStarted):
            sample = service.metrics.registry.get_sample_value("voicepipe_queue_depth", {"channel": "microphone"})
            seen.append(sample)

    line.on_event = look
    await service.place(line)
    assert seen
    assert None not in seen
    assert service.metrics.registry.get_sample_value("voicepipe_queue_depth", {"channel": "microphone"}) is None


async def test_the_number_of_a_caller_is_told_and_logged_as_its_kind_and_the_model_knows_it() -> None:
    service, line = Service(), FakeLine([(1.0, 2.0)], 8.0)
    recognizer = FakeRecognizer([(0.1, "my number is 415 555 2672")])
    service.shared = replace(service.shared, recognitions=recognitions(recognizer))
    with capture_logs() as lines:
        await service.place(line)
    (told,) = line.of(FinalTranscript)
    (logged,) = (entry for entry in lines if entry["event"] == "recognized")
    assert isinstance(told, FinalTranscript)
    assert told.text == logged["pii_text"] == "my number is [phone number]"
    assert service.model.asked[0][-1].text == "my number is 415 555 2672"


async def test_calls_at_once_do_not_share_anything_of_a_caller() -> None:
    service = Service()
    lines = [FakeLine([(1.0 + number / 3, 2.0 + number / 3)], 9.0) for number in range(4)]
    async with anyio.create_task_group() as tasks:
        for line in lines:
            tasks.start_soon(service.place, line)
    assert [len(line.of(ReplyEnded)) for line in lines] == [1] * 4
    assert all(len(asked) == 2 for asked in service.model.asked)
