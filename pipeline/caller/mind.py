"""Mind: when the caller speaks, and when the caller hangs up."""

from collections.abc import Callable

import anyio

from pipeline.caller.errors import CallError
from pipeline.caller.line import CallLine
from pipeline.caller.live import UtteranceBegun
from pipeline.caller.plan import CallPlan, Utterance
from pipeline.core.clock import Clock
from pipeline.entrances.generated.voicepipe.v1 import input_pb2
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest

_ENDED_WITHIN = 10.0
"""How long the service may take to end a call after the hang-up, in seconds."""
_TAKEN_WITHIN = 2.0
"""How long who is stopped waits for the service to take the call, which is the only one that can be hung up."""


class Mind:
    """Says one thing after the other, like somebody who listens; looks up once a frame."""

    def __init__(self, plan: CallPlan, line: CallLine, tell: Callable[[UtteranceBegun], None], clock: Clock) -> None:
        self._plan = plan
        self._line = line
        self._tell = tell
        self._clock = clock
        self._busy_at = clock.now()
        """When either side last had anything to say."""

    async def run(self, stop: anyio.Event | None = None) -> None:
        """Hear the greeting, say everything, hear the answers, hang up; hang up at once when ``stop`` is set.

        Raises CallError when the service is silent.
        """
        async with anyio.create_task_group() as tasks:
            if stop is not None:
                tasks.start_soon(_cancel_on, stop, tasks.cancel_scope)
            await self._talk()
            tasks.cancel_scope.cancel()
        await self._hang_up()

    async def _talk(self) -> None:
        log = self._line.log
        await self._until(lambda: log.started is not None, "take the call")
        with anyio.move_on_after(self._plan.greeting):
            await self._until(lambda: bool(log.replies), "greet")
        for utterance in self._plan.utterances:
            await self._until(self._may_speak, "finish a reply")
            await self._say(utterance)
        await self._until(self._is_quiet, "finish a reply")

    async def _hang_up(self) -> None:
        log = self._line.log
        with anyio.move_on_after(_TAKEN_WITHIN):
            await self._until(lambda: log.started is not None, "take the call")
        if log.started is None:
            raise CallError("stopped", "stopped before the call was taken")
        await self._line.send(ConverseRequest(control=input_pb2.Control(kind=input_pb2.CONTROL_KIND_END)))
        await anyio.sleep(_ENDED_WITHIN)
        raise CallError(
            "no-end", f"the server did not end the call within {_ENDED_WITHIN:.0f} s", fix="see the server's log"
        )

    async def _say(self, utterance: Utterance) -> None:
        microphone, log = self._line.microphone, self._line.log
        noticed = log.noticed
        self._tell(UtteranceBegun(name=utterance.name))
        microphone.say(utterance)
        await self._until(lambda: not microphone.speaking, "take sound")
        self._busy_at = self._clock.now()
        await self._until(lambda: log.noticed > noticed, f"notice that {utterance.name!r} was said")

    async def _until(self, reached: Callable[[], bool], what: str) -> None:
        """Wait until it is so. Raises CallError when nothing is heard of the service for too long."""
        while not reached():
            if self._clock.now() - self._line.news_at > self._plan.patience:
                raise CallError(
                    "no-answer",
                    f"{self._plan.server} did not {what}: nothing came for {self._plan.patience:.0f} s",
                    fix="see the server's log",
                )
            await anyio.sleep(self._plan.frame)

    def _is_quiet(self) -> bool:
        """Return whether neither side has had anything to say for a while."""
        now = self._clock.now()
        if self._line.log.open or self._line.speaker.playing(now) or self._line.microphone.speaking:
            self._busy_at = now
        return now - self._busy_at >= self._plan.pause

    def _may_speak(self) -> bool:
        """Return whether it is the caller's turn, or enough was heard of the reply that is going on."""
        quiet, talk_over = self._is_quiet(), self._plan.talk_over
        if quiet or talk_over is None:
            return quiet
        now = self._clock.now()
        going_on = [number for number, reply in self._line.log.replies.items() if reply.done is None]
        return any(self._line.speaker.heard(number, now) >= talk_over for number in going_on)


async def _cancel_on(event: anyio.Event, scope: anyio.CancelScope) -> None:
    await event.wait()
    scope.cancel()
