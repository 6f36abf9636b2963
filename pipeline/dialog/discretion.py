"""Discretion: what is told and kept of a call beside its voice. Personal data is taken out; the model saw all of it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

import anyio.lowlevel

from pipeline.core.events import (
    CallEvent,
    DigitsCollected,
    FinalTranscript,
    PartialTranscript,
    PictureNoted,
    ReplyEnded,
)
from pipeline.dialog.redact import Kind, Pseudonyms, Redactor, Treatment, masked

SLICE = 64
"""Characters between two looks at what else is to be done: 4000 digits took 1.1 s on two busy cores."""


class Discretion:
    """An agent's, for one call. What is public passes, as in answers."""

    def __init__(
        self,
        spoken: Mapping[Kind, Treatment],
        region: str,
        public: Collection[str],
        *,
        captions: bool,
        pseudonyms: Pseudonyms | None = None,
    ) -> None:
        """Take what answers may say (``spoken``), what is public, and whether ``captions`` are redacted.

        ``pseudonyms`` stand for what is taken out of logs and records; without them masks do.
        """
        self._pseudonyms = pseudonyms
        kept = Treatment.MASK if pseudonyms is None else Treatment.PSEUDONYM
        self._all = dict.fromkeys(Kind, kept)
        # An answer was redacted when it was made, by who knew what its documents make public; what it may say aloud all
        # the same is not kept.
        self._passing = {kind: kept if spoken[kind] is Treatment.PASS else Treatment.PASS for kind in Kind}
        self._region = region
        self._public = public
        self._captions = captions

    def said(self, text: str) -> str:
        """Return what a caller, or whoever gives feedback, wrote or said. 5 microseconds a character and more."""
        redactor = self._redactor(self._all)
        return redactor.feed(text) + redactor.flush()

    def replied(self, text: str) -> str:
        """Return what the service said."""
        redactor = self._redactor(self._passing)
        return redactor.feed(text) + redactor.flush()

    def originals(self, texts: Iterable[str]) -> dict[str, str]:
        """Return what the pseudonyms in redacted texts of this call stand for, as far as that may be kept."""
        return {} if self._pseudonyms is None else self._pseudonyms.originals(texts)

    async def kept(self, event: CallEvent) -> CallEvent:
        """Return what may be logged of an event. Of what is still being said, no part of what may become personal."""
        match event:
            case PartialTranscript():
                settled, _ = await self._read(event.text, self._all)
                return replace(event, text=settled, guess=settled)
            case FinalTranscript():
                return replace(event, text="".join(await self._read(event.text, self._all)))
            case DigitsCollected():
                return replace(event, digits="".join(await self._read(event.digits, self._all)))
            case PictureNoted():
                return replace(event, note="".join(await self._read(event.note, self._all)))
            case ReplyEnded():
                text, heard = [await self._read(written, self._passing) for written in (event.text, event.heard)]
                return replace(event, text="".join(text), heard="".join(heard))
            case _:
                return event

    def caption(self, event: CallEvent, kept: CallEvent) -> CallEvent | None:
        """Return what the client is told of an event; None for an interim transcript of which nothing is settled.

        It is told masks: names would let it know callers again.
        """
        if isinstance(event, ReplyEnded) or not self._captions:
            return event
        match kept:
            case PartialTranscript(text=""):
                return None
            case _ if self._pseudonyms is None:
                return kept
            case PartialTranscript():
                return replace(kept, text=masked(kept.text), guess=masked(kept.guess))
            case FinalTranscript():
                return replace(kept, text=masked(kept.text))
            case DigitsCollected():
                return replace(kept, digits=masked(kept.digits))
            case PictureNoted():
                return replace(kept, note=masked(kept.note))
            case _:
                return kept

    async def _read(self, text: str, policy: Mapping[Kind, Treatment]) -> tuple[str, str]:
        """Return a text in two parts: what is decided, and what only its end decides."""
        redactor = self._redactor(policy)
        decided = []
        for at in range(0, len(text), SLICE):
            decided.append(redactor.feed(text[at : at + SLICE]))
            await anyio.lowlevel.checkpoint()
        return "".join(decided), redactor.flush()

    def _redactor(self, policy: Mapping[Kind, Treatment]) -> Redactor:
        return Redactor(policy, self._region, pseudonyms=self._pseudonyms, public=self._public)
