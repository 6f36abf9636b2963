"""Looks up what a caller asks for in a file of knowledge, within the time that a call has for it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

import anyio
import anyio.to_thread

from pipeline.core.clock import Clock, MonotonicClock
from pipeline.core.errors import DialogError, KnowledgeError
from pipeline.core.tags import plain
from pipeline.dialog.knowledge.build import Embedder
from pipeline.dialog.knowledge.database import Database, Over, Row
from pipeline.dialog.knowledge.terms import asked, language_of, meant, normalized, turned

BUDGET = 0.02
"""Seconds of a search."""
QUESTION_CHARACTERS = 5000
"""What of a question counts: more than two minutes of speech have."""
TERMS = 24
"""Terms that are looked up, the rarest first: the others are in most passages and change no ranking."""
POSTINGS = 5_000
"""Passages that the looked-up terms may stand in, all together; it bounds the time of a search in a large file."""
POOL = 20
"""Passages of each ranking that are put together, or ``limit`` if that is more."""
FUSION = 60
"""Source: Cormack, Clarke, Buettcher, "Reciprocal rank fusion", SIGIR 2009."""
GRACE = 5
"""Times its budget that full text may take once it has begun: no answer from the documents is worse than a late one."""
LATE, AGAIN = 3, 10
"""Times in a row that vectors were late, after which only each tenth question waits for them."""
CANDIDATES = 10
"""Approved pairs that are compared."""
AT_ONCE = 4
"""Searches of one file in threads of their own."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage that was found."""

    text: str
    title: str
    source: str
    """The document's path within its folder."""
    score: float
    """Of ``search``: comparable within one answer only. Of ``approved``: the similarity, 0 to 1."""
    question: str | None
    """Of an approved pair the question that it answers."""
    id: int


