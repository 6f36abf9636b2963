"""Routing: which of an agent's models answers a turn, and who answers when that one does not. Pure but for the clock.

The choice goes by rules and by how the models have lately done; no model is asked for it.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pipeline.core.clock import Clock, LoopClock
from pipeline.core.stages import ChatModel, ChatOptions, Message
from pipeline.dialog.health import Health
from pipeline.dialog.knowledge.terms import DENSE
from pipeline.dialog.routed import Candidate, Routed, Unwatched, Watcher

_DENSE = re.compile(f"[{DENSE}]")
_WORD = re.compile(rf"[^\W_{DENSE}]+(?:['’][^\W_{DENSE}]+)*")


Name = Annotated[str, Field(min_length=1)]


class Routing(BaseModel):
    """Which models answer for an agent; without names, the one of the settings of ``dialog``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    names: tuple[Name, ...] = ()
    """Best first. All of them are used: one that fails or is late is replaced by the next."""
    simple: str = ""
    """Answers simple turns; empty for none."""
    simple_words: int = Field(default=8, ge=0)
    """A turn of more words is not simple; two characters of Chinese count for a word."""
    hard_words: tuple[Name, ...] = ()
    """Nor is one with any of these words or phrases, in any case."""
    simple_documents: bool = False
    """A turn to which documents are quoted may be simple."""
    simple_tools: bool = False
    """A turn in which the model may ask for tools may be simple."""
    first_token_budget: float = Field(default=6.0, ge=0)
    """Seconds until a model's first token, after which the next one is asked. One whose median is over it is asked
    last for a minute. 0 for any wait."""
    least_speed: float = Field(default=0.0, ge=0)
    """Tokens a second: a model that has lately written fewer is asked last, too."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The models of one agent."""

    best: Sequence[Candidate]
    """For any turn, best first; at least one."""
    simple: Candidate | None = None
    """For simple turns."""
    smaller: Candidate | None = None
    """For all turns while answers are late."""
    reserve: Candidate | None = None
    """For when nobody else answers."""

    def preferred(self, *, simple: bool, small: bool) -> list[Candidate]:
        """Return all of them in the order of preference, each once."""
        light = [self.smaller, self.simple] if small else [self.simple] if simple else []
        order = (*light, *self.best, self.simple, self.smaller, self.reserve)
        return list({one.name: one for one in order if one is not None}.values())


class Router:
    """Chooses for one agent. Holds no call's state."""

    def __init__(self, rules: Routing, candidates: Candidates, clock: Clock, watcher: Watcher) -> None:
        """Take the agent's models, whose health is shared with other agents."""
        self._rules = rules
        self._candidates = candidates
        self._clock = clock
        self._watcher = watcher
        self._hard = re.compile("|".join(map(_pattern, rules.hard_words))) if rules.hard_words else None

    @property
    def everybody(self) -> Sequence[Candidate]:
        """Return all who may answer."""
        return self._candidates.preferred(simple=False, small=False)

    @property
    def digest(self) -> str:
        """Return what changes when the weights of any of them do, or when others may answer."""
        return " ".join(f"{one.name}={one.model.digest}" for one in self.everybody)

    @classmethod
    def of(cls, model: ChatModel) -> "Router":
        """Return a router that has no choice."""
        clock = LoopClock()
        return cls(Routing(), Candidates((Candidate("", model, Health(clock)),)), clock, Unwatched())

    def route(self, question: str, *, small: bool = False, documents: bool = False, tools: bool = False) -> "Routed":
        """Return the model for one turn, in which others stand in for the one that fails before its first delta.

        ``small`` asks for the cheapest answer; ``documents`` are quoted to the question; ``tools`` may be asked for.
        """
        simple = self._is_simple(question, documents=documents, tools=tools)
        wanted = self._candidates.preferred(simple=simple, small=small)
        chain = sorted([one for one in wanted if not one.health.failing] or wanted, key=self._is_slow)
        return Routed(
            chain, wanted[: wanted.index(chain[0])], self._rules.first_token_budget, self._clock, self._watcher
        )

    async def warm(self, messages: Sequence[Message], options: ChatOptions) -> None:
        """Let those read ``messages`` who may be asked next; each stands for who could not. Raises DialogError.

        With a question at the end that is one, otherwise the best and that for simple turns, and the smaller one, too,
        before anything has been said.
        """
        last = messages[-1] if messages else Message("system", "")
        if last.role == "user":
            await self.route(last.text, tools=bool(options.tools)).warm(messages, options)
            return
        ways = [(False, False), (True, False), *([(False, True)] if last.role == "system" else [])]
        warmed: set[str] = set()
        for simple, small in ways:
            chain = self._candidates.preferred(simple=simple, small=small)
            routed = Routed(chain, (), self._rules.first_token_budget, self._clock, self._watcher)
            warmed.add(await routed.warmed(messages, options, warmed))

    def _is_simple(self, question: str, *, documents: bool, tools: bool) -> bool:
        rules = self._rules
        if self._candidates.simple is None:
            return False
        if (documents and not rules.simple_documents) or (tools and not rules.simple_tools):
            return False
        text = _folded(question)
        if self._hard is not None and self._hard.search(text):
            return False
        return len(_WORD.findall(text)) + len(_DENSE.findall(text)) / 2 <= rules.simple_words

    def _is_slow(self, one: Candidate) -> bool:
        budget, first, speed = self._rules.first_token_budget, one.health.first_token, one.health.speed
        return bool(budget and first is not None and first >= budget) or (
            speed is not None and speed < self._rules.least_speed
        )


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _pattern(phrase: str) -> str:
    """Return an expression that finds ``phrase`` as whole words, or anywhere in scripts without spaces."""
    text = re.escape(_folded(phrase))
    return text if _DENSE.search(text) else rf"(?<!\w){text}(?!\w)"
