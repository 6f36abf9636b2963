"""Responder: what has been said in, clean reply text out, while the model is still writing."""

from collections.abc import AsyncGenerator, Callable, Sequence
from enum import IntEnum

from pipeline.core.errors import DialogError
from pipeline.core.stages import ChatDelta, ChatOptions, Message, Usage
from pipeline.dialog.brevity import FirstSentence
from pipeline.dialog.lookup import Found, Lookup
from pipeline.dialog.prompt import messages
from pipeline.dialog.redact import Redactor
from pipeline.dialog.routing import Router
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
        models: Router,
        persona: str,
        options: ChatOptions,
        *,
        redactor: Callable[[frozenset[str]], Redactor] | None = None,
        lookup: Lookup | None = None,
    ) -> None:
        """Take the agent's models, its part of the prompt, and its documents.

        ``redactor`` makes what keeps a secret out of an answer, given what is none.
        """
        self._models = models
        self._redactor = redactor or (lambda public: Redactor(public=public, spoken=True))
        self._lookup = lookup
        self._persona = persona
        self._options = options

    async def reply(self, said: Sequence[Message], effort: Effort = Effort.FULL) -> AsyncGenerator[ChatDelta, None]:
        """Yield the reply's text, fit to be spoken. Closing early ends the model's work. Raises DialogError.

        The first delta comes with the first word of the model, and is empty while that word is held back. A model that
        goes on to write the caller's part is stopped there, as is one whose answer is to be short; such a reply has no
        usage. An answer that the documents have approved comes as it stands, from no model.
        """
        found = Found(said) if self._lookup is None else await self._lookup.found(said)
        sanitizer, redactor = Sanitizer(), self._redactor(found.public)
        if found.approved:
            yield ChatDelta(sanitizer.feed(found.approved) + sanitizer.flush(), Usage(model=APPROVED))
            return
        sentence = FirstSentence() if effort else None
        model = self._models.route(
            said[-1].text if said else "",
            small=effort is Effort.SMALL,
            documents=found.said is not said,
            tools=bool(self._options.tools),
        )
        stream = model.stream(messages(self._persona, found.said), self._options)
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
        await self._models.warm(messages(self._persona, said), self._options)
