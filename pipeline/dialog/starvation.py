"""Starvation: a server that answers, and whose model has stopped answering."""

from pipeline.core.clock import LoopClock

LONG_WAIT = 5.0
"""Seconds without a word from a model, to anybody, after which a request that was given up counts."""
IN_A_ROW = 2
"""So many such requests, and nothing between them. One may meet a long prompt, which the next finds in the cache."""


class Starvation:
    """Counts the requests to one model that ended without an answer.

    A request that is closed in mid-reply can cost an Ollama server the place that it had (ollama/ollama issue 17131:
    the sender of the reply waits for ever for a reader). When all places are lost, requests wait and nothing is ever
    written, while the server itself answers as always.
    """

    def __init__(self) -> None:
        """Begin without a suspicion."""
        self._clock = LoopClock()
        self._answered_at = 0.0
        self._in_vain = 0

    @property
    def stuck(self) -> bool:
        """Return whether the model should be unloaded, which frees the places."""
        return self._in_vain >= IN_A_ROW

    def begun(self) -> float:
        """Return the instant of a request, for ``gave_up``."""
        return self._clock.now()

    def answered(self) -> None:
        """Take note of a word of the model, or of its having been unloaded."""
        self._answered_at = self._clock.now()
        self._in_vain = 0

    def gave_up(self, since: float) -> None:
        """Take note of a request, begun at ``since``, that ended before its first word."""
        if self._clock.now() - max(since, self._answered_at) >= LONG_WAIT:
            self._in_vain += 1
