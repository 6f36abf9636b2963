"""Where the time of each turn went, as SVG: a bar a turn, its spans one behind the other. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil

from pipeline.core.latency import SEGMENTS

COLOURS = ("#bdbdbd", "#0072b2", "#009e73", "#e69f00", "#56b4e9", "#cc79a7", "#d55e00")
"""Of SEGMENTS; endpointing, where nothing is done, is grey. Source: Okabe and Ito, for the colour-blind too."""
LEFT, WIDTH, RIGHT = 64, 760, 30
"""Pixels beside the bars, of the longest one, and behind it."""
TOP, GROUP, AXIS = 84, 30, 34
"""Pixels above the first group, for the name of a group, and below the last bar."""
TICKS = (50, 100, 200, 250, 500, 1000, 2000, 2500, 5000)
"""Milliseconds between two lines, the first that gives no more than ten of them."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One turn."""

    name: str
    spans_ms: Mapping[str, float]
    gap_ms: float
    """As the caller heard it."""


def svg(title: str, groups: Mapping[str, Sequence[Bar]]) -> str:
    """Return the plot of all groups, each sorted by its gaps; the names of bars show under the mouse."""
    bars = [bar for group in groups.values() for bar in group]
    longest = max((max(bar.gap_ms, _total(bar)) for bar in bars), default=1.0)
    tick = next((tick for tick in TICKS if longest / tick <= 10), TICKS[-1])
    scale = WIDTH / (tick * ceil(longest / tick))
    thick = 16 if len(bars) <= 20 else 11 if len(bars) <= 60 else 8
    drawn: list[str] = []
    y = TOP
    for name, group in groups.items():
        y += GROUP
        turns = "1 turn" if len(group) == 1 else f"{len(group)} turns, sorted by the gap"
        drawn.append(_text(LEFT, y - 8, f"{name}: {turns}", weight="bold"))
        for number, bar in enumerate(sorted(group, key=lambda bar: bar.gap_ms), 1):
            if number == 1 or number % 5 == 0:
                drawn.append(_text(LEFT - 6, y + thick - 2, str(number), anchor="end", size=10))
            drawn.append(_bar(bar, y, thick, scale))
            y += thick + 2
    ticks = range(0, tick * ceil(longest / tick) + 1, tick)
    lines = [_line(LEFT + scale * at, TOP + 6, y + 4, "#dddddd") for at in ticks]
    lines += [_text(LEFT + scale * at, y + 18, f"{at}", anchor="middle", size=11) for at in ticks]
    legend = _legend([name for name in SEGMENTS if any(bar.spans_ms.get(name) for bar in bars)])
    about = _text(LEFT, 22, title, weight="bold", size=14)
    axis = _text(LEFT + WIDTH, y + 32, "milliseconds since the caller's end of speech", anchor="end", size=11)
    return _document(LEFT + WIDTH + RIGHT, y + AXIS + 8, (about, *legend, *lines, *drawn, axis))


def _total(bar: Bar) -> float:
    return sum(bar.spans_ms.get(name, 0.0) for name in SEGMENTS)


def _bar(bar: Bar, y: int, thick: int, scale: float) -> str:
    x, pieces = float(LEFT), []
    for name, colour in zip(SEGMENTS, COLOURS, strict=True):
        width = scale * bar.spans_ms.get(name, 0.0)
        if width > 0:
            pieces.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{thick}" fill="{colour}"/>')
        x += width
    told = ", ".join(f"{name} {bar.spans_ms[name]:.0f}" for name in SEGMENTS if name in bar.spans_ms)
    heard = _mark(LEFT + scale * bar.gap_ms, y, thick)
    return f"<g><title>{escape(bar.name)}: {told}; as heard {bar.gap_ms:.0f}</title>{''.join(pieces)}{heard}</g>"


def _mark(x: float, y: float, thick: int) -> str:
    return f'<rect x="{x - 1.25:.1f}" y="{y - 1}" width="2.5" height="{thick + 2}" fill="#000000"/>'


def _legend(names: Sequence[str]) -> list[str]:
    """Return the colours with their names, and the mark."""
    drawn, x = [], LEFT
    for name, colour in zip(SEGMENTS, COLOURS, strict=True):
        if name in names:
            drawn.append(f'<rect x="{x}" y="40" width="14" height="14" fill="{colour}"/>')
            drawn.append(_text(x + 19, 52, name))
            x += 34 + 7 * len(name)
    return [*drawn, _mark(LEFT + 6, 62, 14), _text(LEFT + 19, 74, "gap as the caller heard it")]


def _text(x: float, y: float, words: str, *, anchor: str = "start", weight: str = "normal", size: int = 12) -> str:
    style = f'text-anchor="{anchor}" font-weight="{weight}" font-size="{size}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(words)}</text>'


def _line(x: float, top: float, bottom: float, colour: str) -> str:
    return f'<line x1="{x:.1f}" y1="{top:.1f}" x2="{x:.1f}" y2="{bottom:.1f}" stroke="{colour}"/>'


def _document(width: int, height: int, parts: Sequence[str]) -> str:
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    # A ground of its own: the page behind it may be dark.
    ground = f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    font = 'font-family="Helvetica, Arial, sans-serif" fill="#222222"'
    return "\n".join((f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>', ground, *parts, "</svg>", ""))
