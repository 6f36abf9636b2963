"""Ways to cut one input, for everything that must not care how its input was cut."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol, Self, TypeVar

from hypothesis import strategies as st


class Sliceable(Protocol):
    def __len__(self) -> int: ...

    def __getitem__(self, key: slice, /) -> Self: ...


S = TypeVar("S", bound=Sliceable)


def cut(whole: S, at: Sequence[int]) -> list[S]:
    """Return ``whole`` cut at the given places, taken modulo its length and sorted; pieces may be empty."""
    places = [0, *sorted(place % (len(whole) + 1) for place in at), len(whole)]
    return [whole[start:end] for start, end in pairwise(places)]


def cuts(most: int = 12) -> st.SearchStrategy[list[int]]:
    """Draw places for ``cut``."""
    return st.lists(st.integers(0, 100_000), max_size=most)
