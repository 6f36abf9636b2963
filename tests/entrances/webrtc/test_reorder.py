"""The order of packets, whatever the network does to them."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.entrances.webrtc.reorder import WINDOW, Reorder


def through(numbers: list[int]) -> list[list[int]]:
    order = Reorder[int]()
    return [order.add(number % (1 << 16), number) for number in numbers]


def test_packets_in_order_are_not_held_back() -> None:
    assert through([7, 8, 9]) == [[7], [8], [9]]


def test_two_packets_that_changed_places_come_in_order() -> None:
    assert through([1, 3, 2, 4]) == [[1], [], [2, 3], [4]]


def test_a_lost_packet_holds_the_others_up_for_the_window_and_leaves_no_delay() -> None:
    assert through([1, 3, 4, 5, 6]) == [[1], [], [3, 4], [5], [6]]


def test_what_comes_twice_or_too_late_is_dropped() -> None:
    assert through([1, 2, 2, 4, 5, 3, 6]) == [[1], [2], [], [], [4, 5], [], [6]]


def test_numbers_begin_again_behind_the_last() -> None:
    assert through([65534, 65535, 65536, 65538, 65537]) == [[65534], [65535], [65536], [], [65537, 65538]]


def test_a_jump_begins_anew_and_loses_nothing_that_waits() -> None:
    assert through([1, 3, 5000, 5001]) == [[1], [], [3, 5000], [5001]]
    assert through([5000, 1, 2]) == [[5000], [1], [2]]


@given(st.integers(0, 65535), st.lists(st.tuples(st.integers(0, 400), st.sampled_from(["keep", "lose", "double"]))))
def test_any_network_gives_each_packet_at_most_once_in_order_and_late_by_the_window(
    first: int, network: list[tuple[int, str]]
) -> None:
    """Packet n is sent at 20 n ms and arrives up to 400 ms later, or never, or twice."""
    arrivals = sorted(
        (20 * sent + delay + again, first + sent)
        for sent, (delay, fate) in enumerate(network)
        for again in ((), (0,), (0, 7))[("lose", "keep", "double").index(fate)]
    )
    order = Reorder[int]()
    given_out: list[int] = []
    arrived: set[int] = set()
    for _, number in arrivals:
        given_out += order.add(number % (1 << 16), number)
        arrived.add(number)
        waiting = [one for one in arrived if one > (given_out[-1] if given_out else -1)]
        assert len(waiting) < WINDOW
    assert given_out == sorted(set(given_out))
    assert set(given_out) <= arrived


@given(st.integers(0, 65535), st.lists(st.booleans(), max_size=300))
def test_without_reordering_all_that_arrives_is_given_out(first: int, arrives: list[bool]) -> None:
    numbers = [first + sent for sent, kept in enumerate(arrives) if kept]
    gaps = [later - earlier for earlier, later in pairwise(numbers)]
    order = Reorder[int]()
    given_out = [one for number in numbers for one in order.add(number % (1 << 16), number)]
    held = 0 if all(gap < 2 for gap in gaps[-1:]) else 1
    assert given_out in (numbers, numbers[:-held] if held else numbers)
