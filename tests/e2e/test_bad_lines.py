"""Lines that lose sound and lines that stall: the real client and a real service, a bad network between them."""

import random
from collections.abc import Callable, Iterator
from typing import cast

import anyio
import grpc.aio
import pytest

from benchmarks.peers.language import Choice, language_model
from pipeline.audio.level import last_audible
from pipeline.caller.line import CallLine, Stream
from pipeline.caller.live import CallGoesOn, LiveEvent, Understood, UtteranceBegun
from pipeline.caller.mind import Mind
from pipeline.caller.place import OPTIONS, place_call
from pipeline.caller.plan import CallPlan, Encoding
from pipeline.caller.report import CallReport
from pipeline.cli.service import Service
from pipeline.core.clock import LoopClock
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2_grpc import ConversationServiceStub
from tests.e2e.conftest import AGENT, CONFIG
from tests.e2e.service import metrics, running
from tests.e2e.test_calls import spoken
from tests.engine.words import word_errors
from tests.entrances.relay import relay

pytestmark = [pytest.mark.e2e, pytest.mark.anyio, pytest.mark.timeout(120)]

SPOKEN = ("agent-newlocation", "conf-invalidpin", "conf-onlyperson", "cannot-complete-as-dialed")
LOST = 0.1
"""Share of frames that never arrive."""
SMOLLM2 = "smollm2-135m-instruct"
DROPPED = "voicepipe_frames_dropped_total"

Network = Callable[[ConverseRequest], list[ConverseRequest]]
"""Takes a message of the client; returns what the service receives now."""


class BadStream:
    """A stream to the service with a network in between."""

    def __init__(self, stream: Stream, network: Network) -> None:
        self._stream = stream
        self._network = network
        self.read = stream.read
        self.code = stream.code
        self.done_writing = stream.done_writing
        self.cancel = stream.cancel

    async def write(self, request: ConverseRequest) -> None:
        for message in self._network(request):
            await self._stream.write(message)


class Loss:
    """Lose one frame of sound in ten, at random; a client that does not number its samples cannot tell where."""

    def __init__(self, seed: int, *, numbered: bool) -> None:
        self._chance = random.Random(seed)
        self._numbered = numbered
        self.seen = self.lost = 0

    def __call__(self, request: ConverseRequest) -> list[ConverseRequest]:
        if not request.HasField("audio"):
            return [request]
        self.seen += 1
        if self._chance.random() < LOST:
            self.lost += 1
            return []
        if not self._numbered:
            request.audio.ClearField("sample_offset")
        return [request]


class Bunches:
    """Hold everything back until 0.3 to 1 s of sound has come together."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._held: list[ConverseRequest] = []
        self._frames = 0
        self.sent: list[int] = []
        """Frames of sound in each bunch."""

    def __call__(self, request: ConverseRequest) -> list[ConverseRequest]:
        if not self.sent and not request.HasField("audio"):
            return [request]  # the start
        self._held.append(request)
        count = sum(message.HasField("audio") for message in self._held)
        if count < self._frames:
            return []
        self.sent.append(count)
        self._frames = self._chance.randint(15, 50)
        held, self._held = self._held, []
        return held


async def call_over(network: Network, plan: CallPlan) -> CallReport:
    """Place a call whose messages go through ``network``."""
    async with grpc.aio.insecure_channel(plan.server, options=OPTIONS) as channel:
        stream: Stream = ConversationServiceStub(channel).Converse()
        line = CallLine(plan, lambda _: None, LoopClock())
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(Mind(plan, line, lambda _: None, LoopClock()).run)
                await line.run(cast("Stream", BadStream(stream, network)))
                tasks.cancel_scope.cancel()
        finally:
            stream.cancel()
    return line.report()


def errors(report: CallReport) -> float:
    """Return the word error rate of a call; how it was cut into turns does not count."""
    said = " ".join(utterance.name for utterance in spoken(*SPOKEN))
    return word_errors([said], [" ".join(turn.transcript for turn in report.turns)])


def check_usable(report: CallReport) -> None:
    """Fail unless every turn was answered to its end and nothing went wrong."""
    assert report.ended is not None
    assert report.ended.reason == "client"
    assert report.notices == ()
    assert report.turns[-1].status == "completed"
    assert last_audible(report.recording.service) is not None
    assert all(turn.reply for turn in report.turns if turn.status == "completed")


@pytest.fixture(scope="module")
def stubbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with a stub for a language model: all answers are short, and the same."""
    folder = tmp_path_factory.mktemp("bad-lines")
    (folder / "agents").mkdir()
    (folder / "agents" / "line.toml").write_text(AGENT)
    with language_model(Choice.STUB, "Of course, I see to it.") as model:
        config = CONFIG.format(agents=folder / "agents", ollama=model.url).replace(SMOLLM2, model.model)
        with running(config, folder) as service:
            yield service


async def both(network: Network, service: Service) -> tuple[CallReport, CallReport]:
    """Place the same call at once over a good line and over ``network``."""
    plan = CallPlan(utterances=spoken(*SPOKEN), server=service.grpc, rate=8000, encoding=Encoding.MULAW)
    found: dict[str, CallReport] = {}

    async def good() -> None:
        found["good"] = await place_call(plan)

    async def bad() -> None:
        found["bad"] = await call_over(network, plan)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(good)
        tasks.start_soon(bad)
    return found["good"], found["bad"]


@pytest.mark.parametrize("numbered", [True, False])
async def test_a_call_that_loses_a_tenth_of_its_frames_is_understood_and_answered(
    stubbed: Service, numbered: bool
) -> None:
    network = Loss(3, numbered=numbered)
    good, bad = await both(network, stubbed)
    assert network.lost > 0.07 * network.seen
    check_usable(bad)
    assert errors(bad) <= errors(good) + 0.2


async def test_a_call_whose_frames_come_in_bunches_is_understood_as_any_other(stubbed: Service) -> None:
    network = Bunches(4)
    dropped = metrics(stubbed)[DROPPED]
    good, bad = await both(network, stubbed)
    assert max(network.sent) > 40
    check_usable(bad)
    assert errors(bad) <= errors(good) + 0.05
    assert metrics(stubbed)[DROPPED] == dropped


async def test_a_call_whose_connection_is_cut_again_and_again_is_the_call_that_it_would_have_been(
    stubbed: Service,
) -> None:
    """It is cut when the caller begins to speak, and when the answer is made: nothing is lost, nothing comes twice."""
    resumed = metrics(stubbed)["voicepipe_calls_resumed_total"]
    events: list[LiveEvent] = []
    async with relay(int(stubbed.grpc.rpartition(":")[2])) as line:

        def tell(event: LiveEvent) -> None:
            events.append(event)
            if isinstance(event, UtteranceBegun | Understood):
                line.cut()

        report = await place_call(CallPlan(utterances=spoken(*SPOKEN), server=line.target, rate=8000), tell=tell)
    check_usable(report)
    assert errors(report) <= 0.35
    cuts = sum(isinstance(event, UtteranceBegun | Understood) for event in events)
    assert sum(isinstance(event, CallGoesOn) for event in events) >= cuts - 1  # the last one may fall into the hang-up
    assert metrics(stubbed)["voicepipe_calls_resumed_total"] - resumed >= cuts - 1
    answered = [turn for turn in report.turns if turn.transcript]
    assert [turn.turn for turn in answered] == list(range(1, len(answered) + 1))
