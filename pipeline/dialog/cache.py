"""Answer cache: what the model has answered to a question is the answer to the same question, for a while.

Two questions are the same when the model would be shown the same: the same agent's prompt and documents, the same
conversation before it, and the same words, whatever their punctuation and politeness. A number that differs makes
another question. Answers are kept in memory only.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256

from pydantic import BaseModel, ConfigDict

from pipeline.core.cache import Cache, Tally
from pipeline.core.clock import Clock
from pipeline.core.stages import ChatDelta, ChatOptions, Message
from pipeline.dialog.redact import values
from pipeline.settings import CacheSettings

OnCommit = Callable[[Callable[[], None]], None]
"""Calls what it is given once the turn is real: at once when it is already, never when it is discarded."""

CACHED = "cached answer"
"""Stands for the model where its answer was remembered."""
MOST_BYTES = 16 << 20
"""Of all answers; 2000 of them have about 1 MB."""
ENTRY_BYTES = 512
"""Of an entry beside its text: its key and what holds it."""
CHARACTERS = 2000
"""A question behind a longer conversation is not asked twice."""
CALLER_CHARACTERS = 600
"""Nor when the caller has said more than this in it; to look for personal data in it takes 3 ms."""

_MARK = re.compile(r"[^\w\s]|_")
_DENSE = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_BESIDE_DENSE = re.compile(rf"\s+(?=[{_DENSE}])|(?<=[{_DENSE}])\s+")
_FILLERS = {
    # Not "oh", which is a digit when it is said, and not "thanks": "no thanks" is an answer.
    "en": re.compile(r"\A(?:\s*\b(?:hello|hi|hey|okay|ok|um+|uh+m?)\b)+|\b(?:um+|uh+m?|erm|hm+|please)\b"),
    # Not 吧, which ends "bar" too.
    "zh": re.compile(r"\A(?:你好|您好|麻烦你|麻烦您|麻烦|嗯|呃)+|请问一下|请问|嗯+|呃+|[呢啊呀]+\Z"),
}
"""What changes no question, by language."""
_END = re.compile(r"[.!?…。！？][\"'”’»)」』）]*\s*\Z")


class Caching(BaseModel):
    """What of an agent's answers may be remembered."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answers: bool = True
    """The same question gets the same answer at once, for a while. Turn it off where the right answer changes without
    the documents or this file."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose answers they are. A change of any of it is another agent's answers to the cache."""

    tenant: str
    agent: str
    version: str
    """Of all that the agent's file says."""
    knowledge: str
    """Version of its documents; empty without any."""
    language: str
    """BCP 47 primary tag."""
    greeting: str
    """The agent's own. How far a caller has heard it changes no answer."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer that was given."""

    text: str
    sources: tuple[str, ...] = ()
    """The documents that it goes back to."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer of the model, and what decides whether it may be given again."""

    said: Sequence[Message]
    """The conversation that it answers."""
    text: str
    whole: bool
    """The model wrote all of it."""


class AnswerCache:
    """The answers of all agents, for all calls."""

    def __init__(self, settings: CacheSettings, clock: Clock) -> None:
        """Remember nothing yet."""
        self._cache = Cache[str, Kept](clock, MOST_BYTES, entries=settings.entries, seconds=settings.seconds)

    @property
    def tally(self) -> Tally:
        """Return what it is counted by; ``saved_seconds`` are those to an answer's first words when it was new."""
        return self._cache.tally

    def get(self, key: str) -> Kept | None:
        """Return the answer of a key, if there is one."""
        return self._cache.get(key)

    def put(self, key: str, answer: Kept, took: float) -> None:
        """Keep an answer whose first words came after ``took`` seconds."""
        text = "".join((answer.text, *answer.sources))
        self._cache.put(key, answer, size=ENTRY_BYTES + len(text.encode()), cost=took)


@dataclass(frozen=True, slots=True)
class AnswerMemory:
    """What one agent may remember of its answers."""

    cache: AnswerCache
    origin: Origin
    region: str
    """Where telephone numbers need no country code."""
    clock: Clock

    def note(self, prompt: Sequence[Message], options: ChatOptions, digest: str, language: str = "") -> "Note":
        """Return a note of one question, the last of ``prompt``, and of the answer that comes now.

        ``language`` is what is spoken in the call; empty for the agent's own.
        """
        spoken = replace(self, origin=replace(self.origin, language=language or self.origin.language))
        return Note(spoken, prompt, options, digest)


