"""Language: an answer in a script that the caller does not speak is asked for anew, before any of it is said.

Small models fall into the language that they were taught most in, and callers talk them into others. Letters tell
languages apart that are written in different scripts, and with the first word; English and German they do not.
"""

import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import replace

from pipeline.core.errors import DialogError
from pipeline.core.stages import ChatDelta, Message
from pipeline.dialog.asking import asking_for
from pipeline.dialog.notes import paragraphs
from pipeline.dialog.sanitize import Sanitizer

_LATIN = "A-Za-z\u00c0-\u024f\u1e00-\u1eff"
_CYRILLIC = "\u0400-\u052f"
_HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_KANA = "\u3041-\u30ff"
_WORD = re.compile(rf"(?P<syllable>[{_HAN}{_KANA}])|[{_LATIN}]+|[^\W\d_]")
_SYLLABLES, _LETTERS = 2, 3
"""Of an average word: of Chinese and Japanese, and of what is in none of the scripts above and counted by letters."""
_FOREIGN = 4
"""Words in another script, with none in the right one, that no name has: 北京烤鸭, "Hello Kitty"."""
_WHOLE = 3
"""And that make a sentence by themselves: "Bye bye!" is understood everywhere."""
_SILENT = 24
"""Characters without a letter, such as those of a number, after which the answer is let go."""
_ENDED = re.compile(r"[.!?]\s|[。！？]")

Ask = Callable[[Sequence[Message]], AsyncGenerator[ChatDelta, None]]
"""Asks the model."""

SCRIPTS: Mapping[str, str] = {
    "de": _LATIN,
    "en": _LATIN,
    "es": _LATIN,
    "fr": _LATIN,
    "it": _LATIN,
    "ja": _HAN + _KANA,
    "ru": _CYRILLIC,
    "zh": _HAN,
}
"""The letters of each language, as a class of characters."""


def fits(language: str, text: str, *, whole: bool = False) -> bool | None:
    """Return whether an answer that begins with ``text`` is in the script of a language; None while that is open.

    Names and loan words may come first. ``whole`` says that no more of it will come.
    """
    own, foreign = _words(text, re.compile(f"[{SCRIPTS[language]}]"))
    if own and own >= foreign:
        return True
    if foreign >= _FOREIGN or (foreign >= _WHOLE and (whole or _ENDED.search(text))):
        return False
    return True if whole or (not foreign and len(text) > _SILENT) else None


async def in_language(
    language: str, question: str, ask: Ask, said: Sequence[Message]
) -> AsyncGenerator[ChatDelta, None]:
    """Yield the model's answer to ``said``; one in a wrong script is asked for once more, with a word about it.

    An answer is held back up to its first word in the right script, most often not at all. A caller who asks in
    another script than the agent's may be answered in any. Raises DialogError: ``wrong-language``, and the model's.
    """
    if language not in SCRIPTS or not said or fits(language, question, whole=True) is False:
        plain = ask(said)
        try:
            async for delta in plain:
                yield delta
        finally:
            await plain.aclose()
        return
    told = replace(said[-1], below=paragraphs(said[-1].below, asking_for(language)))
    for asked in (said, [*said[:-1], told]):
        answer = _Answer(language)
        stream = ask(asked)
        try:
            async for delta in stream:
                for passed in answer.feed(delta):
                    yield passed
                if answer.fits is False:
                    break
        finally:
            await stream.aclose()
        for passed in answer.flush():
            yield passed
        if answer.fits:
            return
    raise DialogError("wrong-language", f"the model did not answer in {language!r}, not even when told to")


class _Answer:
    """Holds deltas back until it is known whether their text is in the script of a language."""

    def __init__(self, language: str) -> None:
        self.fits: bool | None = None
        self._language = language
        self._sanitizer = Sanitizer()  # a model may think in any language
        self._text = ""
        self._held: list[ChatDelta] = []

    def feed(self, delta: ChatDelta) -> list[ChatDelta]:
        if self.fits:
            return [delta]
        self._held.append(delta)
        if delta.uses:
            self.fits = True
        self._look(self._sanitizer.feed(delta.text))
        return self._passed()

    def flush(self) -> list[ChatDelta]:
        self._look(self._sanitizer.flush())
        if self.fits is None:
            self.fits = fits(self._language, self._text, whole=True)
        return self._passed()

    def _look(self, text: str) -> None:
        for character in text:
            if self.fits is None:
                self._text += character
                self.fits = fits(self._language, self._text)
        if self.fits is None and self._sanitizer.over:
            self.fits = fits(self._language, self._text, whole=True)

    def _passed(self) -> list[ChatDelta]:
        passed, self._held = (self._held, []) if self.fits else ([], self._held)
        return passed


def _words(text: str, letter: re.Pattern[str]) -> tuple[float, float]:
    """Return about how many words of ``text`` begin with such a letter, and how many with another one."""
    counted = [0.0, 0.0]
    for word in _WORD.finditer(text):
        share = 1 if word[0].isascii() or len(word[0]) > 1 else 1 / (_SYLLABLES if word["syllable"] else _LETTERS)
        counted[letter.match(word[0]) is None] += share
    return counted[0], counted[1]
