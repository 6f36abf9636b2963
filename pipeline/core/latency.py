"""Spans: where the time of a turn goes, from the same events everywhere: in the service, in benchmarks and in tests."""

from itertools import pairwise

from pipeline.core.events import (
    CallEvent,
    Clause,
    FillerStarted,
    FinalTranscript,
    PlaybackStarted,
    ReplyStopped,
    SpeechReady,
    TextDelta,
    TurnEnded,
)

SEGMENTS = ("endpointing", "recognition", "knowledge", "first_token", "first_clause", "synthesis", "handover")
"""The spans that follow one another from the end of speech to the first reply audio; their sum is the response gap."""

SPANS = (*SEGMENTS, "response_gap", "filler", "stop", "vision")
"""All span names, in the order in which tables show them."""


class Timeline:
    """The first instant of each milestone of one turn, and the spans between them. Pure; seconds.

    A milestone that was passed early (recognition that ran inside the endpointing wait) costs nothing: its segment is
    zero, so that the segments always add up to the response gap.
    """

    def __init__(self) -> None:
        """Begin with no milestone passed."""
        self._speech_end: float | None = None
        self._passed: dict[str, float] = {}
        self._stop: float | None = None
        self._vision: float | None = None

    def feed(self, event: CallEvent) -> None:
        """Take note of an event of this turn; the first of each kind counts."""
        match event:
            case TurnEnded() if self._speech_end is None:
                self._speech_end = event.speech_end_at
                self._passed["endpointing"] = event.at
            case FinalTranscript():
                self._passed.setdefault("recognition", event.at)
            case TextDelta():
                self._passed.setdefault("first_token", event.at)
            case Clause():
                self._passed.setdefault("first_clause", event.at)
            case SpeechReady():
                self._passed.setdefault("synthesis", event.at)
            case PlaybackStarted():
                self._passed.setdefault("handover", event.at)
            case FillerStarted():
                self._passed.setdefault("filler", event.at)
            case ReplyStopped(onset_at=float(onset)):
                self._stop = (event.at if event.silent_at is None else event.silent_at) - onset
            case _:
                pass

    def passed(self, milestone: str, at: float) -> None:
        """Take note of a milestone that has no event of its own, such as ``knowledge``."""
        self._passed.setdefault(milestone, at)

    def looked(self, seconds: float) -> None:
        """Take note that the turn is the first to know a picture, which it took so long to look at."""
        self._vision = max(seconds, self._vision or 0.0)

    def spans(self) -> dict[str, float]:
        """Return the known spans in seconds. A turn that began with no speech has no response gap."""
        found: dict[str, float] = {}
        if self._speech_end is not None:
            names = [name for name in SEGMENTS if name in self._passed]
            reached = [self._speech_end]
            for name in names:
                reached.append(max(reached[-1], self._passed[name]))
            found = {name: after - before for name, (before, after) in zip(names, pairwise(reached), strict=True)}
            if "handover" in self._passed:
                found["response_gap"] = self._passed["handover"] - self._speech_end
            if "filler" in self._passed:
                found["filler"] = self._passed["filler"] - self._speech_end
        if self._stop is not None:
            found["stop"] = self._stop
        if self._vision is not None:
            found["vision"] = self._vision
        return found
