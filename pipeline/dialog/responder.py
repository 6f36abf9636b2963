"""Responder: what has been said in, clean reply text out, while the model is still writing."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from enum import IntEnum
from functools import partial

from anyio.lowlevel import checkpoint

from pipeline.core.errors import DialogError
from pipeline.core.stages import ChatDelta, ChatModel, ChatOptions, Message, ToolUse, Usage
from pipeline.dialog import summary
from pipeline.dialog.ahead import Search
from pipeline.dialog.cache import CACHED, AnswerMemory, Note
from pipeline.dialog.cleaner import Cleaner
from pipeline.dialog.desk import Agenda, Desk, NoCall
from pipeline.dialog.errands import Errands
from pipeline.dialog.language import Ask, in_language
from pipeline.dialog.lookup import Found, Lookup
from pipeline.dialog.notes import noted
from pipeline.dialog.prompt import messages
from pipeline.dialog.redact import Redactor
from pipeline.dialog.routed import Routed
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
        language: str = "en",
        memory: AnswerMemory | None = None,
    ) -> None:
        """Take the agent's models, its part of the prompt, its documents, and what it may remember.

        ``redactor`` makes what keeps a secret out of an answer, given what is none; ``language`` is the persona's.
        """
        self._models = models
        self._redactor = redactor or (lambda public: Redactor(public=public, spoken=True))
        self._lookup = lookup
        self._memory = memory
        self._persona = persona
        self._language = language
        self._options = options

    async def reply(
        self,
        said: Sequence[Message],
        effort: Effort = Effort.FULL,
        desk: Desk | None = None,
        instruction: str = "",
        ready: Callable[[], Awaitable[None]] = checkpoint,
        ahead: Search | None = None,
    ) -> AsyncGenerator[ChatDelta, None]:
        """Yield the reply's text, fit to be spoken. Closing early ends the model's work. Raises DialogError.

        The first delta comes with the first word of the model, and is empty while that word is held back. A model that
        goes on to write the caller's part is stopped there, as is one that runs wild (see ``Guards``) and one whose
        answer is to be short; such a reply has no usage. An answer that the documents have approved comes as it stands,
        from no model, and so does one that was given to the same question. What the model asks for is run at the
        ``desk`` once the answer is real, and the model goes on with what came of it. ``instruction`` is told to the
        model behind the question; none is asked before ``ready`` returns. ``ahead`` may have the documents searched.
        """
        desk = desk or NoCall()
        errands = Errands(desk, said)
        settled, note = await errands.settle(), self._note(said, desk)
        known = None if settled.messages else await self._known(said, note, desk, ahead)
        if known is not None:
            yield known
            return
        found = Found(said) if self._lookup is None or settled.messages else await self._lookup.found(said, ahead)
        desk.cite(found.sources, found.version)
        redactor = self._redactor(found.public)
        # A call for a tool may stand behind the first sentence.
        cleaner = Cleaner(redactor, short=bool(effort) and not desk.agenda.toolbox.specs)
        chat = [*noted(noted(found.said, desk.agenda.shown()), instruction), *settled.messages]
        options = self._asked(desk.agenda)
        model = self._routed(said, found, effort, options)
        await ready()
        written = self._written(self._ask(model, options, said, desk), chat, cleaner, errands)
        try:
            async for delta in written:
                if note is not None:
                    note.wrote(delta)
                yield delta
            may = not (effort or errands.ran or found.lacking or redactor.private or model.stands_in)
            if note is not None and may and note.keep(desk.on_commit, found.sources):
                yield ChatDelta("", repeatable=True)
        except DialogError:
            rest = cleaner.give_up()
            if rest:
                yield ChatDelta(rest)
            raise
        finally:
            await written.aclose()

    def _routed(self, said: Sequence[Message], found: Found, effort: Effort, options: ChatOptions) -> Routed:
        return self._models.route(
            said[-1].text if said else "",
            small=effort is Effort.SMALL,
            documents=found.said is not said,
            tools=bool(options.tools),
        )

    def _note(self, said: Sequence[Message], desk: Desk) -> Note | None:
        """Return a note of the question, unless its answer depends on what is known of the caller, or on a picture."""
        if self._memory is None or desk.agenda.personal or any(message.above for message in said):
            return None
        prompt, options = messages(self._persona, said, self._language), self._asked(desk.agenda)
        return self._memory.note(prompt, options, self._models.digest, desk.language)

    async def _known(
        self, said: Sequence[Message], note: Note | None, desk: Desk, ahead: Search | None
    ) -> ChatDelta | None:
        """Return the whole answer, if there is one before the model is asked: one that is approved, or remembered."""
        found = None if self._lookup is None else await self._lookup.approved(said, ahead)
        if found is not None:
            desk.cite(found.sources, found.version)
            sanitizer = Sanitizer()
            text = sanitizer.feed(found.approved) + sanitizer.flush()
            return ChatDelta(text, Usage(model=APPROVED), repeatable=True)
        kept = None if note is None else note.recalled()
        if kept is None:
            return None
        desk.cite(kept.sources, self._lookup.version if self._lookup is not None else "")
        return ChatDelta(kept.text, Usage(model=CACHED), repeatable=True)

    async def summary(self, asked: Sequence[Message], agenda: Agenda | None = None) -> str:
        """Return what the model writes to a request for a summary, which ends ``asked``; "" where it is no text.

        All before the request is read as for an answer, so that the model has it in its cache. Raises DialogError.
        """
        options = replace(self._asked(agenda), temperature=0.0, num_predict=summary.WRITTEN, stop=())
        sanitizer = Sanitizer()
        text = ""
        model = self._models.route(asked[-1].text, documents=True)
        async with aclosing(model.stream(messages(self._persona, asked, self._language), options)) as stream:
            async for delta in stream:
                text += sanitizer.feed(delta.text)
                if sanitizer.over:
                    break
        return text + sanitizer.flush()

    @property
    def has_documents(self) -> bool:
        """Return whether there is anything to search."""
        return self._lookup is not None

    def search(self, said: Sequence[Message]) -> Search | None:
        """Return what searches the documents for the caller's last words before an answer to them is wanted.

        None where there are no documents, or no words.
        """
        return None if self._lookup is None else self._lookup.ahead(said)

    async def warm(self, said: Sequence[Message] = (), agenda: Agenda | None = None) -> None:
        """Load the model and let it read this agent's prefix, and what has been said behind it."""
        await self._models.warm(messages(self._persona, said, self._language), self._asked(agenda))

    def _asked(self, agenda: Agenda | None) -> ChatOptions:
        return self._options if agenda is None else replace(self._options, tools=agenda.toolbox.specs)

    def _ask(self, model: ChatModel, options: ChatOptions, said: Sequence[Message], desk: Desk) -> Ask:
        """Return what asks the model for an answer in the language in which it is said."""

        def stream(chat: Sequence[Message]) -> AsyncGenerator[ChatDelta, None]:
            return model.stream(messages(self._persona, chat, self._language), options)

        return partial(in_language, desk.language, said[-1].text if said else "", stream)

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
                        yield ChatDelta(gap + text if text else "", delta.usage and usage, author=delta.author)
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
            yield ChatDelta("")  # it has begun, and is not to be given up for being silent
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
