"""What the client's side may be asked to do with a call. The service never assumes that it worked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Transfer:
    """Connect the caller with someone else."""

    target: str
    """A number, a queue, an address; the client's side knows what it means."""
    reason: str = ""
    """Why, for whoever takes over."""
    attended: bool = False
    """Speak to the target first; otherwise connect and leave."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """What was gathered in the call."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class SendDigits:
    """Send key tones to the far end."""

    digits: str
    """Keys out of 0-9 * # A B C D."""


Action = Transfer | HangUp | SendDigits
