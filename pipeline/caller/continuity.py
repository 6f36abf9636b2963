"""Continuity: what a client keeps so that it can go on with its call over another stream. Pure."""

from collections import deque

from pipeline.entrances.generated.voicepipe.v1.config_pb2 import ConversationStart
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest, ConverseResponse
from pipeline.entrances.generated.voicepipe.v1.input_pb2 import PlaybackEvent

KEPT = 1000
"""Messages that are kept until the service has them: 20 s of sound, more than a call waits for its client."""


class Continuity:
    """One call's."""

    def __init__(self) -> None:
        self._token = ""
        self._seen = 0
        self._numbered = 0
        self._kept: deque[ConverseRequest] = deque(maxlen=KEPT)

    @property
    def possible(self) -> bool:
        """Return whether the call can go on over another stream."""
        return bool(self._token)

    def numbered(self, request: ConverseRequest) -> ConverseRequest:
        """Number a message that is about to be sent for the first time, and keep it in case it does not arrive."""
        self._numbered += 1
        request.seq = self._numbered
        if not request.HasField("playback"):  # last_playback says it, where it matters
            self._kept.append(request)
        return request

    def is_news(self, response: ConverseResponse) -> bool:
        """Take note of a message of the service; return whether it came for the first time."""
        if response.HasField("started"):
            self._token = response.started.resume_token
        if not response.seq:
            return True
        news = response.seq > self._seen
        self._seen = max(self._seen, response.seq)
        return news

    def resumes(self, start: ConversationStart, played: PlaybackEvent | None) -> ConversationStart:
        """Return the start of the next stream; ``played`` is how far the last reply was heard."""
        again = ConversationStart()
        again.CopyFrom(start)
        again.resume_token, again.last_seen_seq = self._token, self._seen
        if played is not None:
            again.last_playback.CopyFrom(played)
        return again

    def not_consumed(self, last: int) -> list[ConverseRequest]:
        """Return what has to be sent again where the service has consumed up to number ``last``."""
        while self._kept and self._kept[0].seq <= last:
            self._kept.popleft()
        return list(self._kept)
