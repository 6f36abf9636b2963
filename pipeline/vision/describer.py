"""Describer: what looks at a picture. An engine of the vision stage."""

from typing import Protocol


class Describer(Protocol):
    """Looks at pictures, several at once as far as it can. Process-wide."""

    @property
    def follows_wishes(self) -> bool:
        """Return whether it matters to it what is to be looked for."""
        ...

    async def prepare(self) -> None:
        """Get ready: a picture is on its way. Nothing is waited for, and nothing raised."""
        ...

    async def describe(self, picture: bytes, wanted: str) -> str:
        """Return what a JPEG file shows, in lines; "" for nothing. ``wanted`` is what to look for, empty for all.

        Cancelling ends the work. Raises VisionError.
        """
        ...

    async def close(self) -> None:
        """End what runs for it."""
        ...
