"""Responder: what has been said in, clean reply text out, while the model is still writing."""

from collections.abc import AsyncGenerator, Callable, Sequence
from enum import IntEnum
from functools import partial

from pipeline.core.errors import DialogError
from pipeline.core.stages import ChatDelta, ChatModel, ChatOptions, Message, Usage
from pipeline.dialog.brevity import FirstSentence
from pipeline.dialog.guards import Guards
from pipeline.dialog.language import in_language
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
        language: str = "",
    ) -> None:
        """Take the shared models, the agent's part of the prompt, and its documents.

        ``redactor`` makes what keeps a secret out of an answer, given what is none. ``language`` is the one to answer
        in, a BCP 47 primary tag; empty for any.
        """
        self._model = model
        self._redactor = redactor or (lambda public: Redactor(public=public, spoken=True))
        self._lookup = lookup
        self._language = language
        self._smaller = smaller
        self._persona = persona
        self._options = options

    async def reply(self, said: Sequence[Message], effort: Effort = Effort.FULL) -> AsyncGenerator[ChatDelta, None]:
        """Yield the reply's text, fit to be spoken. Closing early ends the model's work. Raises DialogError.

        The first delta comes with the first word of the model, and is empty while that word is held back. A model that
        goes on to write the caller's part is stopped there, as is one that runs wild (see ``Guards``) and one whose
        answer is to be short; such a reply has no usage. An answer that the documents have approved comes as it stands,
        from no model.
        """
        model = self._smaller if effort is Effort.SMALL and self._smaller is not None else self._model
        found = Found(said) if self._lookup is None else await self._lookup.found(said)
        sanitizer, guards, redactor = Sanitizer(), Guards(), self._redactor(found.public)
        if found.approved:
            yield ChatDelta(sanitizer.feed(found.approved) + sanitizer.flush(), Usage(model=APPROVED))
            return
        sentence = FirstSentence() if effort else None
        stream = in_language(self._language, partial(self._ask, model), found.said, said[-1].text if said else "")
        begun = False
        try:
            async for delta in stream:
                clean = sanitizer.feed(delta.text)
                text = redactor.feed(guards.feed(clean))
                if sanitizer.over or guards.over:
                    text += redactor.feed(guards.flush()) + redactor.flush()
                if sentence is not None:
                    text = sentence.feed(text)
                if text or delta.usage is not None or (clean and not begun):
                    begun = True
                    yield ChatDelta(text, delta.usage)
                if sanitizer.over or guards.over or (sentence is not None and sentence.over):
                    break
            else:
                rest = redactor.feed(guards.feed(sanitizer.flush()) + guards.flush()) + redactor.flush()
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

    def _ask(self, model: ChatModel, said: Sequence[Message]) -> AsyncGenerator[ChatDelta, None]:
        return model.stream(messages(self._persona, said), self._options)

    async def warm(self, said: Sequence[Message] = ()) -> None:
        """Load the model and let it read this agent's prefix, and what has been said behind it."""
        await self._model.warm(messages(self._persona, said), self._options)
