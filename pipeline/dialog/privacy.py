"""Privacy: what an agent may say aloud of personal data, and what is told and kept of it beside the voice."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.dialog.discretion import Discretion
from pipeline.dialog.redact import Kind, Pseudonyms, Redactor, Treatment, values

Spoken = Literal[Treatment.MASK, Treatment.PASS]
"""What may become of personal data in an answer; a pseudonym could not be said."""
Written = Literal[Treatment.MASK, Treatment.PSEUDONYM]
"""What may become of personal data in what is kept."""


class Privacy(BaseModel):
    """What becomes of personal data in an agent's answers, kind by kind."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    phone: Spoken = Treatment.MASK
    card: Spoken = Treatment.MASK
    email: Spoken = Treatment.MASK
    iban: Spoken = Treatment.MASK
    cn_id: Spoken = Treatment.MASK
    passport: Spoken = Treatment.PASS
    public: tuple[str, ...] = ()
    """Numbers and addresses that may always be said, as those in the persona may: the business's own."""
    region: str = Field(default="US", pattern=r"^[A-Z]{2}$")
    """Country, ISO 3166, whose telephone numbers are written without a country code."""
    captions: Spoken = Treatment.MASK
    """What becomes of personal data in the transcripts that clients are told. Logs and records never hold any."""
    kept: Written = Treatment.MASK
    """What stands for it in records, feedback and logs; pseudonyms need ``records.key``."""

    def policy(self) -> Mapping[Kind, Treatment]:
        """Return the treatment of each kind."""
        return {kind: getattr(self, kind.value) for kind in Kind}

    def redactor(self, persona: str) -> Callable[[frozenset[str]], Redactor]:
        """Return what makes the redactor of each answer, given what else is public in it (see ``values``)."""
        own = self._own(persona)
        return lambda more: Redactor(self.policy(), self.region, public=own | more, spoken=True)

    def discretion(self, persona: str, pseudonyms: Pseudonyms | None = None) -> Discretion:
        """Return what redacts a call's captions, logs and records: with masks where no pseudonyms are given."""
        captions = self.captions is Treatment.MASK
        own = self._own(persona)
        return Discretion(self.policy(), self.region, own, captions=captions, pseudonyms=pseudonyms)

    def _own(self, persona: str) -> frozenset[str]:
        return frozenset[str]().union(*(_values(text, self.region) for text in (persona, *self.public)))


@cache
def _values(text: str, region: str) -> frozenset[str]:
    """Return the personal data in a text. 5 microseconds a character, so it is found once."""
    return values(text, region)
