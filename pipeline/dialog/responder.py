"""Responder: what has been said in, clean reply text out, while the model is still writing."""

from collections.abc import AsyncGenerator, Sequence

from pipeline.core.stages import ChatDelta, ChatModel, ChatOptions, Message
from pipeline.dialog.prompt import messages
from pipeline.dialog.sanitize import Sanitizer


class Responder:
    """Answers for one agent. Holds no call's state."""

    def __init__(self, model: ChatModel, persona: str, options: ChatOptions) -> None:
        """Take the shared model and the agent's part of the prompt."""
        self._model = model
        self._persona = persona
        self._options = options

    async def reply(self, said: Sequence[Message]) -> AsyncGenerator[ChatDelta, None]:
        """Yield the reply's text, fit to be spoken. Closing early ends the model's work. Raises DialogError.

        A model that goes on to write the caller's part is stopped there; such a reply has no usage.
        """
        sanitizer = Sanitizer()
        stream = self._model.stream(messages(self._persona, said), self._options)
        try:
            async for delta in stream:
                text = sanitizer.feed(delta.text)
                if text or delta.usage is not None:
                    yield ChatDelta(text, delta.usage)
                if sanitizer.over:
                    break
            rest = sanitizer.flush()
            if rest:
                yield ChatDelta(rest)
        finally:
            await stream.aclose()

    async def warm(self) -> None:
        """Load the model and let it read this agent's prefix."""
        await self._model.warm(messages(self._persona, ()))
