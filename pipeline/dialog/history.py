"""History of one call: what the caller said and heard, which is less than what the model wrote. Pure."""

from dataclasses import dataclass, replace

from pipeline.core.events import ReplyId
from pipeline.core.stages import Message, Role


@dataclass(frozen=True, slots=True)
class Said:
    """Something said in a call."""

    by_caller: bool
    text: str
    reply: ReplyId | None = None
    """The reply that this was, None for the caller's words."""


class History:
    """What has been said, oldest first."""

    def __init__(self, turns: int) -> None:
        """Show the model at most ``turns`` turns of the caller."""
        self._turns = turns
        self._said: list[Said] = []

    def caller(self, text: str) -> None:
        """Take down what the caller said in one turn."""
        self._said.append(Said(True, text))

    def heard(self, reply: ReplyId, text: str) -> None:
        """Take down the part of a reply that the caller heard; a later word on the same reply replaces it."""
        text = text.strip()
        for place, said in enumerate(self._said):
            if said.reply == reply:
                self._said[place] = replace(said, text=text)
                return
        self._said.append(Said(False, text, reply))

    def messages(self, then: str = "") -> list[Message]:
        """Return the last turns as chat messages in strict alternation, beginning with the caller's.

        They end with ``then``, as if the caller had said it; the history stays as it is.

        Neighbours of one side are joined, so that a reply of which nothing was heard leaves no trace. What the service
        said before the caller's first turn (a greeting) comes along as an assistant message when nothing was cut.
        """
        merged: list[Message] = []
        for said in (*self._said, Said(True, then)):
            if not said.text:
                continue
            role: Role = "user" if said.by_caller else "assistant"
            if merged and merged[-1].role == role:
                merged[-1] = Message(role, f"{merged[-1].text} {said.text}")
            else:
                merged.append(Message(role, said.text))
        first = self._first_shown(merged)
        return merged[first:]

    def _first_shown(self, merged: list[Message]) -> int:
        """Return where the shown part begins.

        The start moves in steps of half the window: were it to move with every turn, the prompt's prefix would change
        each time and the model's cache of it would be worth nothing.
        """
        starts = [place for place, message in enumerate(merged) if message.role == "user"]
        if len(starts) <= self._turns:
            return 0
        step = max(1, self._turns // 2)
        dropped = -(-(len(starts) - self._turns) // step) * step
        return starts[min(dropped, len(starts) - 1)]
