"""The desks of one call: where its answers act. Asks the client's side, and waits for what it reports."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any

import anyio

from pipeline.core.actions import Action, HangUp
from pipeline.core.clock import Clock
from pipeline.core.errors import ToolError
from pipeline.core.events import ActionRequested, ToolReported, ToolRequested, ToolsCancelled
from pipeline.core.stages import ToolSpec, ToolUse
from pipeline.dialog.agents import Agent
from pipeline.dialog.desk import Agenda
from pipeline.dialog.state import DialogState
from pipeline.dialog.tools.toolbox import Tool, Toolbox
from pipeline.session.plan import CallPlan, Engines
from pipeline.session.reply import Reply

CANCEL_WAIT = 1.0
"""Longest wait, in seconds, until the client has been told that a result is not wanted any more."""


class CallDesk:
    """What the answers of one call have in common: its memory, and the client's side."""

    def __init__(
        self, agent: Agent, toolbox: Toolbox, client: Sequence[ToolSpec], state: DialogState, *, patience: float
    ) -> None:
        """Offer the agent's tools, what it may have done with the call, and the client's tools.

        The client's side is given up after ``patience`` seconds.
        """
        own = [Tool(spec, partial(self._ask, spec.name), timeout=patience) for spec in client]
        others = {tag: agent.control_in(tag) for tag in agent.languages}
        self.agenda = Agenda(toolbox.with_more([*agent.control.tools(self._act, state, others), *own]), state)
        self.acting: Reply | None = None
        """The answer that is real, and may act."""
        self.hanging_up: Reply | None = None
        """The reply after which the call ends."""
        self._calls = count(1)
        self._reports: dict[str, ToolReported | None] = {}
        self._reported = anyio.Event()

    @classmethod
    def of(cls, plan: CallPlan, engines: Engines) -> "CallDesk":
        """Return the desk of a call that is conducted so."""
        return cls(plan.agent, engines.toolbox, plan.client_tools, plan.state, patience=plan.client_patience)

    def report(self, report: ToolReported) -> None:
        """Take the client's word on a tool; on one that is not waited for any more it comes too late to matter."""
        if report.call in self._reports:
            self._reports[report.call] = report
            self._reported.set()
            self._reported = anyio.Event()

    async def _act(self, action: Action) -> None:
        reply = self._acting()
        if isinstance(action, HangUp):
            self.hanging_up = reply
        await reply.emit(ActionRequested, action=action)

    async def _ask(self, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what the client's tool returned. Raises ToolError."""
        reply, call = self._acting(), f"tool-{next(self._calls)}"
        self._reports[call] = None
        report = None
        try:
            await reply.emit(ToolRequested, call=call, use=ToolUse(name, arguments))
            while (report := self._reports[call]) is None:
                await self._reported.wait()
        finally:
            del self._reports[call]
            if report is None:
                with anyio.move_on_after(CANCEL_WAIT, shield=True):
                    await reply.emit(ToolsCancelled, calls=(call,))
        if report.result is None:
            raise ToolError("tool-failed", report.error or "the client could not run it")
        return report.result

    def _acting(self) -> Reply:
        assert self.acting is not None  # noqa: S101  tools run behind ReplyDesk.committed
        return self.acting


class ReplyDesk:
    """The desk of one answer."""

    def __init__(self, call: CallDesk, reply: Reply, clock: Clock, language: str) -> None:
        """Let ``reply``, which is said in ``language``, act in its call once it is real."""
        self.language = language
        self._call = call
        self._reply = reply
        self._clock = clock

    @property
    def agenda(self) -> Agenda:
        """Return what is known of the call."""
        return self._call.agenda

    async def committed(self) -> None:
        """Wait until the answer is real."""
        await self._reply.gate.passed()
        self._call.acting = self._reply

    def on_commit(self, do: Callable[[], None]) -> None:
        """Call ``do`` when the answer becomes real, at once if it is; never when it is thrown away."""
        self._reply.gate.on_open(do)

    def cite(self, sources: tuple[str, ...], knowledge: str) -> None:
        """Take note that the documents were asked, and which of them the answer goes back to."""
        self._reply.cited = sources, knowledge
        if knowledge:
            self._reply.timeline.passed("knowledge", self._clock.now())

    async def aside(self, phrase: str) -> None:
        """Keep the caller company with a phrase, unless the answer has begun."""
        await self._reply.company.aside(phrase)
