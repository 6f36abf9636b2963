"""Collects key presses into one input. Pure: instants in seconds are passed in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DigitRules:
    """When an input is complete. Source: the interdigit timeout and termchar of MRCP, as IVR platforms set them."""

    pause: float = 3.0
    """Complete when no further key comes for so many seconds."""
    terminators: str = "#"
    """Complete at one of these keys, which are not part of the input."""
    limit: int = 32
    """Complete after so many keys."""


class Digits:
    """The key presses of one call that have not been answered yet."""

    def __init__(self, rules: DigitRules) -> None:
        """Begin with none."""
        self._rules = rules
        self._pressed = ""
        self.complete_at: float | None = None

    def press(self, digit: str, now: float) -> str | None:
        """Take one key; return the complete input when this key completes it, without the terminator."""
        if digit in self._rules.terminators:
            return self.take()
        self._pressed += digit
        self.complete_at = now + self._rules.pause
        return self.take() if len(self._pressed) >= self._rules.limit else None

    def wait_anew(self, now: float) -> None:
        """Wait the whole pause for the next key, if any was pressed: the wait so far does not count."""
        if self.complete_at is not None:
            self.complete_at = now + self._rules.pause

    def take(self) -> str | None:
        """Return what was pressed and forget it; None when nothing was."""
        pressed, self._pressed, self.complete_at = self._pressed, "", None
        return pressed or None
