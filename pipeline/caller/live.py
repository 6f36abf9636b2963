"""What whoever places a call is told while it goes on."""

from dataclasses import dataclass

from pipeline.caller.report import NoticeReport, PromptReport, TurnReport


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOpened:
    """The service took the call."""

    call_id: str
    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallGoesOn:
    """The connection broke, and the call goes on over another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UtteranceBegun:
    """The caller begins to speak."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """The service settled on what the caller said."""

    turn: int
    text: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyWritten:
    """A piece of a reply's text, to append."""

    reply: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyOver:
    """A reply was heard, or given up."""

    reply: int
    report: TurnReport | PromptReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """Something could not be done."""

    notice: NoticeReport


LiveEvent = CallOpened | CallGoesOn | UtteranceBegun | Understood | ReplyWritten | ReplyOver | Noticed
