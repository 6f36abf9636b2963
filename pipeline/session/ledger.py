"""Ledger: where a call's turns are written down before they are answered aloud."""

from typing import Protocol

from pipeline.core.events import ReplyEnded, TurnId


class Receipt(Protocol):
    """Tells when something is written down."""

    async def wait(self) -> None:
        """Return once it is, or shall not be waited for any longer."""
        ...


class Ledger(Protocol):
    """One call's. Nothing here waits but a receipt."""

    def asked(self, turn: TurnId, text: str, language: str) -> Receipt:
        """Write down what will be answered: the first sound of the answer waits for the receipt."""
        ...

    def saw(self, turn: TurnId, note: str) -> None:
        """Write down what was read in the pictures that the answer to a turn was the first to know."""
        ...

    def ended(self, event: ReplyEnded) -> None:
        """Write down how the answer to a turn ended."""
        ...


class _Done:
    async def wait(self) -> None:
        return


class NoLedger:
    """Writes nothing down."""

    def asked(self, turn: TurnId, text: str, language: str) -> Receipt:
        """Return a receipt that nobody waits for."""
        return _Done()

    def saw(self, turn: TurnId, note: str) -> None:
        """Do nothing."""

    def ended(self, event: ReplyEnded) -> None:
        """Do nothing."""
