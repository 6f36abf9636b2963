"""Replay: the last messages to one client, numbered, so that those it has not seen can be sent again."""

from collections import deque
from collections.abc import Iterable

from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseResponse


class Replay:
    """The messages of one call, sound apart, in the order in which they left or would have."""

    def __init__(self, most: int, most_bytes: int) -> None:
        """Keep so many messages and bytes; the oldest go first."""
        self._most = most
        self._most_bytes = most_bytes
        self._kept: deque[tuple[ConverseResponse, int]] = deque()
        """Each with its size."""
        self._bytes = 0
        self.last = 0
        """The number of the last message; 0 before the first."""

    def keep(self, messages: Iterable[ConverseResponse]) -> None:
        """Number messages and keep them, but those that have a number: they are kept already."""
        for message in messages:
            if message.seq:
                continue
            self.last += 1
            message.seq = self.last
            size = message.ByteSize()
            self._kept.append((message, size))
            self._bytes += size
            while len(self._kept) > self._most or self._bytes > self._most_bytes:
                self._bytes -= self._kept.popleft()[1]

    def after(self, seq: int) -> tuple[int, list[ConverseResponse]]:
        """Return how many messages behind number ``seq`` are gone, and those that are here."""
        first = self.last - len(self._kept) + 1
        return max(0, first - 1 - seq), [message for message, _ in self._kept if message.seq > seq]
