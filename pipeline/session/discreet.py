"""DiscreetLine: where what happens in a call is told, to its client and to the log, as its discretion allows."""

from collections.abc import Callable

from pipeline.core.events import CallEvent
from pipeline.dialog.discretion import Discretion
from pipeline.session.line import Line, PassingLine


class DiscreetLine(PassingLine):
    """Passes on all but personal data in what is told of the caller's words."""

    def __init__(self, line: Line, discretion: Discretion, observe: Callable[[CallEvent], None]) -> None:
        """Stand before ``line``; ``observe`` sees every event first."""
        super().__init__(line)
        self._discretion = discretion
        self._observe = observe

    async def send(self, event: CallEvent) -> None:
        """Tell the log and the client."""
        kept = await self._discretion.kept(event)
        self._observe(kept)
        told = self._discretion.caption(event, kept)
        if told is not None:
            await super().send(told)
