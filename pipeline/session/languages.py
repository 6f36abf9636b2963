"""Languages: which of its agent's languages a call is in, and how replies are made in each."""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from pipeline.dialog.agents import Agent, Phrases
from pipeline.dialog.state import DialogState
from pipeline.hearing.words import HUMS, NODS
from pipeline.session.plan import Engines
from pipeline.session.shape import ReplyShape
from pipeline.speaking.phrases import PhraseBook

ENOUGH = 2
"""Words that show which language is spoken: one alone may be a name, or "ok"."""

_WORD = re.compile(r"\w+(?:['’]\w+)*")
_SPACELESS = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff]")
"""Scripts that put no spaces between words: two signs count as a word."""
_SCRIPTS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("ar", "fa", "ur"), "ARABIC"),
        **dict.fromkeys(("be", "bg", "kk", "mk", "ru", "sr", "uk"), "CYRILLIC"),
        **dict.fromkeys(("hi", "mr", "ne"), "DEVANAGARI"),
        **dict.fromkeys(("he", "yi"), "HEBREW"),
        "bn": "BENGALI",
        "el": "GREEK",
        "ja": "HIRAGANA",
        "ka": "GEORGIAN",
        "ko": "HANGUL",
        "ta": "TAMIL",
        "th": "THAI",
        "yue": "CJK",
        "zh": "CJK",
    }
)
"""The script of each language, as Unicode names its characters; Latin for the rest."""


class Languages:
    """The languages of one call."""

    def __init__(
        self,
        engines: Engines,
        shape: ReplyShape,
        others: Collection[ReplyShape] = (),
        beyond: Collection[ReplyShape] = (),
        state: DialogState | None = None,
    ) -> None:
        """Begin in the language of ``shape``; the caller may turn the call to ``others``, its client ``beyond``.

        ``state`` is told which it is in.
        """
        self._state = state or DialogState()
        self._shapes = {one.language: one for one in (shape, *others, *beyond)}
        self._followed = {one.language for one in (shape, *others)}
        self._engines = engines
        self._first = shape.language
        self.current = shape.language
        """BCP 47 primary tag."""
        self._turned = False

    @property
    def several(self) -> bool:
        """Return whether the caller may turn the call."""
        return len(self._followed) > 1

    @property
    def phrases(self) -> Phrases:
        """Return the agent's phrases in the current language."""
        return self._shapes[self.current].phrases

    def shape(self, language: str = "") -> ReplyShape:
        """Return how replies are made in a language, the current one if none is named."""
        return self._shapes[language or self.current]

    def voice(self, language: str = "") -> PhraseBook:
        """Return what speaks a language, the current one if none is named."""
        language = language or self.current
        first = self._engines.synthesizer
        return first if language == self._first else self._engines.voices.get(language, first)

    def instruction(self, language: str) -> str:
        """Return what the model must be told to answer in a language; empty where it would do so by itself."""
        shape = self._shapes[language]
        turns = self._turned or language != self.current
        return shape.instruction if turns or not shape.native else ""

    def after(self, text: str, language: str, *, said_so: bool = False) -> str:
        """Return the language in which to answer a text: the one it is in, or the current one where that is not sure.

        ``language`` is what was recognized, or (``said_so``) what the client says; where that is nothing, or none of
        the call's, the script tells.
        """
        primary = language.replace("_", "-").partition("-")[0].lower()
        if said_so and primary in self._followed:
            return primary
        spoken = primary if primary and not said_so else self._written_in(text)
        return spoken if spoken in self._followed and _is_telling(text) else self.current

    def turn_to(self, language: str) -> None:
        """Go on in a language of the call; what is being said is said to its end as it began.

        From now on the caller may turn the call to it.
        """
        if language != self.current:
            self._turned = True
            self._followed.add(language)
            self.current = self._state.language = language

    def _written_in(self, text: str) -> str:
        """Return the only language of the call in whose script a text is; the current one if it is one of several."""
        names = (unicodedata.name(sign, "").split(" ")[0] for sign in text if sign.isalpha())
        scripts = Counter("HIRAGANA" if name == "KATAKANA" else name for name in names)
        script = max(scripts, key=lambda name: (name == "HIRAGANA", scripts[name]), default="")
        able = [tag for tag in self._shapes if tag in self._followed and _SCRIPTS.get(tag, "LATIN") == script]
        return able[0] if len(able) == 1 else self.current


def shapes(
    shape: ReplyShape, agent: Agent, wished: Sequence[str], *, follows: bool
) -> tuple[list[ReplyShape], list[ReplyShape]]:
    """Return how replies are made in each language of a call, that in which it begins first, and in the agent's others.

    Those of the call are those that are wished, as far as the agent has them; all of the agent's where it has none of
    them; only its first, and no others, where it does not follow its caller.
    """
    idioms = agent.idioms
    known = list(idioms) if follows else [agent.language]
    tags = [tag for tag in dict.fromkeys(tag.partition("-")[0].lower() for tag in wished) if tag in known] or known
    made = {
        tag: replace(
            shape,
            language=tag,
            phrases=idioms[tag].phrases,
            instruction=idioms[tag].instruction if agent.languages else "",
            native=tag == agent.language,
        )
        for tag in known
    }
    return [made[tag] for tag in tags], [made[tag] for tag in known if tag not in tags]


def _is_telling(text: str) -> bool:
    """Return whether a text is long enough to be in a language, and no mere nod."""
    words = _WORD.findall(text.lower())
    count = sum(1 for word in words if not _SPACELESS.search(word)) + len(_SPACELESS.findall(text)) // 2
    return count >= ENOUGH and " ".join(words) not in HUMS | NODS
