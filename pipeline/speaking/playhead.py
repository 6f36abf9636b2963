"""Playhead: how far the caller has listened to a reply, and which words that is. Pure."""

from dataclasses import dataclass

SPOKEN_CHARS_PER_SECOND = 15.0
"""Pace assumed for a clause whose speech is not complete yet, such as one that was cut off while it was made.

Source: the tests' English voice, which speaks 14 to 17 characters a second.
"""


IDEOGRAPHS = 0x2E80
"""First character of the scripts that are written without spaces. Source: Unicode, CJK Radicals Supplement."""


@dataclass(slots=True)
class _Stretch:
    text: str
    start: int
    """First sample of the clause within the reply."""
    end: int | None = None
    """First sample behind it; None while more may come."""


class Playhead:
    """The heard ledger of one reply: clauses over samples, samples over time.

    The client is taken to play frames back to back as they arrive and to wait when it has run dry. Where it reports
    how far it has played, its word counts instead.
    """

    def __init__(self, rate: int) -> None:
        """Count samples of ``rate`` hertz."""
        self._rate = rate
        self._stretches: list[_Stretch] = []
        self._sent = 0
        self._dry_at: float | None = None
        self._reported_ms: int | None = None

    @property
    def sent(self) -> int:
        """Return how many samples have left."""
        return self._sent

    @property
    def dry_at(self) -> float | None:
        """Return the instant at which all that has left will have been played; None before the first frame."""
        return self._dry_at

    def clause_begins(self, text: str, at_sample: int) -> None:
        """Say that the speech of ``text`` begins at this sample of the reply."""
        self._stretches.append(_Stretch(text, at_sample))

    def clause_ends(self, at_sample: int) -> None:
        """Say that the last clause's speech is complete."""
        self._stretches[-1].end = at_sample

    def frame_sent(self, samples: int, now: float) -> None:
        """Say that a frame left."""
        self._sent += samples
        self._dry_at = max(now, self._dry_at or now) + samples / self._rate

    def reported(self, played_ms: int) -> None:
        """Say how much the client's speaker has played; never more than was sent."""
        self._reported_ms = max(0, min(played_ms, round(1000 * self._sent / self._rate)))

    def heard_ms(self, now: float) -> int:
        """Return how much the caller has heard, in milliseconds of reply audio."""
        if self._reported_ms is not None:
            return self._reported_ms
        if self._dry_at is None:
            return 0
        return max(0, round(1000 * (self._sent / self._rate - max(0.0, self._dry_at - now))))

    def heard(self, now: float) -> str:
        """Return the text that the caller has heard: whole clauses, and the whole words of the one in progress.

        Within a clause, time is shared out evenly over its characters.
        """
        played = self.heard_ms(now) * self._rate / 1000
        if not played:
            return ""
        return "".join(self._part(stretch, played) for stretch in self._stretches)

    def _part(self, stretch: _Stretch, played: float) -> str:
        # Frames are rounded to milliseconds on the wire: a hair before the end is the end.
        slack = self._rate // 100
        if stretch.end is not None and played >= stretch.end - slack:
            return stretch.text
        pace = self._rate / SPOKEN_CHARS_PER_SECOND
        end = stretch.end or max(stretch.start + len(stretch.text) * pace, played + 1)
        share = (played - stretch.start) / max(1.0, end - stretch.start)
        if share <= 0:
            return ""
        return whole_words(stretch.text, int(share * len(stretch.text)))


def whole_words(text: str, characters: int) -> str:
    """Return the words of ``text`` that lie wholly within its first ``characters``; any character in CJK is a word."""
    if characters >= len(text):
        return text
    return text[: max((end for end in range(1, characters + 1) if _word_ends(text, end)), default=0)]


def _word_ends(text: str, end: int) -> bool:
    return any(letter.isspace() or ord(letter) >= IDEOGRAPHS for letter in text[end - 1 : end + 1])