class Knowledge:
    """One open file. Any number of searches at the same time; none holds up the event loop."""

    def __init__(
        self,
        database: Database,
        embedder: Embedder | None = None,
        trouble: Callable[[DialogError], None] = lambda error: None,
        clock: Clock | None = None,
    ) -> None:
        """Take an open file; ``embedder`` is used for questions in the languages of the file's vectors, if it has some.

        ``trouble`` is told when the embedder fails; the search goes on without it.
        """
        self._database = database
        self._embedder = embedder if database.vectors and _same(embedder, database.about) else None
        self._trouble = trouble
        self._clock = clock or MonotonicClock()
        self._late = 0
        self._limiter = anyio.CapacityLimiter(AT_ONCE)
        self.version: str = database.about["version"]
        """The SHA-256 over what the file says: two files of one version give the same answers."""

    @classmethod
    def open(cls, file: Path, embedder: Embedder | None = None) -> Self:
        """Open a file. Blocks for an instant. Raises KnowledgeError as ``Database`` does."""
        return cls(Database(file), embedder)

    @property
    def about(self) -> Mapping[str, str]:
        """Return what the file says about itself: ``version``, ``passages``, ``built_with``, ``embedding_model``."""
        return self._database.about

    @property
    def by_meaning(self) -> bool:
        """Return whether vectors take part in searches."""
        return self._embedder is not None

    async def search(
        self, question: str, limit: int = 3, budget: float = BUDGET, vectors: anyio.CancelScope | None = None
    ) -> Sequence[Passage]:
        """Return the passages that fit a question best, at most ``limit``, best first; none when nothing fits.

        The ranking of full text, and that of vectors where it is there within ``budget`` seconds, or before ``vectors``
        is cancelled: a scope of the caller's, whose deadline it may move. Full text that could not be begun within the
        budget, or takes ``GRACE`` times as long, finds nothing. Raises KnowledgeError when the file is broken or
        closed.
        """
        question = question[:QUESTION_CHARACTERS]
        rankings: list[Sequence[int]] = []
        errors: list[KnowledgeError] = []
        pool = max(POOL, limit)

        async def by_words() -> None:
            try:
                with anyio.move_on_after(budget):
                    over = self._over(GRACE * budget)
                    rankings.append(await self._threaded(lambda: self._by_words(question, pool, over)))
            except KnowledgeError as error:
                errors.append(error)

        async def by_meaning() -> None:
            try:
                rankings.append(await self._by_meaning(question, pool, vectors or anyio.move_on_after(budget)))
            except KnowledgeError as error:
                errors.append(error)

        async with anyio.create_task_group() as group:
            group.start_soon(by_words)
            if self._embedder is not None and self._is_embeddable(question):
                group.start_soon(by_meaning)
        if errors:
            raise errors[0]
        scores = fused(rankings)
        best = sorted(scores, key=lambda number: (-scores[number], number))[: max(0, limit)]
        if not best:
            return ()
        rows = await self._threaded(lambda: self._database.rows(best))
        return tuple(_passage(row, scores[row[0]]) for row in rows)

    async def approved(self, question: str, threshold: float, budget: float = BUDGET) -> Passage | None:
        """Return the approved pair whose question is most like this one, if it is at least ``threshold`` like it.

        The likeness is ``likeness`` over the terms of both questions. Vectors have no say in it: to them, "open on
        Saturday" and "open on Sunday" are nearly the same. None as well when it could not be begun within ``budget``.
        Raises KnowledgeError when the file is broken or closed.
        """
        with anyio.move_on_after(budget):
            over = self._over(GRACE * budget)
            found = await self._threaded(lambda: self._most_alike(question[:QUESTION_CHARACTERS], over))
            return found if found is not None and found.score >= threshold else None
        return None

    async def answers(self, limit: int) -> Sequence[str]:
        """Return the answers of the first approved pairs. Raises KnowledgeError when the file is broken or closed."""
        return await self._threaded(lambda: self._database.answers(limit))

    def close(self) -> None:
        """Close the file; searches under way end first."""
        self._database.close()

    async def _threaded(self, work: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(work, limiter=self._limiter)

    def _is_embeddable(self, question: str) -> bool:
        """Return whether vectors can say something about a question in its language."""
        languages = self.about.get("embedding_languages", "").split()
        return bool(normalized(question)) and (
            not languages or language_of(question, self.about.get("language", "")) in languages
        )

    def _over(self, seconds: float) -> Over:
        until = self._clock.now() + seconds
        return lambda: self._clock.now() > until

    def _by_words(self, question: str, pool: int, over: Over) -> list[int]:
        chosen = worth(self._database.spread(asked(question)))
        with suppress(TimeoutError):
            return self._database.best(chosen, pool, over) if chosen else []
        return []

    async def _by_meaning(self, question: str, pool: int, patience: anyio.CancelScope) -> Sequence[int]:
        """Return the ranking of vectors, or nothing if it cannot be there in time."""
        assert self._embedder is not None  # noqa: S101
        self._late += 1
        if self._late > LATE and self._late % AGAIN:
            return ()
        try:
            with patience, suppress(TimeoutError):
                (vector,) = await self._embedder.embed([question])
                found = await self._threaded(
                    lambda: self._database.nearest(vector, pool, lambda: patience.cancel_called)
                )
                self._late = 0
                return found
        except anyio.get_cancelled_exc_class():
            self._late = max(0, self._late - 1)  # the question was withdrawn
            raise
        except DialogError as error:
            self._trouble(error)
        return ()

    def _most_alike(self, question: str, over: Over) -> Passage | None:
        own = meant(question)
        if not own:
            return None
        rows: list[Row] = []
        with suppress(TimeoutError):
            chosen = worth(self._database.spread(sorted(own)))
            rows = self._database.rows(self._database.questions(chosen, CANDIDATES, over)) if chosen else []
        found = [_passage(row, likeness(question, row[4] or "")) for row in rows]
        return max(found, key=lambda passage: (passage.score, -passage.id), default=None)


def worth(spread: Mapping[str, int]) -> list[str]:
    """Return which terms to look up, given in how many passages each stands: rare ones first, within the bounds.

    A character of a dense script is left out when it is part of a pair that is known. Pure.
    """
    paired = {character for term in spread if len(term) == 2 and not term.isascii() for character in term}
    chosen: list[str] = []
    postings = 0
    for term in sorted(spread, key=lambda term: (spread[term], term)):
        if term in paired:
            continue
        postings += spread[term]
        if chosen and (postings > POSTINGS or len(chosen) == TERMS):
            break
        chosen.append(term)
    return chosen


def fused(rankings: Iterable[Sequence[int]]) -> dict[int, float]:
    """Return the score of everything that is ranked, by reciprocal rank fusion. Pure."""
    scores: dict[int, float] = defaultdict(float)
    for ranking in rankings:
        for rank, number in enumerate(ranking, 1):
            scores[number] += 1 / (FUSION + rank)
    return dict(scores)


def likeness(one: str, other: str) -> float:
    """Return how alike two questions are, 0 to 1; 1 where they differ in case, punctuation and politeness only. Pure.

    Dice's coefficient of their terms (``meant``): twice the number of terms in both, divided by the number of terms of
    the one and of the other. Every term counts alike, since each can make it another question: "open on Sunday" and
    "open on Saturday" are 0.5 alike. One word in ten that differs gives 0.9. Half of that where one has a negation or
    asks for something (who, when, how) and the other does not.
    """
    if normalized(one) == normalized(other):
        return 1.0
    own, others = meant(one), meant(other)
    alike = 2 * len(own & others) / (len(own) + len(others)) if own or others else 0.0
    return alike if turned(one) == turned(other) else alike / 2


def _same(embedder: Embedder | None, about: Mapping[str, str]) -> bool:
    return embedder is not None and plain(about.get("embedding_model", "")) == plain(embedder.model)


def _passage(row: Row, score: float) -> Passage:
    number, source, title, text, question = row
    return Passage(text, title, source, score, question, number)
