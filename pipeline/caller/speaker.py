"""Speaker: what the person at the telephone hears, and when. Pure; instants are the caller's clock in seconds."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from pipeline.audio.level import first_audible
from pipeline.core.events import PlaybackKind, PlaybackReported, ReplyId
from pipeline.core.pcm import SAMPLE_BYTES, Pcm


@dataclass(slots=True)
class Stretch:
    """Sound of one reply that is heard without a gap."""

    reply: int
    at: float
    """When its first sample is heard."""
    samples: bytearray
    rate: int
    filler: bool = False
    """It keeps the caller company; the answer is still to come."""

    @property
    def duration(self) -> float:
        """Return how long it is heard."""
        return len(self.samples) / SAMPLE_BYTES / self.rate

    @property
    def end(self) -> float:
        """Return when it has been heard."""
        return self.at + self.duration


@dataclass(slots=True)
class _Reply:
    """How far one reply has come."""

    complete: bool = False
    """All of its sound has arrived."""
    reported: set[PlaybackKind] = field(default_factory=set)
    before: float = 0.0
    """Seconds that were heard of it over earlier streams."""


class Speaker:
    """Plays what arrives, back to back; where nothing has arrived there is silence."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._stretches: list[Stretch] = []
        self._replies: dict[int, _Reply] = {}

    def arrived(self, reply: int, samples: bytes, at: float, *, last: bool, filler: bool = False) -> None:
        """Queue sound of ``reply``. Sound of a reply that was cleared is not heard."""
        state = self._replies.setdefault(reply, _Reply())
        if PlaybackKind.CLEARED in state.reported:
            return
        state.complete = state.complete or last
        if not samples:
            return
        begins = max(at, self._free_at())
        latest = self._stretches[-1] if self._stretches else None
        if latest and (latest.reply, latest.filler) == (reply, filler) and self._free_at() == begins:
            latest.samples += samples
        else:
            self._stretches.append(Stretch(reply, begins, bytearray(samples), self._rate, filler))

    def clear(self, reply: int, at: float) -> PlaybackReported:
        """Throw away what has not been heard of ``reply`` at this instant; what is queued behind it moves up."""
        self._drop(reply, at)
        state = self._replies.setdefault(reply, _Reply())
        state.reported |= set(PlaybackKind)
        return self._report(reply, PlaybackKind.CLEARED, at)

    def renew(self, at: float) -> PlaybackReported | None:
        """Go on with another stream: throw away what has not been heard, since it will come again.

        Returns how much of the last reply was heard over the stream before; None when nothing ever was.
        """
        last = max((stretch.reply for stretch in self._stretches if stretch.at < at), default=None)
        found = None if last is None else self._report(last, PlaybackKind.CLEARED, at)
        for reply, state in self._replies.items():
            if PlaybackKind.COMPLETED not in state.reported:
                self._drop(reply, at)
                state.before, state.complete, state.reported = self.heard(reply, at), False, set()
        return found

    def _drop(self, reply: int, at: float) -> None:
        kept: list[Stretch] = []
        for stretch in self._stretches:
            if stretch.reply == reply and stretch.end > at:
                whole = max(0, round((at - stretch.at) * self._rate))
                del stretch.samples[whole * SAMPLE_BYTES :]
            elif stretch.at > at:
                stretch.at = max(at, kept[-1].end if kept else at)
            if stretch.samples:
                kept.append(stretch)
        self._stretches = kept

    def due(self, now: float) -> list[PlaybackReported]:
        """Return the reports that have become true by now, each once."""
        reports = []
        for reply, state in self._replies.items():
            for kind, at in self._milestones(reply, state):
                if at <= now:
                    state.reported.add(kind)
                    reports.append(self._report(reply, kind, now))
        return reports

    def next_at(self) -> float | None:
        """Return when the next report becomes due; None while nothing is queued."""
        return min(
            (at for reply, state in self._replies.items() for _, at in self._milestones(reply, state)), default=None
        )

    def heard(self, reply: int, now: float) -> float:
        """Return how much of ``reply`` has been heard by now, in seconds."""
        return sum(
            min(max(0.0, now - stretch.at), stretch.duration) for stretch in self._stretches if stretch.reply == reply
        )

    def playing(self, now: float) -> bool:
        """Return whether sound is being heard, or waits to be."""
        return self._free_at() > now

    def stretches(self, reply: int, *, filler: bool = False) -> list[Stretch]:
        """Return what is heard of ``reply`` itself, or of its filler, in order."""
        return [stretch for stretch in self._stretches if (stretch.reply, stretch.filler) == (reply, filler)]

    def recording(self, begin: float, until: float) -> Pcm:
        """Return what was heard from ``begin`` to ``until``."""
        line = bytearray(max(0, round((until - begin) * self._rate)) * SAMPLE_BYTES)
        for stretch in self._stretches:
            at = max(0, round((stretch.at - begin) * self._rate)) * SAMPLE_BYTES
            room = max(0, len(line) - at)
            line[at : at + len(stretch.samples)] = stretch.samples[:room]
        return Pcm(bytes(line), self._rate)

    def _milestones(self, reply: int, state: _Reply) -> list[tuple[PlaybackKind, float]]:
        """Return what is still to be reported of a reply, and when."""
        if state.reported >= {PlaybackKind.STARTED, PlaybackKind.COMPLETED}:
            return []
        stretches = [stretch for stretch in self._stretches if stretch.reply == reply]
        found = []
        if stretches and PlaybackKind.STARTED not in state.reported:
            found.append((PlaybackKind.STARTED, stretches[0].at))
        if state.complete and PlaybackKind.COMPLETED not in state.reported:
            found.append((PlaybackKind.COMPLETED, stretches[-1].end if stretches else 0.0))
        return found

    def _report(self, reply: int, kind: PlaybackKind, now: float) -> PlaybackReported:
        played = self.heard(reply, now) - self._replies[reply].before
        return PlaybackReported(reply=ReplyId(reply), kind=kind, played_ms=round(played * 1000))

    def _free_at(self) -> float:
        return self._stretches[-1].end if self._stretches else 0.0


def first_audible_at(stretches: Iterable[Stretch]) -> float | None:
    """Return when the first sample over -40 dBFS is heard; None for none."""
    for stretch in stretches:
        first = first_audible(Pcm(bytes(stretch.samples), stretch.rate))
        if first is not None:
            return stretch.at + first / stretch.rate
    return None


def stalled(stretches: Iterable[Stretch]) -> float:
    """Return for how long a reply fell silent, in seconds, because its next sound had not come in time."""
    return sum(after.at - before.end for before, after in pairwise(stretches))
