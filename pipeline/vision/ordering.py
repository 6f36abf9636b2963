"""The order in which lines of text are read, however the picture was held. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import atan2, cos, hypot, pi, sin

Point = tuple[float, float]
"""Pixels from the left and from the top."""

GAP = "  "
"""Between texts of one row: columns of a receipt."""
SAME_ROW = 0.6
"""Of a line's height: texts whose middles are closer stand in one row."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text as it lies in the picture."""

    text: str
    corners: tuple[Point, Point, Point, Point]
    """Around it, in order."""

    @property
    def middle(self) -> Point:
        """Return its middle."""
        return sum(x for x, _ in self.corners) / 4, sum(y for _, y in self.corners) / 4

    @property
    def edges(self) -> tuple[Point, Point]:
        """Return the longer edge and the shorter one, as vectors."""
        (first, second, third, _) = self.corners
        edges = [(b[0] - a[0], b[1] - a[1]) for a, b in ((first, second), (second, third))]
        long, short = sorted(edges, key=lambda edge: hypot(*edge), reverse=True)
        return long, short

    @property
    def height(self) -> float:
        """Return how high its letters are."""
        return max(hypot(*self.edges[1]), 1.0)


def upended(lines: Sequence[Line]) -> bool:
    """Return whether most of the text runs up or down the picture."""
    counted = [0, 0]
    for line in lines:
        (x, y), _ = line.edges
        counted[abs(y) > abs(x)] += len(line.text)
    return counted[1] > counted[0]


def in_order(lines: Sequence[Line], *, flipped: bool = False) -> str:
    """Return the text, row by row as it is read; the picture may be upended, and lie askew by less than 45 degrees.

    Of two ways to hold it, the text runs to the right, or down where it is upended; ``flipped`` says the other.
    """
    if not lines:
        return ""
    turn = _turn(lines) + (pi if flipped else 0.0)
    placed = [(*_turned(line.middle, -turn), line) for line in lines]
    rows: list[list[tuple[float, float, Line]]] = []
    for one in sorted(placed, key=lambda one: one[1]):
        if rows and one[1] - _level(rows[-1]) < SAME_ROW * min(one[2].height, rows[-1][-1][2].height):
            rows[-1].append(one)
        else:
            rows.append([one])
    return "\n".join(GAP.join(line.text for *_, line in sorted(row, key=lambda one: one[0])) for row in rows)


def _turn(lines: Sequence[Line]) -> float:
    """Return by how much the text is turned clockwise, in radians: around 0, or around a quarter turn if upended."""
    around = pi / 2 if upended(lines) else 0.0
    angles = sorted((_near(line, around), len(line.text)) for line in lines)
    half = sum(weight for _, weight in angles) / 2
    for angle, weight in angles:
        half -= weight
        if half <= 0:
            return angle
    return around


def _near(line: Line, around: float) -> float:
    """Return the direction of a line's long edge, of its two that which is nearer to ``around``."""
    (x, y), _ = line.edges
    angle = atan2(y, x) - around
    angle -= pi * round(angle / pi)
    return around + (angle if abs(angle) < pi / 4 else 0.0)


def _turned(point: Point, angle: float) -> Point:
    x, y = point
    return x * cos(angle) - y * sin(angle), x * sin(angle) + y * cos(angle)


def _level(row: Iterable[tuple[float, float, Line]]) -> float:
    levels = [level for _, level, _ in row]
    return sum(levels) / len(levels)
