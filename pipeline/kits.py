"""Kits: what agents answer with beside the model, kept open as long as a call has it."""

from pipeline.dialog.lookup import Lookup
from pipeline.dialog.tools.toolbox import Toolbox


class Kit:
    """What one agent answers with, for all its calls."""

    def __init__(self, toolbox: Toolbox, lookup: Lookup | None = None) -> None:
        """Take both over: they are closed with it."""
        self.toolbox = toolbox
        self.lookup = lookup
        self._lent = 0
        self._retired = False
        self.closed = False

    def lend(self) -> None:
        """Keep it open for one more call, until that gives it back."""
        self._lent += 1

    async def give_back(self) -> None:
        """Take note that a call does not have it any more; close it where that was the last of a retired one."""
        self._lent -= 1
        await self._close_unused()

    async def retire(self) -> None:
        """Close it, once no call has it any more: none gets it from now on."""
        self._retired = True
        await self._close_unused()

    async def _close_unused(self) -> None:
        if self._retired and not self._lent and not self.closed:
            self.closed = True
            await self.toolbox.close()
            if self.lookup is not None:
                await self.lookup.close()
