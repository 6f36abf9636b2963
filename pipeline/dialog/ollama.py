"""Ollama: the chat model behind an Ollama server, through its own client and its native interface."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

import anyio
import httpx
import ollama

from pipeline.core.errors import DialogError
from pipeline.core.stages import Author, ChatDelta, ChatOptions, Message, ToolSpec, ToolUse, Usage
from pipeline.core.tags import plain
from pipeline.dialog.sampling import Sampling, completed
from pipeline.dialog.starvation import Starvation
from pipeline.dialog.written_calls import WrittenCalls
from pipeline.settings import Dialog

ANSWER_BYTES = 4 << 20
"""No answer is longer: a line of the stream has about 150 bytes, and a server that never ends one must not fill us."""
WARM_TIMEOUT = 300.0
"""Seconds for a server to load a model and read a prompt."""
CLOSE_TIMEOUT = 1.0
UNLOAD_TIMEOUT = 15.0
"""Seconds for a server to unload a model: it waits for the requests under way, which are given up after 12 s."""
UNLOAD_POLL = 0.1
TOOLS_UNSUPPORTED = "tools-unsupported"
NO_TOOLS = "does not support tools"
"""How a server says so. Source: Ollama's ``model.CheckCapabilities``."""
EMBED_TIMEOUT = 300.0
"""Seconds for a server to load an embedding model and give the vectors of one request."""

T = TypeVar("T")


class Ollama:
    """A ChatModel on a server: how many replies it writes at once is its own affair (OLLAMA_NUM_PARALLEL)."""

    def __init__(
        self,
        settings: Dialog,
        model: str,
        unloading: Callable[[], None] = lambda: None,
        toolless: Callable[[], None] = lambda: None,
    ) -> None:
        """Ask for ``model``, a tag as ``ollama list`` prints it, at the settings' URL. Connects to nothing yet.

        ``unloading`` is called when the model is stuck (see ``Starvation``) and will be unloaded; ``toolless`` when it
        turns out to have no place for tools.
        """
        self._settings = settings
        self._model = model
        self._unloading = unloading
        self._toolless = toolless
        self._takes_tools = True
        """Until the server says otherwise of these weights and this template."""
        self._digest = ""
        self._starvation = Starvation()
        self._mending = anyio.Lock()
        self._client = ollama.AsyncClient(
            settings.ollama_url,
            timeout=httpx.Timeout(None, connect=settings.connect_timeout),
            follow_redirects=False,
            trust_env=False,
            # A reply's connection is closed with it, so none is kept for another.
            transport=_BoundedTransport(trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)),
        )

    async def check(self) -> None:
        """Return if the server answers and has the model.

        The digest is known from then on, and anew each time. Raises DialogError: ``model-missing`` with the command
        that pulls it, ``engine-unreachable``, ``engine-timeout``, ``engine-garbage``.
        """
        await self._asked(self._client.show(self._model), self._settings.token_timeout)
        models = (await self._asked(self._client.list(), self._settings.token_timeout)).models
        found = (one.digest for one in models if plain(one.model or "") == plain(self._model))
        digest = next(found, None) or ""
        self._takes_tools = self._takes_tools or digest != self._digest
        self._digest = digest

    async def stream(self, messages: Sequence[Message], options: ChatOptions) -> AsyncGenerator[ChatDelta, None]:
        """Yield deltas in order; the last one carries the usage.

        Closing the iterator closes the connection, at which the server stops computing. A model whose template has no
        place for tools is asked without. Raises DialogError as ``check`` does.
        """
        deltas = self._deltas(messages, options, self._settings.first_token_timeout)
        try:
            async for delta in deltas:
                yield delta
        finally:
            await deltas.aclose()

    async def warm(self, messages: Sequence[Message], options: ChatOptions) -> None:
        """Make the server load the model and read ``messages``. Raises DialogError as ``check`` does."""
        async for _ in self._deltas(messages, replace(options, num_predict=1), WARM_TIMEOUT):
            pass

    @property
    def digest(self) -> str:
        """Return what ``ollama list`` shows in full: of weights, template and parameters. Empty before ``check``."""
        return self._digest

    @property
    def model(self) -> str:
        """Return the tag that is asked for."""
        return self._model

    async def embed(self, texts: Sequence[str]) -> list[Sequence[float]]:
        """Return a vector for each text, all of one length; a text longer than the model reads is cut off.

        Cancelling closes the connection. Raises DialogError as ``check`` does.
        """
        asked = self._client.embed(self._model, list(texts), keep_alive=self._settings.keep_alive)
        vectors = list((await self._asked(asked, EMBED_TIMEOUT)).embeddings)
        if len(vectors) != len(texts) or len({len(vector) for vector in vectors}) != bool(texts) or [] in vectors:
            raise _garbage("its vectors do not fit the texts")
        return vectors

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()  # type: ignore[no-untyped-call]

    async def _deltas(
        self, messages: Sequence[Message], options: ChatOptions, first: float
    ) -> AsyncGenerator[ChatDelta, None]:
        while True:
            wanted = options if self._takes_tools else replace(options, tools=())
            deltas = self._answer(messages, wanted, first)
            try:
                async for delta in deltas:
                    yield delta
            except DialogError as error:
                if error.code != TOOLS_UNSUPPORTED or not wanted.tools:
                    raise
            else:
                return
            finally:
                await deltas.aclose()
            if self._takes_tools:
                self._takes_tools = False
                self._toolless()

    async def _answer(
        self, messages: Sequence[Message], options: ChatOptions, first: float
    ) -> AsyncGenerator[ChatDelta, None]:
        await self._mended()
        sampling = completed(options, self._settings)
        since = self._starvation.begun()
        answered, author = False, Author(self._model, self._digest)
        # What the server takes for a call comes apart from the text; what it does not is looked for here.
        written = WrittenCalls(options.tools)
        answer: Any = await self._client.chat(
            self._model,
            [_message(message) for message in messages],
            tools=[_tool(spec) for spec in options.tools],
            stream=True,
            think=False,
            keep_alive=self._settings.keep_alive,
            options=_options(sampling, self._settings),
        )
        wait = first
        # A token is a part at most; what writes more than it was allowed will not end by itself.
        left = 2 * sampling.num_predict + 16
        try:
            while (part := await self._asked(anext(answer, None), wait)) is not None:
                answered = True
                self._starvation.answered()
                text, uses = written.feed(part.message.content or ""), _uses(part)
                if part.done:
                    rest, more = written.flush()
                    yield ChatDelta(text + rest, self._usage(part), uses + more)
                    return
                yield ChatDelta(text, uses=uses, author=author)
                wait = self._settings.token_timeout
                left -= 1
                if not left:
                    raise _garbage("it writes without end")
            raise _garbage("it broke off")
        finally:
            if not answered:
                self._starvation.gave_up(since)
            with anyio.move_on_after(CLOSE_TIMEOUT, shield=True):
                await answer.aclose()

    async def _mended(self) -> None:
        """Return at once, or, when the model is stuck, when the server has unloaded it or has had its time for it.

        Nobody asks meanwhile: a request would keep the model loaded. The next one loads it anew.
        """
        async with self._mending:
            if not self._starvation.stuck:
                return
            self._unloading()
            with anyio.move_on_after(UNLOAD_TIMEOUT), suppress(DialogError):
                await self._asked(self._client.generate(self._model, keep_alive=0), UNLOAD_TIMEOUT)
                while _is_among(self._model, (await self._asked(self._client.ps(), UNLOAD_TIMEOUT)).models):  # noqa: ASYNC110
                    await anyio.sleep(UNLOAD_POLL)
            self._starvation.answered()

    def _usage(self, part: ollama.ChatResponse) -> Usage:
        return Usage(part.prompt_eval_count or 0, part.eval_count or 0, self._model, self._digest)

    async def _asked(self, work: Awaitable[T], seconds: float) -> T:
        """Await what the client does, and say in our words what went wrong. Raises DialogError."""
        try:
            with anyio.fail_after(seconds):
                return await work
        except TimeoutError as error:
            raise DialogError("engine-timeout", f"Ollama gave nothing for {seconds:g} s", retryable=True) from error
        except ollama.ResponseError as error:
            raise self._refused(error) from error
        except (httpx.TransportError, ConnectionError) as error:
            what = f"no Ollama server at {self._settings.ollama_url}: {type(error).__name__}"
            raise DialogError("engine-unreachable", what, retryable=True) from error
        except (httpx.HTTPError, ValueError, TypeError, AttributeError) as error:
            # The client takes whatever is valid JSON for a mapping of its fields.
            raise _garbage(type(error).__name__) from error

    def _refused(self, refusal: ollama.ResponseError) -> DialogError:
        status = refusal.status_code
        if status == httpx.codes.BAD_REQUEST and NO_TOOLS in str(refusal.error):
            what = f"the model {self._model} cannot use tools: its template has no place for them"
            return DialogError(TOOLS_UNSUPPORTED, what)
        if status == httpx.codes.NOT_FOUND:
            pull = f"voicepipe ollama pull {self._model}, or voicepipe models pull {self._model} --ollama"
            return DialogError("model-missing", f"Ollama does not have the model {self._model}; to get it: {pull}")
        if status < 0:
            return DialogError("engine-unreachable", "Ollama gave up in the middle of a reply", retryable=True)
        return DialogError(
            "engine-unreachable",
            f"Ollama refused with HTTP status {status}",
            retryable=status >= httpx.codes.INTERNAL_SERVER_ERROR,
        )


