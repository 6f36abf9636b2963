from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.cache import Cache


@dataclass
class HandClock:
    at: float = 0.0

    def now(self) -> float:
        return self.at


def test_what_was_put_is_found_and_counted() -> None:
    cache = Cache[str, int](HandClock(), 100)
    assert cache.get("one") is None
    cache.put("one", 1, size=10, cost=0.5)
    assert cache.get("one") == 1
    tally = cache.tally
    assert (tally.hits, tally.misses, tally.stored, tally.bytes, tally.saved_seconds) == (1, 1, 1, 10, 0.5)


def test_what_was_not_used_for_longest_goes_first() -> None:
    cache = Cache[str, int](HandClock(), 100, entries=2)
    cache.put("one", 1, size=1)
    cache.put("two", 2, size=1)
    cache.get("one")
    cache.put("three", 3, size=1)
    assert [cache.get(key) for key in ("one", "two", "three")] == [1, None, 3]


def test_a_value_is_too_old_after_its_time_and_its_room_is_free() -> None:
    clock = HandClock()
    cache = Cache[str, int](clock, 100, seconds=60)
    cache.put("one", 1, size=10)
    clock.at = 59.9
    assert "one" in cache
    clock.at = 60.0
    assert "one" not in cache
    assert cache.get("one") is None
    assert (len(cache), cache.tally.bytes) == (0, 0)


def test_being_used_makes_a_value_no_younger() -> None:
    clock = HandClock()
    cache = Cache[str, int](clock, 100, seconds=60)
    cache.put("one", 1, size=10)
    clock.at = 50.0
    assert cache.get("one") == 1
    clock.at = 61.0
    assert cache.get("one") is None


def test_a_value_that_is_larger_than_all_room_drives_nothing_out() -> None:
    cache = Cache[str, int](HandClock(), 10)
    cache.put("one", 1, size=10)
    cache.put("two", 2, size=11)
    assert (cache.get("one"), cache.get("two")) == (1, None)


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 40)), max_size=60))
def test_it_never_holds_more_than_it_may(puts: list[tuple[str, int]]) -> None:
    cache = Cache[str, int](HandClock(), 100, entries=4)
    held: dict[str, int] = {}
    for key, size in puts:
        cache.put(key, size, size=size)
        held[key] = size
        assert cache.tally.bytes <= 100
        assert len(cache) <= 4
        assert cache.tally.bytes == sum(size for name, size in held.items() if name in cache)
        assert cache.get(key) == size


@pytest.mark.parametrize("seconds", [0.0])
def test_a_cache_of_no_time_keeps_nothing(seconds: float) -> None:
    cache = Cache[str, int](HandClock(), 100, seconds=seconds)
    cache.put("one", 1, size=1)
    assert cache.get("one") is None
