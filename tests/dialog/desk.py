"""A router over fakes, and what it says of its choices."""

from collections.abc import Sequence
from typing import Any

from pipeline.core.clock import LoopClock
from pipeline.core.errors import DialogError
from pipeline.core.stages import ChatOptions, Message
from pipeline.dialog.health import Health
from pipeline.dialog.routed import Candidate
from pipeline.dialog.routing import Candidates, Router, Routing
from tests.fakes import FakeModel

AWAY = DialogError("engine-unreachable", "nobody answers", retryable=True)
SYSTEM = Message("system", "You keep a shop.")
HELLO = [SYSTEM, Message("user", "hello")]

Script = Sequence[tuple[float, str | DialogError]]


class Notes:
    """A watcher that keeps what it is told."""

    def __init__(self) -> None:
        self.answered: list[tuple[str, float]] = []
        self.speeds: list[float] = []
        self.passed: list[tuple[str, str]] = []

    def answers(self, model: str, first_token: float) -> None:
        self.answered.append((model, round(first_token, 3)))

    def writes(self, model: str, tokens_per_second: float) -> None:
        self.speeds.append(tokens_per_second)

    def passed_over(self, model: str, reason: str) -> None:
        self.passed.append((model, reason))


class Desk:
    """A router over fakes: the models of an agent by their scripts, best first, and one for each other job."""

    def __init__(self, *best: Script, rules: Routing | None = None, **jobs: Script) -> None:
        self.notes = Notes()
        self.models = {name: FakeModel(script) for name, script in zip(("big", "middle"), best, strict=False)}
        self.models |= {name: FakeModel(script) for name, script in jobs.items()}
        clock = LoopClock()
        self.known = {name: Candidate(name, model, Health(clock)) for name, model in self.models.items()}
        self.candidates = Candidates(
            [one for name, one in self.known.items() if name not in jobs], **{name: self.known[name] for name in jobs}
        )
        self.router = self.routed_by(rules or Routing())

    def routed_by(self, rules: Routing) -> Router:
        """Return a router of another agent, with the same models."""
        return Router(rules, self.candidates, LoopClock(), self.notes)

    async def ask(self, question: str = "hello", *, router: Router | None = None, **wishes: Any) -> str:
        """Return the reply to a question."""
        said = [SYSTEM, Message("user", question)]
        model = (router or self.router).route(question, **wishes)
        return "".join([delta.text async for delta in model.stream(said, ChatOptions())])

    async def asked(self, question: str = "hello", **wishes: Any) -> str:
        """Return who answered a question."""
        await self.ask(question, **wishes)
        return self.notes.answered[-1][0]

    @property
    def open_streams(self) -> int:
        return sum(model.open_streams for model in self.models.values())


def says(text: str, after: float = 0.1) -> Script:
    return [(after, text)]
