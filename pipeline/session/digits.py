"""Collects key presses into one input. Pure: instants in seconds are passed in."""


class Digits:
    """The key presses of one call that have not been answered yet.

    Source: the defaults of MRCP's interdigit timeout and termchar as IVR platforms use them.
    """

    def __init__(self, *, pause: float = 3.0, terminators: str = "#", limit: int = 32) -> None:
        """Take an input as complete at a terminator, after ``pause`` seconds without a key, or at ``limit`` keys."""
        self._pause = pause
        self._terminators = terminators
        self._limit = limit
        self._pressed = ""
        self.complete_at: float | None = None

    def press(self, digit: str, now: float) -> str | None:
        """Take one key; return the complete input when this key completes it, without the terminator."""
        if digit in self._terminators:
            return self.take()
        self._pressed += digit
        self.complete_at = now + self._pause
        return self.take() if len(self._pressed) >= self._limit else None

    def take(self) -> str | None:
        """Return what was pressed and forget it; None when nothing was."""
        pressed, self._pressed, self.complete_at = self._pressed, "", None
        return pressed or None
