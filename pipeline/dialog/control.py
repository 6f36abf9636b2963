"""Control: what an agent's model may have done with the call itself, as tools."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from pipeline.core.actions import Action, HangUp, SendDigits, Transfer
from pipeline.core.stages import ToolSpec
from pipeline.dialog.state import DialogState
from pipeline.dialog.tools.toolbox import Tool, Wording, Work

TRANSFER, HANG_UP, SEND_DIGITS = "transfer_call", "hang_up", "send_digits"
REASON_CHARS = 200
"""Of why a call is transferred, for whoever takes over."""
KEYS = r"^[0-9*#A-D]{1,32}$"

Act = Callable[[Action], Awaitable[None]]
"""Asks the client's side to do something with the call."""


class Announcements(BaseModel):
    """What is said of it in one language; what is left out is said as in the agent's first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    transferring: str | None = None
    transfer_failed: str | None = None
    farewell: str | None = None


KNOWN_ANNOUNCEMENTS: Mapping[str, Announcements] = MappingProxyType(
    {
        "en": Announcements(
            transferring="I will connect you now.",
            transfer_failed="I am sorry, I could not reach them. How else can I help you?",
            farewell="Goodbye.",
        ),
        "zh": Announcements(
            transferring="我现在为您转接。",
            transfer_failed="抱歉，没有接通。还有什么可以帮您？",
            farewell="再见。",
        ),
    }
)
"""What is said where an agent's file leaves it out, by language."""


class Control(BaseModel):
    """What the agent may have done with a call."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    transfer: dict[str, str] = Field(default={}, max_length=32)
    """Whom callers can be connected with: what the model calls them ("billing"), and what the client's side knows
    them by (a number, a queue, an address)."""
    transferring: str = "I will connect you now."
    """Said when a caller is connected with someone else."""
    transfer_failed: str = "I am sorry, I could not reach them. How else can I help you?"
    """Said when the client reports that it did not work."""
    hang_up: bool = False
    """It may end the call when the caller has said goodbye."""
    farewell: str = "Goodbye."
    """Said before it does."""
    send_digits: bool = False
    """It may press keys, where it has called a machine."""

    def phrases(self) -> dict[str, str]:
        """Return what may be said, by its key; none is empty."""
        transfers = {"transferring": self.transferring, "transfer_failed": self.transfer_failed}
        said = {**(transfers if self.transfer else {}), **({"farewell": self.farewell} if self.hang_up else {})}
        return {key: phrase for key, phrase in said.items() if phrase}

    def announced(self, words: Announcements) -> "Control":
        """Return the same in the words of another language."""
        return self.model_copy(update=words.model_dump(exclude_none=True))

    def specs(self) -> tuple[ToolSpec, ...]:
        """Return what the model is told of it."""
        offered = (
            (bool(self.transfer), _transfer_spec(self.transfer)),
            (self.hang_up, _HANG_UP),
            (self.send_digits, _SEND_DIGITS),
        )
        return tuple(spec for is_offered, spec in offered if is_offered)

    def tools(self, act: Act, state: DialogState, others: Mapping[str, "Control"]) -> list[Tool]:
        """Return them as tools, which ``act`` and take what was gathered from the call's state.

        ``others`` are the same in the words of the agent's other languages, by tag.
        """
        works = {TRANSFER: self._transfers(act, state), HANG_UP: _hangs_up(act), SEND_DIGITS: _sends(act)}
        return [
            Tool(
                spec,
                works[spec.name],
                says=self._says(spec.name),
                others={tag: Wording(says=other._says(spec.name)) for tag, other in others.items()},
            )
            for spec in self.specs()
        ]

    def _says(self, tool: str) -> str:
        return {TRANSFER: self.transferring, HANG_UP: self.farewell}.get(tool, "")

    def _transfers(self, act: Act, state: DialogState) -> Work:
        async def work(arguments: Mapping[str, Any]) -> str:
            target = self.transfer[arguments["department"]]
            reason = str(arguments.get("reason", ""))[:REASON_CHARS]
            await act(Transfer(target=target, reason=reason, parameters=dict(state.slots)))
            return "The caller is being connected."

        return work


def _hangs_up(act: Act) -> Work:
    async def work(_arguments: Mapping[str, Any]) -> str:
        await act(HangUp(reason="the caller said goodbye"))
        return "The call ends."

    return work


def _sends(act: Act) -> Work:
    async def work(arguments: Mapping[str, Any]) -> str:
        await act(SendDigits(digits=arguments["keys"]))
        return "The keys are being pressed."

    return work


def _transfer_spec(targets: Mapping[str, str]) -> ToolSpec:
    return ToolSpec(
        TRANSFER,
        "Connects the caller with a person. Use it when the caller asks for a person or a department.",
        {
            "type": "object",
            "properties": {
                "department": {"type": "string", "enum": list(targets), "description": "whom"},
                "reason": {"type": "string", "description": "why, in a few words"},
            },
            "required": ["department"],
        },
    )


_HANG_UP = ToolSpec(
    HANG_UP,
    "End the call. Use it only when the caller has said goodbye.",
    {"type": "object", "properties": {}},
)
_SEND_DIGITS = ToolSpec(
    SEND_DIGITS,
    "Press keys of the telephone, to get through a machine's menu.",
    {
        "type": "object",
        "properties": {"keys": {"type": "string", "pattern": KEYS, "description": "0-9 * # A-D"}},
        "required": ["keys"],
    },
)
