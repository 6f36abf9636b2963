"""History of one call: what the caller said and heard, which is less than what the model wrote. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.core.events import ReplyId
from pipeline.core.stages import Message, Role
from pipeline.dialog.notes import paragraphs
from pipeline.dialog.tokens import PER_MESSAGE, ending, tokens

IN_A_ROW = 4
"""So much of what the service says in a row is kept: it may ask a silent caller again and again."""


@dataclass(frozen=True, slots=True)
class Said:
    """Something said in a call."""

    by_caller: bool
    text: str
    reply: ReplyId | None = None
    """The reply that this was, None for the caller's words."""
    above: str = ""
    """Quoted data that the model reads above the caller's words: what was read in a picture."""

    @property
    def tokens(self) -> int:
        """Return about how many it takes."""
        return tokens(self.text) + tokens(self.above) + PER_MESSAGE


@dataclass(frozen=True, slots=True)
class Chapter:
    """What the next summary is to be made of."""

    said: Sequence[Message]
    """All that is shown, up to the last reply that was heard, with the summary of what came before."""
    turns: int
    """How many turns of the call are told then."""


class History:
    """What has been said, oldest first, as far as it may be shown again."""

    def __init__(self, turns: int, most: int, summary: int = 0) -> None:
        """Show the model at most ``turns`` turns of the caller, and about ``most`` tokens.

        ``summary`` of these are kept for a summary of what is no more shown; 0 for none.
        """
        self._turns = turns
        self._most = most - summary
        self._sums_up = summary > 0
        self._summary = ""
        """What is shown in place of the turns that are not."""
        self._next = ""
        """What will be shown in its place when more turns are not. Only then: the prompt changes anyway."""
        self._told = 0
        """How many turns of the call it tells."""
        self._said: list[Said] = []
        self._above = ""
        """What is to be read above the caller's next words."""
        self._picture = ""
        """The latest picture whose turn is not shown any more: callers come back to it."""
        self._turns_forgotten = 0
        self._forgotten = ReplyId(0)
        """The latest reply that was forgotten."""

    def caller(self, text: str) -> None:
        """Take down what the caller said in one turn."""
        self._said.append(Said(True, text, above=self._above))
        self._above = ""
        first = self._first_shown(self._said)
        if first:
            self._summary = self._next or self._summary
        self._forget(0, first)

    def show(self, picture: str) -> None:
        """Let the model read what was read in a picture, quoted, above the caller's next words, and from then on."""
        self._above = paragraphs(self._above, picture)

    def show_now(self) -> str:
        """Put what was to be read above the caller's next words above the last ones, and return it.

        They are being answered.
        """
        shown, self._above = self._above, ""
        for place in (place for place in reversed(range(len(self._said))) if self._said[place].by_caller):
            said = self._said[place]
            self._said[place] = replace(said, above=paragraphs(said.above, shown))
            break
        return shown

    def heard(self, reply: ReplyId, text: str) -> None:
        """Take down the part of a reply that the caller heard; a later word on the same reply replaces it.

        Replies are numbered in order; of one that was forgotten nothing more is taken.
        """
        if reply <= self._forgotten:
            return
        text = text.strip()
        for place, said in enumerate(self._said):
            if said.reply == reply:
                self._said[place] = replace(said, text=text)
                return
        self._said.append(Said(False, text, reply))
        if len(self._said) > IN_A_ROW and not any(said.by_caller for said in self._said[-IN_A_ROW - 1 :]):
            self._forget(len(self._said) - IN_A_ROW - 1, len(self._said) - IN_A_ROW)

    def messages(self, then: str = "") -> list[Message]:
        """Return the last turns as chat messages in strict alternation, beginning with the caller's.

        They end with ``then``, as if the caller had said it, below a picture that is to be read above it; the history
        stays as it is.

        Neighbours of one side are joined, so that a reply of which nothing was heard leaves no trace. What the service
        said before the caller's first turn (a greeting) comes along as an assistant message when nothing was cut.
        A summary of what was cut is quoted above the first, as is the last picture of it.
        """
        said = [*self._said, *([Said(True, then, above=self._above)] if then or self._above else [])]
        first = self._first_shown(said)
        merged = _merged(said[first:])
        if merged and tokens(merged[-1].text) > self._most:  # a turn that fills the context by itself
            merged[-1] = replace(merged[-1], text=ending(merged[-1].text, self._most))
        summary = (self._next if first else "") or self._summary
        if merged:
            picture = _last_picture(said[:first]) or self._picture
            merged[0] = replace(merged[0], above=paragraphs(summary, picture, merged[0].above))
        return merged

    def chapter(self) -> Chapter | None:
        """Return what is to be summed up now; None while the turns that will be forgotten next are all told.

        A half of the window is left to do it in: it begins when the turns are over that the next step takes, and they
        are shown until then.
        """
        if not self._sums_up:
            return None
        heard = [place for place, one in enumerate(self._said) if not one.by_caller and one.text]
        said = self._said[: heard[-1] + 1 if heard else 0]
        starts = [place for place, one in enumerate(said) if one.by_caller and one.text]
        told = self._turns_forgotten + len(starts)
        step = max(1, self._turns // 2)
        next_step = (self._turns_forgotten // step + 1) * step
        if not any(self._told < forgets <= told for forgets in (next_step, self._outgrown(said, starts))):
            return None
        messages = _merged(said)
        if self._summary or self._picture:
            above = paragraphs(self._summary, self._picture, messages[0].above)
            messages[0] = replace(messages[0], above=above)
        return Chapter(messages, told)

    def summarized(self, chapter: Chapter, summary: str) -> None:
        """Take the summary of a chapter, to be shown once its turns are not; it has the tokens kept for it at most."""
        self._next, self._told = summary or self._next, chapter.turns

    def _outgrown(self, said: Sequence[Said], starts: Sequence[int]) -> int:
        """Return how many turns of the call will have been forgotten when the tokens run out; 0 while that is far."""
        sizes = [one.tokens for one in said]
        left = sum(sizes)
        if left <= self._most * 3 // 4:
            return 0
        ends = (turn for turn, place in enumerate(starts) if turn and sum(sizes[place:]) <= self._most // 2)
        return self._turns_forgotten + next(ends, len(starts))

    def _first_shown(self, said: Sequence[Said]) -> int:
        """Return where the shown part begins.

        The start moves in steps of half the window: were it to move with every turn, the prompt's prefix would change
        each time and the model's cache of it would be worth nothing.
        """
        starts = [place for place, one in enumerate(said) if one.by_caller and one.text]
        first = self._first_of_turns(starts)
        sizes = [one.tokens for one in said]
        left = sum(sizes[first:])
        if left <= self._most:
            return first
        for place in (start for start in starts if start > first):
            left -= sum(sizes[first:place])
            first = place
            if left <= self._most // 2:
                break
        return first

    def _first_of_turns(self, starts: Sequence[int]) -> int:
        """Return where the last turns begin, of which each begins at one of ``starts``."""
        count = self._turns_forgotten + len(starts)
        if count <= self._turns or not starts:
            return 0
        step = max(1, self._turns // 2)
        dropped = -(-(count - self._turns) // step) * step - self._turns_forgotten
        return starts[min(dropped, len(starts) - 1)] if dropped > 0 else 0

    def _forget(self, begin: int, end: int) -> None:
        forgotten = self._said[begin:end]
        self._turns_forgotten += sum(one.by_caller and bool(one.text) for one in forgotten)
        self._picture = _last_picture(forgotten) or self._picture
        self._forgotten = max([self._forgotten, *(one.reply for one in forgotten if one.reply is not None)])
        del self._said[begin:end]


def _merged(said: Sequence[Said]) -> list[Message]:
    """Return what was said as chat messages, neighbours of one side joined."""
    merged: list[Message] = []
    for one in said:
        if not (one.text or one.above):
            continue
        role: Role = "user" if one.by_caller else "assistant"
        if merged and merged[-1].role == role:
            before = merged[-1]
            text = f"{before.text} {one.text}".strip()
            merged[-1] = Message(role, text, above=paragraphs(before.above, one.above))
        else:
            merged.append(Message(role, one.text, above=one.above))
    return merged


def _last_picture(said: Sequence[Said]) -> str:
    return next((one.above for one in reversed(said) if one.above), "")
