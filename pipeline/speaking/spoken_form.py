"""SpokenForm: reply text in as it is written, the words that a voice says for it out."""

from collections.abc import Callable

from pipeline.core.stages import Said
from pipeline.speaking.spoken_chinese import CHINESE
from pipeline.speaking.spoken_english import ENGLISH
from pipeline.speaking.spoken_others import other_tongue
from pipeline.speaking.spoken_rules import Tongue

MOST_HELD = 64
"""Characters held back at most: about the longest thing that is recognized, a long address or telephone number."""
_REMEMBERED = 96
"""Characters looked back at to tell a room from a count, and an address from a sentence."""
_TONGUES: dict[str, Callable[[], Tongue]] = {"en": lambda: ENGLISH, "zh": lambda: CHINESE}


class SpokenForm:
    """Says what is written. The result does not depend on how the input was cut into deltas.

    Words pass at once. Held back are numbers, until the character that shows that they and their unit are over, marks
    that may belong to an address, and what may become an abbreviation; never more than ``MOST_HELD`` characters.

    ``language`` is a BCP 47 tag of which the primary part counts. English (as in the United States) and Chinese are
    known in full. Elsewhere plain numbers become words where num2words knows the language, and addresses where their
    marks have names here; the rest passes unchanged.
    """

    def __init__(self, language: str) -> None:
        primary = language.replace("_", "-").partition("-")[0].lower()
        known = _TONGUES.get(primary)
        self._tongue = known() if known else other_tongue(primary)
        self._before = ""
        self._held = ""

    def feed(self, delta: str) -> list[Said]:
        """Return what ``delta`` completes, in order; neighbours that are said as written come as one."""
        said: list[Said] = []
        for character in delta:
            self._held += character
            while self._held and (len(self._held) >= MOST_HELD or not self._tongue.may_grow(self._before, self._held)):
                said.append(self._next())
        return _merged(said)

    def flush(self) -> list[Said]:
        """Return what was held back; the reply is over."""
        said: list[Said] = []
        while self._held:
            said.append(self._next())
        self._before = ""
        return _merged(said)

    def _next(self) -> Said:
        length, words = self._tongue.say(self._before, self._held)
        written, self._held = self._held[:length], self._held[length:]
        self._before = (self._before + written)[-_REMEMBERED:]
        return Said(written, words)


def spoken(text: str, language: str) -> str:
    """Return the spoken form of a whole text."""
    form = SpokenForm(language)
    return "".join(said.spoken for said in [*form.feed(text), *form.flush()])


def _merged(stretches: list[Said]) -> list[Said]:
    """Return the stretches with each run of unchanged ones joined."""
    merged: list[Said] = []
    unchanged: list[str] = []
    for said in stretches:
        if said.written == said.spoken:
            unchanged.append(said.written)
            continue
        if unchanged:
            merged.append(Said("".join(unchanged), "".join(unchanged)))
            unchanged = []
        merged.append(said)
    rest = "".join(unchanged)
    return [*merged, Said(rest, rest)] if rest else merged
