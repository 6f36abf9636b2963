"""Whether a number that a model gives a tool was said by anybody. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pipeline.dialog.dictated import joined

FIGURES = 3
"""So many figures make a number that has to be said by somebody: small ones are counts, dates and the like."""
_NUMBER = re.compile(r"\d[\d\s./-]*\d")


def unsaid(arguments: Mapping[str, Any], said: Sequence[str]) -> str:
    """Return a number of the arguments that stands in none of the texts; "" when there is none.

    Small models make up order numbers rather than ask for one. Numbers that were dictated count in figures too.
    """
    values = (unicodedata.normalize("NFKC", value) for value in _values(arguments))
    numbers = [_figures(number) for value in values for number in _NUMBER.findall(value)]
    numbers = [number for number in numbers if len(number) >= FIGURES]
    if not numbers:  # to read all that was said takes 20 ms
        return ""
    readings = [
        _figures(reading)
        for text in said
        for reading in (text, joined(text, letters=False), joined(text, letters=True))
    ]
    return next((number for number in numbers if not any(number in reading for reading in readings)), "")


def _values(value: Any) -> Iterator[str]:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, Mapping):
        yield from _of_all(value.values())
    elif isinstance(value, list | tuple):
        yield from _of_all(value)


def _of_all(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        yield from _values(value)


def _figures(text: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKC", text) if letter.isdecimal())
