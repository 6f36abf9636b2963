"""Permits: short-lived tokens by which a site's backend lets its pages call, and nobody else's.

A token is a JSON Web Token (RFC 7519, HS256) behind ``ek_``, which OpenAI's browser client asks for. Of its claims
``exp`` and ``jti`` are required; ``agent`` and ``origin`` hold the call to an agent and the browser to a page. The one
door to ``jwt``.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any

import jwt
from jwt.types import Options

from pipeline.core.errors import EntranceError

PREFIX = "ek_"
ALGORITHM = "HS256"
LOOKED_AT: Options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "require": ["exp", "jti"]}
"""Times are looked at by our own calendar, and once its call goes on a token is good beyond them."""
LONGEST = 4096
"""Characters of a token."""
SECONDS = 60.0
"""How long a token can be used by default, until its call has begun."""


@dataclass(frozen=True, slots=True)
class Permit:
    """What a browser may do."""

    id: str = ""
    """Of the token; empty where none is asked for."""
    agent: str = ""
    """The one agent that it may call; empty for all."""


@dataclass(slots=True)
class _Use:
    """A token that was used."""

    until: float
    """The end of its time, by the calendar, ``inf`` while its call goes on."""
    expires: float


class Permits:
    """Checks tokens. Each opens one call, and that again while it goes on and ``again`` seconds after it was lost."""

    def __init__(self, key: str, calendar: Callable[[], float], *, again: float) -> None:
        """Take the key that tokens are signed with; an empty one lets everybody call."""
        self._key = key
        self._now = calendar
        self._again = again
        self._uses: dict[str, _Use] = {}

    def admit(self, authorization: str, origin: str) -> Permit:
        """Return what the bearer of a token may do; ``origin`` is the browser's header, empty for none.

        Raises EntranceError ``no-permit``.
        """
        if not self._key:
            return Permit()
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not token:
            raise _refused("a token is needed: Authorization: Bearer ek_...")
        claims = self._claims(token.strip())
        permit = Permit(claims["jti"], str(claims.get("agent", "")))
        wanted = claims.get("origin", "")
        if wanted not in {"", origin}:
            raise _refused("the token is for pages of another origin")
        self._use(permit, float(claims["exp"]))
        return permit

    def begun(self, permit: Permit) -> None:
        """Take note that the call goes on."""
        if permit.id in self._uses:
            self._uses[permit.id].until = inf

    def over(self, permit: Permit, *, lost: bool) -> None:
        """Take note that a connection is over: for good, or lost, so that the browser may come back."""
        if permit.id in self._uses:
            self._uses[permit.id].until = self._now() + self._again if lost else 0.0

    def _claims(self, token: str) -> dict[str, Any]:
        if len(token) > LONGEST or not token.startswith(PREFIX):
            raise _refused("this is no token of a call")
        try:
            claims: dict[str, Any] = jwt.decode(
                token.removeprefix(PREFIX), self._key, algorithms=[ALGORITHM], options=LOOKED_AT
            )
            float(claims["exp"])
        except (jwt.InvalidTokenError, ValueError, TypeError) as error:
            raise _refused("the token is not signed by this service's key, or has no exp and jti") from error
        return claims

    def _use(self, permit: Permit, expires: float) -> None:
        now = self._now()
        self._uses = {one: use for one, use in self._uses.items() if now <= max(use.until, use.expires)}
        use = self._uses.get(permit.id)
        if now > (expires if use is None else use.until):
            raise _refused("the token has expired" if use is None else "the token has been used")
        if use is None:
            self._uses[permit.id] = _Use(expires, expires)


def mint(key: str, *, now: float, seconds: float = SECONDS, agent: str = "", origin: str = "") -> tuple[str, float]:
    """Return a token and when it expires, in seconds since 1970."""
    bounds = {name: value for name, value in (("agent", agent), ("origin", origin)) if value}
    expires = now + seconds
    claims = {"jti": secrets.token_hex(16), "iat": int(now), "exp": expires, **bounds}
    return PREFIX + jwt.encode(claims, key, algorithm=ALGORITHM), expires


def _refused(why: str) -> EntranceError:
    return EntranceError("no-permit", why, field="authorization")
