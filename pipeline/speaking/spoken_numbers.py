"""Numbers as English words, and the one place that asks num2words."""

import re

from num2words import CONVERTER_CLASSES, num2words

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_MOST_FIGURES = 36
"""Figures of the largest number that is said as one; longer ones are read figure by figure."""


def number_in(language: str, figures: str) -> str | None:
    """Return the words of a number (figures, perhaps with a point) in a language; None where num2words has none."""
    if language not in CONVERTER_CLASSES or len(figures) > _MOST_FIGURES:
        return None
    try:
        return str(num2words(float(figures) if "." in figures else int(figures), lang=language))
    except (NotImplementedError, OverflowError, ValueError, IndexError, KeyError):
        return None


def cardinal(number: int) -> str:
    """Return "one hundred five" for 105, without commas, at which the reply would be cut."""
    return str(num2words(number)).replace(",", "").replace(" and ", " ")


def ordinal(number: int) -> str:
    """Return "twenty-second" for 22."""
    return str(num2words(number, to="ordinal")).replace(",", "").replace(" and ", " ")


def digits(figures: str) -> str:
    """Return "four eight two" for ``482``; everything but figures is left out."""
    return " ".join(_DIGITS[int(figure)] for figure in figures if figure in "0123456789")


def groups(figures: list[str]) -> str:
    """Return groups of figures one by one, with a pause between them: "eight hundred, five five five"."""
    return ", ".join("eight hundred" if group == "800" else digits(group) for group in figures)


def year(number: int) -> str:
    """Return "nineteen oh five" for 1905, "two thousand five" for 2005, "twenty twenty-five" for 2025."""
    century, rest = divmod(number, 100)
    if century % 10 == 0 and rest < 10:
        return cardinal(number)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {two_figures(rest)}"


def two_figures(number: int) -> str:
    """Return "oh five" for 5 and "thirty" for 30, as in times and years."""
    return f"oh {cardinal(number)}" if number < 10 else cardinal(number)


def code(figures: str) -> str:
    """Return the number of a room, a flight or a route: "two oh four" for 204, "twelve thirty-four" for 1234."""
    if figures.startswith("0") or len(figures) > 4:
        return digits(figures)
    if len(figures) <= 2:
        return cardinal(int(figures))
    first, rest = figures[:-2], int(figures[-2:])
    if rest == 0:
        return cardinal(int(figures)) if first.endswith("0") else f"{cardinal(int(first))} hundred"
    return f"{cardinal(int(first))} {two_figures(rest)}"


def quantity(figures: str) -> str:
    """Return the words of a number as it is written: ``1,200``, ``3.50``, ``.5``."""
    whole, point, fraction = figures.replace(",", "").partition(".")
    if len(whole) > _MOST_FIGURES:
        return digits(whole)
    words = cardinal(int(whole)) if whole else ""
    return f"{words} point {digits(fraction)}".lstrip() if point else words


def is_one(figures: str) -> bool:
    """Return whether what is counted stands in the singular."""
    return re.fullmatch(r"0*1", figures) is not None
