"""How often one address may ask."""

import pytest

from pipeline.entrances.webrtc.limits import ADDRESSES, Limiter


class Hand:
    """A clock that is moved by hand."""

    at = 100.0

    def now(self) -> float:
        return self.at


def test_a_burst_is_allowed_then_the_pace() -> None:
    clock = Hand()
    limiter = Limiter(3, 60.0, clock)
    assert [limiter.wait("a") for _ in range(3)] == [0, 0, 0]
    assert limiter.wait("a") == pytest.approx(1.0)
    clock.at += 0.5
    assert limiter.wait("a") == pytest.approx(0.5)
    clock.at += 0.5
    assert limiter.wait("a") == 0
    assert limiter.wait("a") > 0


def test_addresses_do_not_pay_for_each_other() -> None:
    limiter = Limiter(1, 60.0, Hand())
    assert limiter.wait("a") == 0
    assert limiter.wait("b") == 0
    assert limiter.wait("a") > 0


def test_a_flood_of_addresses_costs_bounded_memory() -> None:
    limiter = Limiter(1, 60.0, Hand())
    for number in range(ADDRESSES + 10):
        limiter.wait(str(number))
    assert len(limiter._buckets) == ADDRESSES
