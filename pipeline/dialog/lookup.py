"""Lookup: what an agent's documents say to a question, before its model is asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

from anyio import CancelScope, to_thread
from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.core.cache import Tally
from pipeline.core.errors import KnowledgeError
from pipeline.core.stages import Message
from pipeline.dialog.ahead import Quoted, Search
from pipeline.dialog.knowledge.citing import cited
from pipeline.dialog.knowledge.search import Knowledge, Passage
from pipeline.dialog.knowledge.terms import normalized
from pipeline.dialog.notes import noted
from pipeline.dialog.redact import values


class Documents(BaseModel):
    """What an agent may look up."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str = ""
    """A file that ``voicepipe knowledge build`` made, beside the agent's own; empty for none."""
    folder: str = ""
    """In its place, a folder of documents beside the agent's file: the service reads them when it reads the agent, and
    builds a file in its cache if they have changed."""
    embedding: str = ""
    """The model of the Ollama server by which a folder is searched by meaning too; empty for words alone. A file says
    itself whose vectors it has."""
    embedding_languages: tuple[str, ...] = ()
    """The languages of that model, whose passages and questions get vectors; empty as the catalog says, or all."""
    approved: float = Field(default=0.9, gt=0)
    """How like a question must be to an approved one, 0 to 1, to be answered by its answer as it stands; over 1 for
    never."""
    passages: int = Field(default=2, ge=0)
    """Passages that the model is shown with a question."""
    characters: int = Field(default=800, ge=200)
    """Of all of them. On two cores a model of 1.5 B reads 100 characters in half a second."""

    @property
    def any(self) -> bool:
        """Return whether there is anything to look up."""
        return bool(self.file or self.folder)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        """Refuse a file together with a folder."""
        if self.file and self.folder:
            raise ValueError("names a file and a folder; name one of them")
        if self.embedding and not self.folder:
            raise ValueError("embedding is for a folder: a file says itself whose vectors it has")
        if self.embedding_languages and not self.embedding:
            raise ValueError("embedding_languages are those of a model, which embedding does not name")
        return self


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for one question."""

    said: Sequence[Message]
    """The conversation, with what was found behind the question."""
    approved: str = ""
    """The answer to be given as it stands; empty where the model is to answer."""
    sources: tuple[str, ...] = ()
    """The documents that it goes back to, each once, the best first."""
    version: str = ""
    """Of the file that was searched."""
    lacking: bool = False
    """The documents were asked and said nothing: they may have been late."""
    public: frozenset[str] = frozenset()
    """Personal data in what was found: the business's own."""


class Lookup:
    """The documents of one agent, for all its calls."""

    def __init__(
        self,
        knowledge: Knowledge,
        wanted: Documents,
        region: str,
        trouble: Callable[[KnowledgeError], None],
        tally: Tally | None = None,
    ) -> None:
        """Search an open file; ``trouble`` is told when that fails, and nothing is found then.

        ``tally`` counts the searches that were begun ahead, the answers that found theirs begun, and the others.
        """
        self._knowledge = knowledge
        self._wanted = wanted
        self._region = region
        self._trouble = trouble
        self._tally = tally or Tally()

    @property
    def version(self) -> str:
        """Return the version of the documents: those of one version give the same answers."""
        return self._knowledge.version

    async def close(self) -> None:
        """Close the documents; a search under way ends first."""
        await to_thread.run_sync(self._knowledge.close)

    def ahead(self, said: Sequence[Message]) -> Search | None:
        """Return the search for the last message, if it is the caller's, to be run before anybody waits for it."""
        question = _question(said)
        if not normalized(question):
            return None
        self._tally.stored += 1
        return Search(question, partial(self._approved, question), partial(self._quoted, question))

    async def approved(self, said: Sequence[Message], ahead: Search | None = None) -> Found | None:
        """Return the approved answer to the last message, if it is the caller's and there is one.

        Nothing is searched where ``ahead`` is the search for the same words.
        """
        question = _question(said)
        if not question:
            return None
        known = ahead if ahead is not None and await ahead.approved(question) else None
        self._tally.hits += known is not None
        self._tally.misses += known is None
        try:
            pair = await self._approved(question) if known is None else known.pair
        except KnowledgeError as error:
            self._trouble(error)
            return None
        if pair is None:
            return None
        return Found(said, approved=pair.text, sources=(pair.source,), version=self._knowledge.version)

    async def answers(self, limit: int) -> Sequence[str]:
        """Return the first approved answers, as they may be asked for; none when the documents fail."""
        try:
            return await self._knowledge.answers(limit)
        except KnowledgeError as error:
            self._trouble(error)
            return ()

    async def found(self, said: Sequence[Message], ahead: Search | None = None) -> Found:
        """Return the passages that fit the last message, if it is the caller's; ``ahead`` is as in ``approved``."""
        question = _question(said)
        if not question or not self._wanted.passages:
            return Found(said)
        quoted = ahead.quoted if ahead is not None and await ahead.found(question) else None
        try:
            quoted = quoted or await self._quoted(question)
        except KnowledgeError as error:
            self._trouble(error)
            return Found(said, lacking=True)
        if not quoted.text:
            return Found(said, version=self._knowledge.version, lacking=True)
        return Found(
            noted(said, quoted.text),
            sources=quoted.sources,
            version=self._knowledge.version,
            public=quoted.public,
        )

    async def _approved(self, question: str) -> Passage | None:
        return await self._knowledge.approved(question, self._wanted.approved)

    async def _quoted(self, question: str, vectors: CancelScope | None = None) -> Quoted:
        limit = self._wanted.passages
        passages = await self._knowledge.search(question, limit, vectors=vectors) if limit else ()
        quotes = cited(passages, self._wanted.characters)
        public = await to_thread.run_sync(values, quotes, self._region) if quotes else frozenset[str]()
        return Quoted(quotes, tuple(dict.fromkeys(passage.source for passage in passages)), public)


def _question(said: Sequence[Message]) -> str:
    """Return the last message, if it is the caller's; "" otherwise."""
    return said[-1].text if said and said[-1].role == "user" else ""
