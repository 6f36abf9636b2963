"""llama.cpp inside this process: the model that answers when there is no Ollama server."""

import json
import os
import secrets
import threading
from collections.abc import AsyncGenerator, Awaitable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from typing import Any, TypeVar

import anyio
import xllamacpp
from anyio import BrokenResourceError, CapacityLimiter, ClosedResourceError, from_thread
from anyio.lowlevel import current_token

from pipeline.core.errors import DialogError, ModelError
from pipeline.core.stages import Author, ChatDelta, ChatOptions, Message, ToolSpec, Usage
from pipeline.dialog.sampling import Sampling, completed
from pipeline.dialog.written_calls import CallPieces, WrittenCalls
from pipeline.settings import Dialog

CPU_BATCH = 32
"""Prompt tokens read at once without a GPU. llama.cpp looks at cancellation only between batches; 512 read a prompt
7 % faster, but a 1.5 B model on one core then went on for 10 s after its caller had spoken over it."""
PROMPT_CACHE_MIB = 256
"""Memory for the prompts of calls that have no slot at the moment; 28 KiB a token with a 1.5 B model."""
BRIDGE = 16
"""Deltas between the worker and the event loop; a full bridge holds the worker up."""

T = TypeVar("T")


class LlamaCpp:
    """A ChatModel on one loaded GGUF file; ``slots`` replies are written at once, the others wait."""

    def __init__(self, server: "xllamacpp.Server", name: str, settings: Dialog, digest: str) -> None:
        """Take a loaded model; see ``load``."""
        self._server = server
        self._name = name
        self._digest = digest
        self._settings = settings
        self._limiter = CapacityLimiter(settings.slots)

    @classmethod
    def load(cls, path: Path, settings: Dialog, digest: str = "") -> "LlamaCpp":
        """Return the model of a GGUF file. Blocks for seconds, and the whole process with it: xllamacpp keeps the GIL.

        ``digest`` is the file's sha256, where that is known. The context is ``num_ctx`` of ``settings`` from now on,
        whatever a request says. Raises ModelError: ``model-missing``, ``model-broken``.
        """
        name = path.stem
        if not path.is_file():
            raise ModelError("model-missing", f"no model at {path}", fix=f"voicepipe models pull {name}")
        try:
            server = xllamacpp.Server(_parameters(path, settings))
        except Exception as error:
            raise ModelError(
                "model-broken", f"llama.cpp cannot load {path}", fix=f"voicepipe models verify {name}"
            ) from error
        return cls(server, name, settings, digest)

    @property
    def digest(self) -> str:
        """Return the sha256 of the file, as ``load`` was told."""
        return self._digest

    async def stream(self, messages: Sequence[Message], options: ChatOptions) -> AsyncGenerator[ChatDelta, None]:
        """Yield deltas in order; the last one is empty and carries the usage.

        Closing the iterator stops the model at its next token, or at the next batch of the prompt, and returns when its
        thread has ended. Raises DialogError: ``engine-timeout``, ``engine-garbage``, ``prompt-too-long``.
        """
        deltas = self._reply(messages, options, self._settings.first_token_timeout, self._settings.token_timeout)
        try:
            async for delta in deltas:
                yield delta
        finally:
            await deltas.aclose()

    async def warm(self, messages: Sequence[Message], options: ChatOptions) -> None:
        """Read ``messages`` into the prompt cache. Takes as long as it takes: 7 s for 250 tokens of a 1.5 B model."""
        async for _ in self._reply(messages, replace(options, num_predict=1), None, None):
            pass

    def close(self) -> None:
        """Unload the model. Blocks; no reply may be under way."""
        del self._server

    async def _reply(
        self, messages: Sequence[Message], options: ChatOptions, first: float | None, each: float | None
    ) -> AsyncGenerator[ChatDelta, None]:
        """Write a reply in a thread and yield its deltas; ``first`` and ``each`` are the longest waits for one."""
        request = _request(messages, completed(options, self._settings), options.tools)
        slot = object()
        await _within(first, self._limiter.acquire_on_behalf_of(slot))
        reply = _Reply(self._server, request, _Reading(Author(self._name, self._digest), options.tools))
        try:
            reply.start()
            wait = first
            while (delta := await _within(wait, reply.next())) is not None:
                yield delta
                wait = each
        finally:
            with anyio.CancelScope(shield=True):
                await reply.end()
            self._limiter.release_on_behalf_of(slot)


