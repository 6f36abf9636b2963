"""Responder: what has been said in, clean reply text out, while the model is still writing."""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from enum import IntEnum
from functools import partial

from pipeline.core.errors import DialogError
from pipeline.core.stages import ChatDelta, ChatModel, ChatOptions, Message, ToolUse, Usage
from pipeline.dialog.cleaner import Cleaner
from pipeline.dialog.desk import CallMemory, Desk, NoCall
from pipeline.dialog.errands import Errands
from pipeline.dialog.language import Ask, in_language
from pipeline.dialog.lookup import Found, Lookup
from pipeline.dialog.notes import noted
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
    ) -> None:
        """Take the shared models, the agent's part of the prompt, and its documents.

        ``redactor`` makes what keeps a secret out of an answer, given what is none.
        """
        self._model = model
        self._redactor = redactor or (lambda public: Redactor(public=public, spoken=True))
        self._lookup = lookup
        self._smaller = smaller
        self._persona = persona
        self._options = options

    async def reply(
        self, said: Sequence[Message], effort: Effort = Effort.FULL, desk: Desk | None = None
    ) -> AsyncGenerator[ChatDelta, None]:
        """Yield the reply's text, fit to be spoken. Closing early ends the model's work. Raises DialogError.

        The first delta comes with the first word of the model, and is empty while that word is held back. A model that
        goes on to write the caller's part is stopped there, as is one that runs wild (see ``Guards``) and one whose
        answer is to be short; such a reply has no usage. An answer that the documents have approved comes as it stands,
        from no model. What the model asks for is run at the ``desk`` once the answer is real, and the model goes on
        with what came of it.
        """
        desk = desk or NoCall()
        errands = Errands(desk)
        settled = await errands.settle(said)
        found = Found(said) if self._lookup is None or settled.messages else await self._lookup.found(said)
        desk.cite(found.sources, found.version)
        if found.approved:
            sanitizer = Sanitizer()
            yield ChatDelta(sanitizer.feed(found.approved) + sanitizer.flush(), Usage(model=APPROVED))
            return
        cleaner = Cleaner(self._redactor(found.public), short=bool(effort))
        chat = [*noted(found.said, desk.memory.shown()), *settled.messages]
        model = self._smaller if effort is Effort.SMALL and self._smaller is not None else self._model
        ask = partial(
            in_language,
            desk.memory.state.language,
            said[-1].text if said else "",
            partial(self._ask, model, self._asked(desk.memory)),
        )
        written = self._written(ask, chat, cleaner, errands)
        try:
            async for delta in written:
                yield delta
        except DialogError:
            rest = cleaner.give_up()
            if rest:
                yield ChatDelta(rest)
            raise
        finally:
            await written.aclose()

    async def warm(self, said: Sequence[Message] = (), memory: CallMemory | None = None) -> None:
        """Load the model and let it read this agent's prefix, and what has been said behind it."""
        await self._model.warm(messages(self._persona, said), self._asked(memory) if memory else self._options)

    def _asked(self, memory: CallMemory) -> ChatOptions:
        return replace(self._options, tools=memory.toolbox.specs)

    def _ask(self, model: ChatModel, options: ChatOptions, chat: Sequence[Message]) -> AsyncGenerator[ChatDelta, None]:
        return model.stream(messages(self._persona, chat), options)

    async def _written(
        self,
        ask: Ask,
        chat: Sequence[Message],
        cleaner: Cleaner,
        errands: Errands,
    ) -> AsyncGenerator[ChatDelta, None]:
        """Yield what the model writes, with what it asks for run between its parts."""
        usage, gap = Usage(), ""
        while True:
            uses: list[ToolUse] = []
            part = ""
            stream = ask(chat)
            try:
                async for delta in stream:
                    begun = cleaner.begun
                    text = cleaner.feed(delta.text)
                    uses += delta.uses
                    usage = usage if delta.usage is None else _sum(usage, delta.usage)
                    if text or delta.usage is not None or cleaner.begun > begun:
                        yield ChatDelta(gap + text if text else "", delta.usage and usage)
                    part, gap = part + text, "" if text else gap
                    if cleaner.over:
                        return
            finally:
                await stream.aclose()
            rest = cleaner.pause() if uses else cleaner.flush()
            if rest:
                yield ChatDelta(gap + rest)
                part, gap = part + rest, ""
            if not uses:
                return
            returned = await errands.run(uses, part)
            gap = " " if part else gap
            if returned.says:
                yield ChatDelta(gap + returned.says)
            if not returned.messages:
                return
            chat = [*chat, *returned.messages]


def _sum(before: Usage, more: Usage) -> Usage:
    return replace(
        more,
        prompt_tokens=before.prompt_tokens + more.prompt_tokens,
        completion_tokens=before.completion_tokens + more.completion_tokens,
    )