def _is_among(model: str, loaded: Sequence[ollama.ProcessResponse.Model]) -> bool:
    return any(plain(one.model or "") == plain(model) for one in loaded)


def _options(sampling: Sampling, settings: Dialog) -> dict[str, Any]:
    return {
        "num_ctx": sampling.num_ctx,
        "num_predict": sampling.num_predict,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "stop": list(sampling.stop),
        # Left out, the server chooses: it may stand on another machine.
        **({"num_thread": settings.threads} if settings.threads else {}),
    }


def _message(message: Message) -> dict[str, Any]:
    """Return a message as the server takes it."""
    taken: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.uses:
        taken["tool_calls"] = [{"function": {"name": use.name, "arguments": use.arguments}} for use in message.uses]
    if message.tool:
        taken["tool_name"] = message.tool
    return taken


def _tool(spec: ToolSpec) -> dict[str, Any]:
    """Return a tool as the server takes it; it keeps types, descriptions, choices and what is required."""
    return {
        "type": "function",
        "function": {"name": spec.name, "description": spec.description, "parameters": spec.parameters},
    }


def _uses(part: ollama.ChatResponse) -> tuple[ToolUse, ...]:
    return tuple(ToolUse(call.function.name, call.function.arguments) for call in part.message.tool_calls or ())


def _garbage(what: str) -> DialogError:
    return DialogError("engine-garbage", f"what answers is no Ollama server: {what}")


class _Bounded(httpx.AsyncByteStream):
    """An answer that may not be longer than ``ANSWER_BYTES``."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        received = 0
        async for piece in self._stream:
            received += len(piece)
            if received > ANSWER_BYTES:
                raise ValueError(f"more than {ANSWER_BYTES} bytes")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


class _BoundedTransport(httpx.AsyncHTTPTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        if isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = _Bounded(response.stream)
        return response
