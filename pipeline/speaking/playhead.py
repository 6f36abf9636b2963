"""Playhead: how far the caller has listened to a reply, and which words that is. Pure."""

from dataclasses import dataclass, field
from itertools import takewhile

from pipeline.speaking.words import whole_words

SPOKEN_CHARS_PER_SECOND = 15.0
"""Pace assumed for a clause whose speech is not complete yet, such as one that was cut off while it was made.

Source: the tests' English voice, which speaks 14 to 17 characters a second.
"""
WORD_SLACK = 0.04
"""Seconds that a word may lack of its end and count as heard: it has been understood by then.

Source: Piper's word ends lie 20 ms behind the beginning of the pause after them, and 50 ms behind those that Whisper
finds in the sound (medians over 18 runs of tests/engine/test_piper_words.py).
"""


@dataclass(slots=True)
class _Stretch:
    text: str
    start: int
    """First sample of the clause within the reply."""
    end: int | None = None
    """First sample behind it; None while more may come."""
    words: list[tuple[int, int]] = field(default_factory=list)
    """Characters of the text up to the end of each word, and the first sample of the reply behind it."""


class Playhead:
    """The heard ledger of one reply: clauses over samples, samples over time.

    The client is taken to play frames back to back as they arrive and to wait when it has run dry. Where it reports
    how far it has played, its word counts instead.
    """

    def __init__(self, rate: int, before: str = "", before_ms: int = 0) -> None:
        """Count samples of ``rate`` hertz. The caller has heard ``before`` already, in so many milliseconds."""
        self._rate = rate
        self._before = before
        self._before_ms = before_ms
        self._slack = rate // 100
        """Samples that may lack of a clause that counts as heard: frames are rounded to milliseconds on the wire."""
        self._stretches: list[_Stretch] = []
        self._sent = 0
        self._filler = 0
        """Samples of it that were no part of the reply's text; they lie before it."""
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

    def word_ends(self, characters: int, at_sample: int) -> None:
        """Say that so many characters of the last clause's text have been spoken at this sample of the reply.

        Words come in order. A clause of which one is known is taken to tell all, each before its sound is heard.
        """
        self._stretches[-1].words.append((characters, at_sample))

    def clause_ends(self, at_sample: int) -> None:
        """Say that the last clause's speech is complete."""
        self._stretches[-1].end = at_sample

    def frame_sent(self, samples: int, now: float) -> None:
        """Say that a frame left."""
        self._sent += samples
        self._dry_at = max(now, self._dry_at or now) + samples / self._rate

    def filler_sent(self, samples: int, now: float) -> None:
        """Say that a frame of a filler left, before any of the reply's own."""
        self.frame_sent(samples, now)
        self._filler += samples

    def reported(self, played_ms: int) -> None:
        """Say how much of it the client's speaker has played; never more than was sent."""
        self._reported_ms = max(0, min(played_ms, round(1000 * self._sent / self._rate)))

    def heard_ms(self, now: float) -> int:
        """Return how much the caller has heard, in milliseconds of reply audio."""
        if self._reported_ms is not None:
            return self._before_ms + self._reported_ms
        if self._dry_at is None:
            return self._before_ms
        left = max(0.0, self._dry_at - now)
        return self._before_ms + max(0, round(1000 * (self._sent / self._rate - left)))

    def again(self, now: float, rate: int, played_ms: int | None) -> tuple["Playhead", int]:
        """Return a playhead for what is said anew to another client, at ``rate``, and how many clauses are not.

        It begins with the clause that was being heard at ``now``; with ``played_ms`` the client's word counts instead.
        """
        if played_ms is not None:
            self.reported(played_ms)
        played = self._played_samples(now) + self._slack
        whole = [*takewhile(lambda one: one.end is not None and one.end <= played, self._stretches)]
        heard = self._before + "".join(one.text for one in whole)
        end = (whole[-1].end or 0) + self._filler if whole else 0
        return Playhead(rate, heard, self._before_ms + round(1000 * end / self._rate)), len(whole)

    def _played_samples(self, now: float) -> float:
        """Return how many samples of the reply's own text were played."""
        return (self.heard_ms(now) - self._before_ms) * self._rate / 1000 - self._filler

    def heard(self, now: float) -> str:
        """Return the text that the caller has heard: whole clauses, and the whole words of the one in progress.

        Within a clause whose words are not known, time is shared out evenly over its characters.
        """
        played = self._played_samples(now)
        heard = self._before
        if played <= 0:
            return heard
        for stretch in self._stretches:
            part = self._part(stretch, played)
            heard += part
            if part != stretch.text:
                break
        return heard

    def _part(self, stretch: _Stretch, played: float) -> str:
        if stretch.end is not None and played >= stretch.end - self._slack:
            return stretch.text
        if stretch.words:
            reached = played + WORD_SLACK * self._rate
            over = [characters for characters, _ in takewhile(lambda word: word[1] <= reached, stretch.words)]
            return stretch.text[: over[-1]] if over else ""
        pace = self._rate / SPOKEN_CHARS_PER_SECOND
        end = stretch.end or max(stretch.start + len(stretch.text) * pace, played + 1)
        share = (played - stretch.start) / max(1.0, end - stretch.start)
        if share <= 0:
            return ""
        return whole_words(stretch.text, int(share * len(stretch.text)))
