"""Tokens: what lets a client go on with its call over another connection. Whoever has one has the call."""

from hashlib import sha256
from secrets import token_urlsafe
from typing import Generic, TypeVar

TOKEN_BYTES = 24
"""192 bits: guessing is hopeless, at any rate of attempts."""

Call = TypeVar("Call")


class Tokens(Generic[Call]):
    """The tokens of all calls of the process, as hashes: looking one up takes as long for every wrong one."""

    def __init__(self) -> None:
        """Begin with none."""
        self._calls: dict[bytes, Call] = {}

    def issue(self, call: Call) -> str:
        """Return a new token of a call. Its older ones hold until ``settle``: this one may never arrive."""
        token = token_urlsafe(TOKEN_BYTES)
        self._calls[_hash(token)] = call
        return token

    def find(self, token: str) -> Call | None:
        """Return the call that a token is for; None for one that never was, or no more is."""
        return self._calls.get(_hash(token))

    def settle(self, call: Call) -> None:
        """Forget all tokens of a call but the last: its client has that one."""
        for old in self._of(call)[:-1]:
            del self._calls[old]

    def revoke(self, call: Call) -> None:
        """Forget all tokens of a call."""
        for old in self._of(call):
            del self._calls[old]

    def _of(self, call: Call) -> list[bytes]:
        return [token for token, one in self._calls.items() if one is call]


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
