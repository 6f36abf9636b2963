"""Discretion: what is told and kept of a call beside its voice. Personal data is taken out; the model saw all of it."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from pipeline.core.events import CallEvent, DigitsCollected, FinalTranscript, PartialTranscript, ReplyEnded
from pipeline.dialog.redact import Kind, Redactor, Treatment

ALL: Mapping[Kind, Treatment] = dict.fromkeys(Kind, Treatment.MASK)
REMEMBERED = 4
"""Texts: one is asked for by the client's line, the log and the records, one after the other."""


class Discretion:
    """One call's. What is public passes, as in answers."""

    def __init__(
        self, spoken: Mapping[Kind, Treatment], region: str, public: Collection[str], *, captions: bool
    ) -> None:
        """Take what answers may say (``spoken``), what is public, and whether ``captions`` are redacted."""
        # An answer was redacted when it was made, by who knew what its documents make public; what it may say aloud all
        # the same is not kept.
        self._passing = {kind: Treatment.MASK if spoken[kind] is Treatment.PASS else Treatment.PASS for kind in Kind}
        self._region = region
        self._public = public
        self._captions = captions
        self._known: dict[tuple[bool, str], str] = {}

    def said(self, text: str) -> str:
        """Return what a caller, or whoever gives feedback, wrote or said. 5 microseconds a character."""
        return self._redacted(text, ALL)

    def replied(self, text: str) -> str:
        """Return what the service said."""
        return self._redacted(text, self._passing)

    def growing(self, text: str) -> str:
        """Return the beginning of what is still being said: no part of what may become personal data."""
        return Redactor(ALL, self._region, public=self._public).feed(text)

    def kept(self, event: CallEvent) -> CallEvent:
        """Return what may be logged of an event."""
        match event:
            case ReplyEnded():
                return replace(event, text=self.replied(event.text), heard=self.replied(event.heard))
            case _:
                return self._of_the_caller(event)

    def caption(self, event: CallEvent) -> CallEvent | None:
        """Return what the client is told of an event; None for an interim transcript of which nothing is settled."""
        event = self._of_the_caller(event) if self._captions else event
        return None if isinstance(event, PartialTranscript) and not event.text else event

    def _of_the_caller(self, event: CallEvent) -> CallEvent:
        match event:
            case PartialTranscript():
                return replace(event, text=self.growing(event.text), guess=self.growing(event.guess))
            case FinalTranscript():
                return replace(event, text=self.said(event.text))
            case DigitsCollected():
                return replace(event, digits=self.said(event.digits))
            case _:
                return event

    def _redacted(self, text: str, policy: Mapping[Kind, Treatment]) -> str:
        key = (policy is ALL, text)
        if key not in self._known:
            redactor = Redactor(policy, self._region, public=self._public)
            self._known[key] = redactor.feed(text) + redactor.flush()
            if len(self._known) > REMEMBERED:
                del self._known[next(iter(self._known))]
        return self._known[key]
