"""Headroom: how many replies the chat model may write at once, over all calls. Speculation takes what nobody needs."""

from collections.abc import AsyncGenerator, Callable

from pipeline.core.stages import ChatDelta


class Claim:
    """One reply's share of the model."""

    def __init__(self, room: "Headroom", give_way: Callable[[], None] | None) -> None:
        """``give_way`` is called when others need the room; None for a reply that will be heard."""
        self._room = room
        self.give_way = give_way

    @property
    def speculative(self) -> bool:
        """Return whether it has to give way."""
        return self.give_way is not None

    def commit(self) -> None:
        """Keep the room: the reply will be heard."""
        self.give_way = None
        self._room.make_way()

    def release(self) -> None:
        """Give the room back; again does nothing."""
        self._room.leave(self)

    async def over(self, source: AsyncGenerator[ChatDelta, None]) -> AsyncGenerator[ChatDelta, None]:
        """Yield what ``source`` does, and release the claim once the model has written it."""
        try:
            async for delta in source:
                yield delta
        finally:
            self.release()
            await source.aclose()


class Headroom:
    """Counts those who write. Process-wide."""

    def __init__(self, slots: int, most: int, busy: Callable[[], bool]) -> None:
        """The model writes ``slots`` replies at once; at most ``most`` are speculative, none while ``busy``."""
        self._slots = slots
        self._most = most
        self._busy = busy
        self._claims: list[Claim] = []

    def claim(self) -> Claim:
        """Return the claim of a reply that will be heard. Speculations give way, the oldest first."""
        claim = Claim(self, None)
        self._claims.append(claim)
        self.make_way()
        return claim

    def speculate(self, give_way: Callable[[], None]) -> Claim | None:
        """Return the claim of a speculation, or None where there is no room for one."""
        speculative = sum(claim.speculative for claim in self._claims)
        if len(self._claims) >= self._slots or speculative >= self._most or self._busy():
            return None
        claim = Claim(self, give_way)
        self._claims.append(claim)
        return claim

    def make_way(self) -> None:
        """Let speculations give way until there is room for all."""
        for claim in [other for other in self._claims if other.speculative]:
            if len(self._claims) <= self._slots:
                return
            give_way, claim.give_way = claim.give_way, None
            self.leave(claim)
            if give_way is not None:
                give_way()

    def leave(self, claim: Claim) -> None:
        """Forget a claim, if it is still known."""
        if claim in self._claims:
            self._claims.remove(claim)
