"""Languages that SpokenForm knows a little: plain numbers through num2words, addresses where their marks have names."""

import re
from functools import cache

from pipeline.speaking.spoken_numbers import number_in
from pipeline.speaking.spoken_rules import Marks, Rule, Written, address_marks, beginnings, in_address, rule

_MARKS = {
    "de": address_marks("Punkt", "at", "Schrägstrich", "Strich", "Unterstrich"),
    "es": address_marks("punto", "arroba", "barra", "guion", "guion bajo"),
    "fr": address_marks("point", "arobase", "barre oblique", "tiret", "tiret bas"),
    "it": address_marks("punto", "chiocciola", "barra", "trattino", "trattino basso"),
    "nl": address_marks("punt", "apenstaartje", "slash", "streepje", "liggend streepje"),
    "pt": address_marks("ponto", "arroba", "barra", "hífen", "sublinhado"),
}
_DECIMAL_POINT = frozenset({"ja", "ko", "th", "he", "hi"})
"""Languages that write a point before the decimals; the others write a comma."""
_MOST_FIGURES = 6
"""Figures of a number that is surely a count; longer ones may be telephone numbers and are left to the voice."""
_LEFT_TO_THE_VOICE = re.compile(r"(?:.*[02-9])?1|1[1-9][0-9]{2}")
"""Whole numbers that end in one, which takes the gender of what is counted, and years before 2000."""
_ALONE = r"(?![0-9A-Za-z]|[.,:/–-][0-9]|[ ]?[.:]?[0-9]|\.(?:\s|\Z))"


@cache
def other_tongue(language: str) -> Written:
    """Return the rules for a language that has none of its own here."""

    def number(found: re.Match[str], before: str) -> str | None:
        figures = found.group().replace(",", ".")
        behind_number = before[-1:].isalnum() or re.search(r"[0-9][^\w]?\Z|[+#/:.,-]\Z", before)
        if behind_number or in_address(before) or (len(figures) > 1 and figures[0] == "0" and figures[1] != "."):
            return None
        return None if _LEFT_TO_THE_VOICE.fullmatch(figures) else number_in(language, figures)

    def everything(found: re.Match[str], _before: str) -> str:
        return found.group()

    decimal = r"\." if language in _DECIMAL_POINT else ","
    figures: list[Rule] = [
        rule(rf"[0-9]{{1,{_MOST_FIGURES}}}(?:{decimal}[0-9]{{1,2}})?{_ALONE}", number),
        rule(r"[0-9]+(?:[.,:/–~ x×-][0-9]+)*", everything),
    ]
    marks = _MARKS.get(language, {})
    words: list[Rule] = [rule(r"https?://", ""), rule(r"mailto:", "")] if marks else []
    return Written(
        marks=Marks(marks),
        rules={"0": figures, "a": words},
        openings=beginnings(["https://", "http://", "mailto:"] if marks else []),
    )
