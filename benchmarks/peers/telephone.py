"""Telephone: one caller's line to a peer, in the peer's own process, and what is heard on it.

It keeps to what ``pipeline.caller`` does with Voicepipe: frames leave when their last sample is captured, a reply is
heard when it arrives, and the caller speaks again when all is quiet. Runs in the peers' environment: anyio and the
standard library only.
"""

import base64
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol, TextIO

import anyio
from anyio import to_thread

from pipeline.core.clock import Clock, LoopClock

RATE = 16_000
"""Samples per second of what a peer hears."""
FRAME = 0.02
LEAD = 1.0
"""Seconds of silence before the first saying."""
PAUSE = 0.5
"""Seconds of quiet before the next one."""
WAIT = 8.0
"""Seconds that the caller waits for an answer to begin."""
PATIENCE = 40.0
"""Seconds after which the caller speaks whatever the peer does."""


class Peer(Protocol):
    """What a telephone is connected to."""

    @property
    def owes(self) -> bool:
        """Whether it has still to answer, or to end an answer."""
        ...

    async def hear(self, frame: bytes) -> None:
        """Take one frame of the caller's line, 16-bit samples at RATE."""
        ...


@dataclass(frozen=True, slots=True)
class Speech:
    """One thing to say, as samples at RATE."""

    name: str
    samples: bytes


@dataclass(slots=True)
class Stretch:
    """Sound of one reply that is heard without a gap."""

    reply: int
    at: float
    """When its first sample is heard, on the telephone's clock."""
    rate: int
    samples: bytearray

    @property
    def end(self) -> float:
        """Return when its last sample has been heard."""
        return self.at + len(self.samples) / 2 / self.rate


class Telephone:
    """Holds one call."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began_at = clock.now()
        self._busy_at = self._began_at
        self._ended_at: float | None = None
        """When the last sample of what is being said, or was said last, is captured."""
        self._rest = b""
        self._spoken: list[dict[str, Any]] = []
        self._stretches: list[Stretch] = []
        self._texts: list[dict[str, Any]] = []

    def play(self, reply: int, samples: bytes, rate: int) -> float:
        """Let the caller hear more of ``reply``; return when it will have been heard."""
        now = self._clock.now()
        last = self._stretches[-1] if self._stretches else None
        if last and last.end >= now and (last.reply, last.rate) == (reply, rate):
            last.samples += samples
        else:
            last = Stretch(reply, max(now, last.end if last else now), rate, bytearray(samples))
            self._stretches.append(last)
        return last.end

    def cut(self) -> None:
        """Throw away what has not been heard."""
        now = self._clock.now()
        for stretch in self._stretches:
            del stretch.samples[max(0, 2 * round((now - stretch.at) * stretch.rate)) :]

    def tell(self, who: str, text: str, reply: int) -> None:
        """Note what the peer understood (``caller``) and what it answered (``peer``)."""
        self._texts.append({"at": self._clock.now() - self._began_at, "who": who, "text": text, "reply": reply})

    async def call(self, sayings: Sequence[Speech], peer: Peer) -> dict[str, Any]:
        """Say everything to ``peer`` in real time, hear the answers, and return the call as JSON values."""
        waiting = list(sayings)
        self._began_at = self._busy_at = self._clock.now()
        for number in count(1):
            until = self._began_at + number * FRAME
            await anyio.sleep(max(0.0, until - self._clock.now()))
            await peer.hear(self._next_frame())
            if self._may_speak(until, owes=peer.owes):
                if not waiting:
                    break
                self._say(waiting.pop(0), number)
        return self._report()

    def _say(self, speech: Speech, frames: int) -> None:
        at = frames * FRAME
        self._spoken.append({"name": speech.name, "at": at})
        self._rest = speech.samples
        self._ended_at = self._began_at + at + len(speech.samples) / 2 / RATE

    def _next_frame(self) -> bytes:
        size = round(FRAME * RATE) * 2
        frame, self._rest = self._rest[:size], self._rest[size:]
        return frame + bytes(size - len(frame))

    def _may_speak(self, now: float, *, owes: bool) -> bool:
        sounding = bool(self._stretches) and self._stretches[-1].end > now
        if self._rest or owes or sounding:
            self._busy_at = now
        if self._ended_at is None:
            return now - self._began_at >= LEAD
        answered = any(stretch.at >= self._ended_at and stretch.samples for stretch in self._stretches)
        quiet, waited = now - self._busy_at >= PAUSE, now - self._ended_at
        return (quiet and (answered or waited >= WAIT)) or waited >= PATIENCE

    def _report(self) -> dict[str, Any]:
        heard = [
            {
                "reply": stretch.reply,
                "at": stretch.at - self._began_at,
                "rate": stretch.rate,
                "samples": base64.b64encode(stretch.samples).decode(),
            }
            for stretch in self._stretches
        ]
        seconds = self._clock.now() - self._began_at
        return {"spoken": self._spoken, "heard": heard, "texts": self._texts, "seconds": seconds}


Begin = Callable[[Telephone], AbstractAsyncContextManager[Peer]]
"""A conversation on a telephone, while the context lasts."""
Start = Callable[[dict[str, Any]], AbstractAsyncContextManager[Begin]]
"""Takes the job's description and loads everything; what begins conversations, while the context lasts."""


async def serve(start: Start) -> None:
    """Do what the lines of standard input ask for, one JSON value each, and answer with one line each.

    The first one describes the job; it is answered when everything is loaded. Each of the others is a call.
    """
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no answer
    async with start(await _next_line() or {}) as begin:
        _answer(answers, {"ready": True})
        while (job := await _next_line()) is not None:
            telephone = Telephone(LoopClock())
            sayings = [Speech(saying["name"], base64.b64decode(saying["samples"])) for saying in job["sayings"]]
            async with begin(telephone) as peer:
                call = await telephone.call(sayings, peer)
            _answer(answers, call)


async def _next_line() -> dict[str, Any] | None:
    line = await to_thread.run_sync(sys.stdin.readline)
    job: dict[str, Any] | None = json.loads(line) if line else None
    return job


def _answer(stream: TextIO, value: dict[str, Any]) -> None:
    stream.write(json.dumps(value) + "\n")
    stream.flush()