class Note:
    """One question and the answer to it."""

    def __init__(self, memory: AnswerMemory, prompt: Sequence[Message], options: ChatOptions, digest: str) -> None:
        """Begin with no answer; ``digest`` is that of the models that may be asked."""
        self._memory = memory
        self._said = [message for message in prompt if message.role != "system"]
        self._key = key(memory.origin, prompt, options, digest)
        self._began_at = memory.clock.now()
        self._took: float | None = None
        self._text: list[str] = []
        self._whole = False

    def recalled(self) -> Kept | None:
        """Return the answer that the question was given before, if it is remembered."""
        return self._memory.cache.get(self._key) if self._key else None

    def wrote(self, delta: ChatDelta) -> None:
        """Take down what is said."""
        if delta.text and self._took is None:
            self._took = self._memory.clock.now() - self._began_at
        self._text.append(delta.text)
        self._whole = self._whole or delta.usage is not None

    def keep(self, on_commit: OnCommit, sources: tuple[str, ...] = ()) -> bool:
        """Remember the answer once its turn is real; return whether it may be given to others at all.

        An answer without usage was not written to its end.
        """
        draft = Draft(self._said, "".join(self._text), self._whole)
        may = bool(self._key) and may_be_kept(draft, self._memory.region)
        if may:
            answer = Kept(draft.text, sources)
            on_commit(lambda: self._memory.cache.put(self._key, answer, self._took or 0.0))
        return may


def key(origin: Origin, prompt: Sequence[Message], options: ChatOptions, digest: str) -> str:
    """Return the SHA-256 of all that makes an answer: a different one is made where this differs. Pure.

    Empty where nothing is left of the question, where what was said is too long to be said again, and where the model
    is shown what is known in this call only: slots, results of tools, a summary.
    """
    said = [message for message in prompt if message.role != "system"]
    if any(message.above or message.below or message.uses or message.tool for message in said):
        return ""  # what nobody said is known in this call only
    lengths = [(message.role == "user", len(message.text)) for message in said]
    if not said or said[-1].role != "user" or sum(length for _, length in lengths) > CHARACTERS:
        return ""
    if sum(length for by_caller, length in lengths if by_caller) > CALLER_CHARACTERS:
        return ""
    question = normalised(said[-1].text, origin.language)
    if not question:
        return ""
    if said[0].role == "assistant" and origin.greeting.startswith(said[0].text.strip()):
        said = said[1:]
    told = [message.text for message in prompt if message.role == "system"]
    before = [(message.role, normalised(message.text, origin.language)) for message in said[:-1]]
    parts = [asdict(origin), asdict(options), digest, told, before, question]
    return sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()


def normalised(text: str, language: str) -> str:
    """Return the words of a text, the same for what sounds the same: case, width, marks and fillers do not count. Pure.

    Numbers stay as they are written, with the marks inside them.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    bare = _BESIDE_DENSE.sub("", " ".join(_MARK.sub(_mark, folded).split()))
    fillers = _FILLERS.get(language)
    return " ".join((bare if fillers is None else fillers.sub(" ", bare)).split())


def may_be_kept(draft: Draft, region: str) -> bool:
    """Return whether an answer may be given to others who ask the same. Pure; 5 microseconds a character.

    Never when the caller said personal data in the talk that it answers, or when the model was cut off.
    """
    whole = draft.whole and _END.search(draft.text) is not None
    return whole and not any(values(message.text, region) for message in draft.said if message.role == "user")


def _mark(found: re.Match[str]) -> str:
    """Return what is left of a mark: itself where it has a meaning of its own, else a space."""
    sign, before, behind = found[0], found.string[: found.start()][-1:], found.string[found.end() :][:1]
    category = unicodedata.category(sign)
    if category == "Cf":  # without a width
        return ""
    in_number = behind.isdigit() and (before.isdigit() or (sign in "-\u2212" and not before.strip()))
    in_word = sign in "'’" and before.isalpha() and behind.isalpha()
    return "'" if in_word else sign if category[0] in "MS" or sign in "#%&@*" or in_number else " "
