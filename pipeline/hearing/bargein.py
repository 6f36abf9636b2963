"""Is what was said over a reply meant to stop it? Pure."""

import re

from pipeline.hearing.words import HUMS, NODS

MOST_WORDS = 5
"""A backchannel is short, however it is made up."""
LONGEST = 2.0
"""Seconds; who speaks for longer wants to be heard, unless it is a hum."""
OWN_WORDS = 3
"""So many words in a row that the reply is just saying are the reply, come back from the line."""

ASKED_WITHIN = 30
"""Characters, about two seconds of speech: so long after a question a nod may be the answer to it."""

_WORD = re.compile(r"[\u3400-\u9fff]+|[^\W\d_]+(?:['’][^\W\d_]+)?|\d+")
_LONGEST_PHRASE = 3


def is_backchannel(text: str, duration: float, *, asked: bool) -> bool:
    """Return whether ``text`` keeps a talk going and no more: hums, nods, nothing at all.

    ``duration`` is the speech in seconds; ``asked``: the caller has just heard a question, which a nod answers.
    """
    said = _words(text)
    if not said:
        return True
    if _made_of(said, HUMS):
        return True
    return not asked and len(said) <= MOST_WORDS and duration <= LONGEST and _made_of(said, HUMS | NODS)


def is_own_voice(text: str, reply: str) -> bool:
    """Return whether ``text`` is what the reply says at some place: an echo."""
    said, spoken = _words(text), _words(reply)
    length = len(said)
    if length < OWN_WORDS:
        return False
    return any(spoken[place : place + length] == said for place in range(len(spoken) - length + 1))


def just_asked(heard: str) -> bool:
    """Return whether what was heard of the reply ends in a question, or one was just heard."""
    return any(mark in heard[-ASKED_WITHIN:] for mark in "?？؟")


def _made_of(said: list[str], phrases: frozenset[str]) -> bool:
    place = 0
    while place < len(said):
        length = next((n for n in range(_LONGEST_PHRASE, 0, -1) if " ".join(said[place : place + n]) in phrases), 0)
        if not length:
            return False
        place += length
    return True


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower().replace("’", "'").replace("-", " "))
