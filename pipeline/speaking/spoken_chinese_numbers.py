"""Numbers as Chinese words, and the one place that asks cn2an."""

import re

import cn2an

_DIGITS = "零一二三四五六七八九"
_MOST_FIGURES = 16
"""Figures of the largest number that cn2an says; longer ones are read figure by figure."""
_TWO = re.compile(r"(?<![十百零])二(?=[千万亿])|^二(?=百)")
"""Where 二 is said 两 inside a number: 两千, 两万, 一万两千; 二十二万 stays."""


def cardinal(number: int) -> str:
    """Return 一万两千 for 12000."""
    return _TWO.sub("两", str(cn2an.an2cn(number)))


def quantity(figures: str) -> str:
    """Return the words of a number as it is written: ``1,200``, ``3.50``, ``.5``."""
    whole, point, fraction = figures.replace(",", "").partition(".")
    words = digits(whole) if len(whole) > _MOST_FIGURES else cardinal(int(whole or "0"))
    return f"{words}点{year(fraction)}" if point else words


def count(figures: str) -> str:
    """Return the words of a number in front of what is counted: 两 for 2."""
    return "两" if figures == "2" else quantity(figures)


def year(figures: str) -> str:
    """Return figures one by one with 一, as in a year or behind a decimal point."""
    return "".join(_DIGITS[int(figure)] for figure in figures)


def digits(figures: str) -> str:
    """Return figures one by one with 幺, as in a telephone number, an order or a room."""
    return year(figures).replace("一", "幺")


def groups(figures: list[str]) -> str:
    """Return groups of figures one by one, with a pause between them."""
    return "，".join(map(digits, figures))