class _Reply:
    """One request in a thread of its own, which ends with it.

    anyio's worker threads are waited for in a task, and a stage may not hold a task group open around its yields.
    """

    def __init__(self, server: "xllamacpp.Server", request: dict[str, Any], reading: "_Reading") -> None:
        self._request = request
        self._reading = reading
        self._loop = current_token()
        self._send, self._receive = anyio.create_memory_object_stream[ChatDelta | DialogError](BRIDGE)
        self._over = anyio.Event()
        self._thread = threading.Thread(target=self._run, args=(server,), name="llamacpp-reply", daemon=True)
        self._stopped = False

    def start(self) -> None:
        self._thread.start()

    async def next(self) -> ChatDelta | None:
        """Return the next delta, None at the end. Raises DialogError."""
        try:
            item = await self._receive.receive()
        except anyio.EndOfStream:
            return None
        if isinstance(item, DialogError):
            raise item
        return item

    async def end(self) -> None:
        """Stop the model and wait for the thread."""
        self._stopped = True
        self._receive.close()
        if self._thread.is_alive():
            await self._over.wait()
            self._thread.join()

    def _run(self, server: "xllamacpp.Server") -> None:
        try:
            server.handle_chat_completions(self._request, self._heard)
        except Exception as error:  # noqa: BLE001  it goes to whoever reads the reply
            self._hand_over(_garbage(type(error).__name__))
        finally:
            from_thread.run_sync(self._finish, token=self._loop)

    def _finish(self) -> None:
        self._send.close()
        self._over.set()

    def _heard(self, chunk: Mapping[str, Any]) -> bool:
        """Take what llama.cpp says; True makes it stop."""
        if self._stopped:
            return True
        item = self._reading.delta(chunk)
        return item is not None and not self._hand_over(item)

    def _hand_over(self, item: ChatDelta | DialogError) -> bool:
        """Give ``item`` to the event loop, waiting while the bridge is full; return whether it was still wanted."""
        try:
            from_thread.run(self._send.send, item, token=self._loop)
        except (BrokenResourceError, ClosedResourceError):
            return False
        return isinstance(item, ChatDelta)


class _Reading:
    """What the chunks of one reply mean."""

    def __init__(self, author: Author, tools: Sequence[ToolSpec]) -> None:
        self._author = author
        self._written = WrittenCalls(tools)
        self._pieces = CallPieces()

    def delta(self, chunk: Mapping[str, Any]) -> ChatDelta | DialogError | None:
        """Return what a chunk brings; None for progress with the prompt and the like."""
        if "error" in chunk:
            kind = chunk["error"].get("type")
            if kind == "exceed_context_size_error":
                return DialogError("prompt-too-long", "the prompt is longer than the model's context (dialog.num_ctx)")
            return _garbage(str(kind))
        choices = chunk.get("choices")
        said = choices[0]["delta"] if choices else {}
        self._pieces.feed(said.get("tool_calls") or ())
        text = self._written.feed(said.get("content") or "")
        if "timings" not in chunk:
            return ChatDelta(text, author=self._author) if text else None
        rest, uses = self._written.flush()
        timings = chunk["timings"]
        usage = Usage(timings["prompt_n"], timings["predicted_n"], self._author.model, self._author.digest)
        return ChatDelta(text + rest, usage, self._pieces.flush() + uses)


def _garbage(what: str) -> DialogError:
    return DialogError("engine-garbage", f"llama.cpp failed: {what}")


def _request(messages: Sequence[Message], sampling: Sampling, tools: Sequence[ToolSpec]) -> dict[str, Any]:
    functions = [
        {"name": spec.name, "description": spec.description, "parameters": dict(spec.parameters)} for spec in tools
    ]
    return {
        "messages": list(_messages(messages)),
        # Without tools the key must not be there.
        **({"tools": [{"type": "function", "function": function} for function in functions]} if functions else {}),
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.num_predict,
        "stop": list(sampling.stop),
        "stream": True,
        "cache_prompt": True,
        # Calls back after every batch of the prompt: the only chances to stop it before the first token.
        "return_progress": True,
    }


def _messages(messages: Sequence[Message]) -> Iterator[dict[str, Any]]:
    """Yield messages as OpenAI's interface has them; results follow their calls in the same order."""
    # Source of their form: Mistral's templates take 9 letters and digits and nothing else.
    ids = (f"call{number:05d}" for number in count())
    open_calls: list[str] = []
    for message in messages:
        taken: dict[str, Any] = {"role": message.role, "content": message.text}
        if message.uses:
            open_calls = list(islice(ids, len(message.uses)))
            taken["tool_calls"] = [
                {
                    "id": call,
                    "type": "function",
                    "function": {"name": use.name, "arguments": json.dumps(dict(use.arguments), ensure_ascii=False)},
                }
                for call, use in zip(open_calls, message.uses, strict=True)
            ]
        if message.role == "tool":
            taken |= {"tool_call_id": open_calls.pop(0) if open_calls else next(ids), "name": message.tool}
        yield taken


def _parameters(path: Path, settings: Dialog) -> "xllamacpp.CommonParams":
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(path)
    parameters.n_ctx = settings.num_ctx * settings.slots
    parameters.n_parallel = settings.slots
    parameters.n_gpu_layers = settings.gpu_layers
    if settings.gpu_layers == 0:
        parameters.n_batch = parameters.n_ubatch = CPU_BATCH
    cores = os.cpu_count() or 2
    parameters.cpuparams.n_threads = settings.threads or max(cores - 1, 1)
    parameters.cpuparams_batch.n_threads = settings.threads or cores
    parameters.cache_prompt = True
    parameters.cache_ram_mib = PROMPT_CACHE_MIB
    parameters.fit_params = False
    parameters.verbosity = -1
    # It opens an HTTP port on the loopback whether one wants it or not; nobody gets the key.
    parameters.api_keys = [secrets.token_urlsafe()]
    parameters.ui = False
    parameters.n_threads_http = 1
    return parameters


async def _within(seconds: float | None, work: Awaitable[T]) -> T:
    """Await ``work`` for so long at most. Raises DialogError: ``engine-timeout``."""
    try:
        with anyio.fail_after(seconds):
            return await work
    except TimeoutError as error:
        raise DialogError("engine-timeout", f"llama.cpp gave nothing for {seconds:g} s", retryable=True) from error
