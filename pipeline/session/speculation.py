"""Speculation: a reply that was begun before its turn was known to be over."""

from collections.abc import Sequence

from pipeline.core.events import Speculated, SpeculationEnded, TurnId
from pipeline.core.stages import Message
from pipeline.session.headroom import Claim
from pipeline.session.reply import Reply


class Speculation:
    """One speculative reply and what it was begun on."""

    def __init__(self, reply: Reply, turn: TurnId, messages: Sequence[Message], language: str) -> None:
        """Keep what the model was shown: the work counts only if that is still what it would be shown."""
        self._language = language
        self.reply = reply
        self.messages = messages
        self.claim: Claim | None = None
        self.crowded = False
        """It had to give way to a reply that a caller waited for."""
        self._turn = turn

    def answers(self, turn: TurnId, messages: Sequence[Message], language: str) -> bool:
        """Return whether it may be committed: for this turn, on the same words, in the same context and language."""
        same = (turn, list(messages), language) == (self._turn, list(self.messages), self._language)
        return same and not self.crowded

    def commit(self) -> None:
        """Keep its room at the model."""
        if self.claim is not None:
            self.claim.commit()

    def give_way(self) -> None:
        """Stop the work because others need the room; whoever holds the speculation finds out when it matters."""
        self.crowded = True
        self.reply.discard()

    def discard(self) -> None:
        """Throw the work away."""
        self.reply.discard()
        if self.claim is not None:
            self.claim.release()

    def ended(self, outcome: Speculated, at: float) -> SpeculationEnded:
        """Return what is to be told of its end."""
        duration, characters = self.reply.work()
        return SpeculationEnded(turn=self._turn, at=at, outcome=outcome, duration=duration, characters=characters)
