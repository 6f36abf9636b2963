"""Lines are read in their order, however the picture was held."""

from math import cos, radians, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.vision.ordering import Line, Point, in_order, upended

RECEIPT = [
    ("CORNER BAKERY", 100, 20, 200),
    ("Bread", 20, 80, 90),
    ("4.50", 320, 82, 60),
    ("Butter", 20, 120, 100),
    ("3.20", 320, 119, 60),
    ("TOTAL", 20, 180, 90),
    ("7.70", 320, 181, 60),
]
"""Texts, where each begins, and how long it is."""
READ = "CORNER BAKERY\nBread  4.50\nButter  3.20\nTOTAL  7.70"


def turned(degrees: float) -> list[Line]:
    """Return the receipt's lines with the paper turned clockwise around its middle, in any order."""
    angle = radians(degrees)

    def place(x: float, y: float) -> Point:
        across, down = x - 200, y - 100
        return 500 + across * cos(angle) - down * sin(angle), 500 + across * sin(angle) + down * cos(angle)

    lines = []
    for text, x, y, width in RECEIPT:
        first, second, third, fourth = ((x, y), (x + width, y), (x + width, y + 24), (x, y + 24))
        lines.append(Line(text, (place(*first), place(*second), place(*third), place(*fourth))))
    return lines


@pytest.mark.parametrize(("degrees", "sideways", "flipped"), [(0, 0, 0), (90, 1, 0), (180, 0, 1), (270, 1, 1)])
@pytest.mark.parametrize("skew", [-12, -3, 0, 4, 12])
def test_a_receipt_is_read_row_by_row_however_it_is_held(
    degrees: int, sideways: bool, flipped: bool, skew: int
) -> None:
    lines = turned(degrees + skew)
    assert upended(lines) == sideways
    assert in_order(lines, flipped=bool(flipped)) == READ


@given(st.permutations(turned(7)), st.integers(0, 3))
def test_the_order_in_which_lines_were_found_does_not_matter(lines: list[Line], first: int) -> None:
    # An engine's corners begin at any of the four.
    rotated = []
    for line in lines:
        a, b, c, d = (line.corners[(corner + first) % 4] for corner in range(4))
        rotated.append(Line(line.text, (a, b, c, d)))
    assert in_order(rotated) == READ


def test_no_lines_are_no_text() -> None:
    assert in_order([]) == ""


def test_a_point_is_a_line_as_well() -> None:
    assert in_order([Line("x", ((1, 1), (1, 1), (1, 1), (1, 1)))]) == "x"
