"""Lookup: what an agent's documents say to a question, before its model is asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from anyio import to_thread
from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.core.errors import KnowledgeError
from pipeline.core.stages import Message
from pipeline.dialog.knowledge.citing import cited
from pipeline.dialog.knowledge.search import Knowledge
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
        self, knowledge: Knowledge, wanted: Documents, region: str, trouble: Callable[[KnowledgeError], None]
    ) -> None:
        """Search an open file; ``trouble`` is told when that fails, and nothing is found then."""
        self._knowledge = knowledge
        self._wanted = wanted
        self._region = region
        self._trouble = trouble

    @property
    def version(self) -> str:
        """Return the version of the documents: those of one version give the same answers."""
        return self._knowledge.version

    async def close(self) -> None:
        """Close the documents; a search under way ends first."""
        await to_thread.run_sync(self._knowledge.close)

    async def approved(self, said: Sequence[Message]) -> Found | None:
        """Return the approved answer to the last message, if it is the caller's and there is one."""
        if not said or said[-1].role != "user":
            return None
        try:
            pair = await self._knowledge.approved(said[-1].text, self._wanted.approved)
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

    async def found(self, said: Sequence[Message]) -> Found:
        """Return the passages that fit the last message, if it is the caller's."""
        if not said or said[-1].role != "user" or not self._wanted.passages:
            return Found(said)
        try:
            passages = await self._knowledge.search(said[-1].text, self._wanted.passages)
        except KnowledgeError as error:
            self._trouble(error)
            return Found(said, lacking=True)
        quotes = cited(passages, self._wanted.characters)
        if not quotes:
            return Found(said, version=self._knowledge.version, lacking=True)
        public = await to_thread.run_sync(values, quotes, self._region)
        return Found(
            noted(said, quotes),
            sources=tuple(dict.fromkeys(passage.source for passage in passages)),
            version=self._knowledge.version,
            public=public,
        )
