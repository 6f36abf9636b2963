"""BudgetLadder: how much answers may cost, by how late they have lately been. Pure; process-wide."""

from collections import deque
from collections.abc import Mapping

from pipeline.dialog.responder import Effort
from pipeline.settings import Budget, Ladder

WINDOW = 8
"""Response gaps that count, newest ones, since the last step."""
ENOUGH = 4
"""So many must be known before a step is taken."""
UP, DOWN = 0.5, 0.125
"""Share of them over budget from which answers become cheaper, and up to which they become full again."""


class BudgetLadder:
    """Climbs a rung when most answers are over budget, and down again when hardly any is."""

    def __init__(self, settings: Ladder, budgets: Mapping[str, Budget], *, has_smaller: bool) -> None:
        """Without a budget for ``response_gap`` nothing ever happens."""
        budget = budgets.get("response_gap")
        self._limit = budget.p95 if budget is not None else None
        rungs = [Effort.FULL, *([Effort.SHORT] if settings.shorter else []), *([Effort.SMALL] if has_smaller else [])]
        self._rungs = rungs
        self._rung = 0
        self._late: deque[bool] = deque(maxlen=WINDOW)

    @property
    def effort(self) -> Effort:
        """Return what the next answer may cost."""
        return self._rungs[self._rung]

    def gap(self, seconds: float) -> bool:
        """Take note of a response gap; return whether the effort has changed."""
        if self._limit is None:
            return False
        self._late.append(seconds > self._limit)
        if len(self._late) < ENOUGH:
            return False
        share = sum(self._late) / len(self._late)
        if share >= UP and self._rung + 1 < len(self._rungs):
            return self._step(1)
        if share <= DOWN and self._rung and len(self._late) == WINDOW:
            return self._step(-1)
        return False

    def _step(self, direction: int) -> bool:
        self._rung += direction
        self._late.clear()
        return True
