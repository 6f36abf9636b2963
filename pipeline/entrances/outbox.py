"""Outbox: what waits to be sent to one client. Control goes ahead of sound; both are bounded."""

from collections import deque
from collections.abc import Callable

import anyio
import anyio.lowlevel

from pipeline.core.events import ReplyId
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseResponse
from pipeline.entrances.replay import Replay


class Outbox:
    """Messages for one writer, from several senders. Messages of one kind keep their order.

    While the client is away they are kept for it, and sound waits.
    """

    def __init__(self, control: int, audio: int, replay: Replay) -> None:
        """Hold so many messages of each kind; a sender waits while its kind is full. ``replay`` keeps what was sent."""
        self._replay = replay
        self._away = False
        self._sounds = True
        """Sound is taken."""
        self._era = 0
        """Rises when sound is taken again: what waited since before then is for a speaker that is gone."""
        self._control_limit = control
        self._audio_limit = audio
        self._control: deque[ConverseResponse] = deque()
        self._audio: deque[tuple[ReplyId | None, ConverseResponse]] = deque()
        self._frames = 0
        self._silenced = ReplyId(0)
        self._closed = False
        self._changed = anyio.Event()

    async def put(self, message: ConverseResponse, *, after_audio: bool = False) -> None:
        """Queue a message ahead of all sound, or behind the sound that is queued. Ignored after ``close``."""
        await self._until(lambda: self._closed or self._away or len(self._control) < self._control_limit)
        if self._closed:
            return
        if self._away:
            self._replay.keep([message])
        elif after_audio and self._audio:
            self._audio.append((None, message))
        else:
            self._control.append(message)
        self._wake()

    async def put_audio(self, reply: ReplyId, message: ConverseResponse) -> None:
        """Queue sound; waits while the client is away. Ignored after ``close``, and for replies that were silenced."""
        era = self._era

        def is_void() -> bool:
            return self._closed or reply <= self._silenced or era != self._era

        await self._until(lambda: is_void() or (self._sounds and self._frames < self._audio_limit))
        if is_void():
            return
        self._audio.append((reply, message))
        self._frames += 1
        self._wake()

    def silence(self, reply: ReplyId) -> None:
        """Drop the queued sound of a reply and of those before it, and take no more of it."""
        self._silenced = max(self._silenced, reply)
        self._audio = deque(
            (owner, message) for owner, message in self._audio if owner is None or owner > self._silenced
        )
        self._frames = sum(owner is not None for owner, _ in self._audio)
        self._wake()

    async def take(self) -> ConverseResponse | None:
        """Return the next message to send; None once the outbox is closed and empty."""
        await self._until(lambda: bool(self._closed or self._control or self._audio))
        message: ConverseResponse | None = None
        owner: ReplyId | None = None
        if self._control:
            message = self._control.popleft()
        elif self._audio:
            owner, message = self._audio.popleft()
            self._frames -= owner is not None
        if message is not None and owner is None:
            self._replay.keep([message])
        self._wake()
        return message

    def detach(self) -> None:
        """Keep for the client what is queued and what will be put, sound apart: nobody takes it any more."""
        self._away, self._sounds = True, False
        self._replay.keep(self._control)
        self._replay.keep(message for owner, message in self._audio if owner is None)
        self._control.clear()
        self._audio.clear()
        self._frames = 0
        self._wake()

    def attach(self, seen: int) -> int:
        """Queue again what came after message ``seen``; return how many of it are gone. Sound still waits."""
        missing, messages = self._replay.after(seen)
        self._control.extend(messages)
        self._away = False
        self._wake()
        return missing

    def reopen(self) -> None:
        """Take sound again. What has waited for it since the client was away is thrown away."""
        self._sounds = True
        self._era += 1
        self._wake()

    def close(self) -> None:
        """Take no more messages; those that are queued can still be sent."""
        self._closed = True
        self._wake()

    async def _until(self, ready: Callable[[], bool]) -> None:
        await anyio.lowlevel.checkpoint()
        while not ready():
            await self._changed.wait()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
