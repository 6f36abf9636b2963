"""Responder: what has been said in, clean reply text out, while the model is still writing."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from enum import IntEnum

from anyio.lowlevel import checkpoint

from pipeline.core.errors import DialogError
from pipeline.core.stages import ChatDelta, ChatModel, ChatOptions, Message, Usage
from pipeline.dialog.brevity import FirstSentence
from pipeline.dialog.cache import Memory, OnCommit
from pipeline.dialog.lookup import Found, Lookup
from pipeline.dialog.prompt import messages
from pipeline.dialog.redact import Redactor
from pipeline.dialog.sanitize import Sanitizer

APPROVED = "approved answer"
"""Stands for the model where none was asked."""


class Effort(IntEnum):
    """How much an answer may cost."""

    FULL = 0
    SHORT = 1
    """One sentence."""
    SMALL = 2
    """One sentence of the smaller model, where there is one."""


class Responder:
    """Answers for one agent. Holds no call's state."""

    def __init__(
        self,
        model: ChatModel,
        persona: str,
        options: ChatOptions,
        *,
        smaller: ChatModel | None = None,
        redactor: Callable[[frozenset[str]], Redactor] | None = None,
        lookup: Lookup | None = None,
        memory: Memory | None = None,
    ) -> None:
        """Take the shared models, the agent's part of the prompt, its documents, and what it may remember.

        ``redactor`` makes what keeps a secret out of an answer, given what is none.
        """
        self._model = model
        self._redactor = redactor or (lambda public: Redactor(public=public, spoken=True))
        self._lookup = lookup
        self._memory = memory
        self._smaller = smaller
        self._persona = persona
        self._options = options

    async def reply(
        self,
        said: Sequence[Message],
        effort: Effort = Effort.FULL,
        *,
        ready: Callable[[], Awaitable[None]] = checkpoint,
        on_commit: OnCommit | None = None,
    ) -> AsyncGenerator[ChatDelta, None]:
        """Yield the reply's text, fit to be spoken. Closing early ends the model's work. Raises DialogError.

        The first delta comes with the first word of the model, and is empty while that word is held back. A model that
        goes on to write the caller's part is stopped there, as is one whose answer is to be short; such a reply has no
        usage. An answer that the documents have approved comes as it stands, from no model, and so does one that was
        given to the same question. No model is asked before ``ready`` returns; nothing is remembered without
        ``on_commit``.
        """
        model = self._smaller if effort is Effort.SMALL and self._smaller is not None else self._model
        note = self._memory and self._memory.note(messages(self._persona, said), self._options, model.digest)
        known = await self._approved(said) or (note and note.recalled())
        if known:
            yield known
            return
        found = Found(said) if self._lookup is None else await self._lookup.found(said)
        redactor = self._redactor(found.public)
        await ready()
        stream = self._written(model.stream(messages(self._persona, found.said), self._options), redactor, effort)
        try:
            async for delta in stream:
                if note:
                    note.wrote(delta)
                yield delta
        finally:
            await stream.aclose()
        if note and on_commit:
            await note.keep(on_commit, may=not (effort or found.lacking or redactor.private))

    async def _approved(self, said: Sequence[Message]) -> ChatDelta | None:
        """Return the answer that the documents have for the question, if there is one."""
        sanitizer = Sanitizer()
        approved = "" if self._lookup is None else await self._lookup.approved(said)
        text = sanitizer.feed(approved) + sanitizer.flush()
        return ChatDelta(text, Usage(model=APPROVED)) if text else None

    async def _written(
        self, stream: AsyncGenerator[ChatDelta, None], redactor: Redactor, effort: Effort
    ) -> AsyncGenerator[ChatDelta, None]:
        """Yield what the model writes, as far as it can be said and may be."""
        sanitizer, sentence = Sanitizer(), FirstSentence() if effort else None
        begun = False
        try:
            async for delta in stream:
                clean = sanitizer.feed(delta.text)
                text = redactor.feed(clean)
                if sanitizer.over:
                    text += redactor.flush()
                if sentence is not None:
                    text = sentence.feed(text)
                if text or delta.usage is not None or (clean and not begun):
                    begun = True
                    yield ChatDelta(text, delta.usage)
                if sanitizer.over or (sentence is not None and sentence.over):
                    break
            else:
                rest = redactor.feed(sanitizer.flush()) + redactor.flush()
                rest = rest if sentence is None else sentence.feed(rest)
                if rest:
                    yield ChatDelta(rest)
        except DialogError:
            rest = redactor.give_up()
            if rest:
                yield ChatDelta(rest)
            raise
        finally:
            await stream.aclose()

    async def warm(self, said: Sequence[Message] = ()) -> None:
        """Load the model and let it read this agent's prefix, and what has been said behind it."""
        await self._model.warm(messages(self._persona, said), self._options)
