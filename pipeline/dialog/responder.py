"""Responder: what has been said in, clean reply text out, while the model is still writing."""

from collections.abc import AsyncGenerator, Callable, Sequence
from enum import IntEnum

from pipeline.core.errors import DialogError
from pipeline.core.stages import ChatDelta, ChatModel, ChatOptions, Message, Usage
from pipeline.dialog.asking import told
from pipeline.dialog.brevity import FirstSentence
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
        language: str = "en",
    ) -> None:
        """Take the shared models, the agent's part of the prompt, and its documents.

        ``redactor`` makes what keeps a secret out of an answer, given what is none; ``language`` is the persona's.
        """
        self._model = model
        self._redactor = redactor or (lambda public: Redactor(public=public, spoken=True))
        self._lookup = lookup
        self._smaller = smaller
        self._persona = persona
        self._language = language
        self._options = options

    async def reply(
        self, said: Sequence[Message], effort: Effort = Effort.FULL, instruction: str = ""
    ) -> AsyncGenerator[ChatDelta, None]:
        """Yield the reply's text, fit to be spoken. Closing early ends the model's work. Raises DialogError.

        The first delta comes with the first word of the model, and is empty while that word is held back. A model that
        goes on to write the caller's part is stopped there, as is one whose answer is to be short; such a reply has no
        usage. An answer that the documents have approved comes as it stands, from no model. ``instruction`` is told to
        the model behind the question.
        """
        model = self._smaller if effort is Effort.SMALL and self._smaller is not None else self._model
        found = Found(said) if self._lookup is None else await self._lookup.found(said)
        sanitizer, redactor = Sanitizer(), self._redactor(found.public)
        if found.approved:
            yield ChatDelta(sanitizer.feed(found.approved) + sanitizer.flush(), Usage(model=APPROVED))
            return
        sentence = FirstSentence() if effort else None
        asked = told(found.said, instruction)
        stream = model.stream(messages(self._persona, asked, self._language), self._options)
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
        await self._model.warm(messages(self._persona, said, self._language), self._options)
