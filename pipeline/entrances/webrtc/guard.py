"""Guard: only who has passed the checks of ICE may speak to a call's DTLS.

aioice hands every datagram that is no STUN to DTLS, whoever sent it: one foreign ClientHello in the set-up and the call
never connects (Enable Security's "ClientHello race", fixed in FreeSWITCH, Asterisk, RTPengine and others; with
aiortc 1.16 and aioice 0.13 none of 14 calls connected under it). A pair of addresses is in the list of checks only if
the peer named it, or proved itself with the password of the call from there.
"""

from collections.abc import Callable
from typing import Any

from aioice import ice, stun


def stand_guard(turned_away: Callable[[], None]) -> None:
    """Guard all calls of the process from now on; ``turned_away`` is called for each datagram that is dropped.

    Raises TypeError for an aioice that has changed: its socket's class is replaced, as it offers no other way.
    """
    if not hasattr(ice.Connection(ice_controlling=False), "_check_list") or "StunProtocol" not in vars(ice):
        raise TypeError("this aioice has another StunProtocol: look at what has become of it")

    class Guarded(_Guarded):
        dropped = staticmethod(turned_away)

    ice.StunProtocol = Guarded  # type: ignore[misc]


class _Guarded(ice.StunProtocol):
    """aioice's socket, with a look at the sender."""

    dropped: Callable[[], None]

    def datagram_received(self, data: bytes | str, addr: tuple[Any, ...]) -> None:
        """Pass on STUN, and what comes from a peer of this call."""
        if self._knows((addr[0], addr[1])) or _is_stun(data):
            super().datagram_received(data, addr)
        else:
            self.dropped()

    def _knows(self, address: tuple[str, int]) -> bool:
        return any(pair.protocol is self and pair.remote_addr == address for pair in self.receiver._check_list)


def _is_stun(data: bytes | str) -> bool:
    """Return whether it is a whole STUN message: aioice takes everything else for DTLS."""
    try:
        stun.parse_message(data if isinstance(data, bytes) else data.encode())
    except ValueError:
        return False
    return True
