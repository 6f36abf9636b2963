from collections.abc import AsyncGenerator, Sequence

import pytest

from benchmarks.stage_cases import Case, Sample, Work, cuts, written_reply
from benchmarks.stages import figures, measured, spread, times_as_fast
from pipeline.core.clock import LoopClock
from pipeline.core.pcm import Pcm
from pipeline.core.stages import ChatDelta, ChatOptions, Message, Usage
from tests.virtual_time import VIRTUAL_TIME, Backend, pass_time


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


class FakeModel:
    """Takes half a second for the first of four tokens and a tenth for each other."""

    @property
    def digest(self) -> str:
        return ""

    async def stream(self, messages: Sequence[Message], options: ChatOptions) -> AsyncGenerator[ChatDelta, None]:
        await pass_time(0.5)
        for word in "abcd":
            yield ChatDelta(word)
            await pass_time(0.1)
        yield ChatDelta("", Usage(30, 4, "fake"))

    async def warm(self, messages: Sequence[Message], options: ChatOptions) -> None:
        pass


def sound(value: int, seconds: float) -> Pcm:
    return Pcm(bytes([value, 0]) * round(seconds * 1000), 1000)


def test_pieces_have_the_length_asked_for_and_share_no_sound() -> None:
    pieces = cuts([sound(1, 3), sound(2, 1), sound(3, 1.5), sound(4, 2)], 2, 5)
    assert [piece.duration for piece in pieces] == [2.0, 2.0, 2.0]
    assert pieces[1].data == sound(2, 1).data + sound(3, 1).data
    assert len(cuts([sound(1, 3), sound(2, 3)], 2, 1)) == 1


def test_small_times_keep_their_digits() -> None:
    assert spread([0.000_214_6, 0.000_214_6]) == {"p50": 0.215, "p95": 0.215}
    assert spread([0.1, 0.2, 0.3]) == {"p50": 200.0, "p95": 290.0}
    assert spread([0.5]) == {"p50": 500.0, "p95": 500.0}
    assert spread([]) is None


def test_the_factor_is_time_over_sound_and_unknown_figures_are_left_out() -> None:
    found = figures([Sample(0.2, 1.0), Sample(0.4, 2.0)], wall=0.3)
    assert found == {"samples": 2, "took_ms": {"p50": 300.0, "p95": 390.0}, "rtf": 0.2, "sound_per_second": 10.0}


def test_contexts_are_compared_for_a_caller_alone() -> None:
    def rows(alone: float) -> list[dict[str, object]]:
        return [{"input": "3 s", "at_once": at_once, "took_ms": {"p50": alone * at_once}} for at_once in (1, 2)]

    assert times_as_fast({"recognition_short": rows(50), "recognition_full": rows(200)}) == {"3 s": 4.0}
    assert times_as_fast({"vad": rows(1)}) == {}


@pytest.mark.anyio
async def test_callers_work_side_by_side_after_a_run_that_is_not_counted() -> None:
    begun = 0

    def caller() -> Work:
        async def work() -> list[Sample]:
            nonlocal begun
            begun += 1
            await pass_time(1.0)
            return [Sample(1.0, 2.0)]

        return work

    found = await measured(Case("vad", "2 s", caller), 4, 8, LoopClock())
    assert (begun, found["samples"]) == (12, 8)
    assert found["sound_per_second"] == 8.0


@pytest.mark.anyio
async def test_a_slow_case_has_fewer_runs() -> None:
    async def work() -> list[Sample]:
        return [Sample(1.0)]

    case = Case("language", "cold", lambda: work, at_once=(1,), most_runs=3)
    assert (await measured(case, 1, 20, LoopClock()))["samples"] == 3


@pytest.mark.anyio
async def test_the_rate_of_tokens_begins_behind_the_first() -> None:
    reply = await written_reply(FakeModel(), [], ChatOptions(), LoopClock())
    assert reply.first == pytest.approx(0.5)
    assert reply.took == pytest.approx(0.9)
    assert reply.rate == pytest.approx(7.5)
    assert reply.read == 30
