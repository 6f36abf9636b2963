import pytest

from pipeline.core.clock import LoopClock, MonotonicClock
from tests.virtual_time import VIRTUAL_TIME, Backend, pass_time


@pytest.fixture
def anyio_backend() -> Backend:
    return VIRTUAL_TIME


@pytest.mark.anyio
async def test_the_loops_clock_follows_the_running_loop() -> None:
    clock = LoopClock()
    before = clock.now()
    await pass_time(3600.0)
    assert clock.now() - before == pytest.approx(3600.0)


def test_the_loops_clock_needs_a_running_loop() -> None:
    with pytest.raises(RuntimeError):
        LoopClock().now()


def test_the_monotonic_clock_never_runs_back_and_needs_no_loop() -> None:
    clock = MonotonicClock()
    readings = [clock.now() for _ in range(100)]
    assert readings == sorted(readings)
