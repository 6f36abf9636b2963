"""What an Ollama server has, shows and fetches, over its HTTP interface."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, Field, ValidationError

from pipeline.core.errors import ModelError
from pipeline.core.tags import plain
from pipeline.models.progress import Progress

START = "ollama serve (or `make ollama` to get it)"

NO_END = httpx.Timeout(None, connect=5.0)
"""For a server that fetches gigabytes, and says how far it is."""

Parsed = TypeVar("Parsed", bound=BaseModel)


class Details(BaseModel):
    """What a model is made of."""

    family: str = ""
    parameter_size: str = ""
    """Such as ``1.5B``."""
    quantization_level: str = ""
    """Such as ``Q4_K_M``."""


class Served(BaseModel):
    """A model that a server has."""

    name: str
    digest: str
    size: int = Field(ge=0)
    """Bytes on the disk."""
    details: Details = Details()


class Loaded(BaseModel):
    """A model that a server has in memory."""

    name: str
    size: int = Field(ge=0)
    """Bytes in memory, the context's included."""
    context_length: int = 0
    """The context it is loaded with, in tokens; 0 where an old server does not say."""


class Shown(BaseModel):
    """What a server says of one model."""

    details: Details = Details()
    capabilities: tuple[str, ...] = ()
    """Of ``completion``, ``tools``, ``vision``, ``embedding``, ``thinking`` and more."""
    model_info: dict[str, Any] = Field(default_factory=dict)
    parameters: str = ""
    template: str = ""
    license: str = ""

    @property
    def context(self) -> int:
        """Return the longest context it was trained for, in tokens; 0 where that is not said."""
        found = self.model_info.get(f"{self.model_info.get('general.architecture')}.context_length")
        return found if isinstance(found, int) else 0


class _Tags(BaseModel):
    models: tuple[Served, ...]


class _Running(BaseModel):
    models: tuple[Loaded, ...]


class OllamaServer:
    """A server, asked."""

    def __init__(self, http: httpx.Client) -> None:
        """Ask through ``http``, as ``ollama_registry.client`` returns it. Every method raises ModelError.

        ``ollama-unreachable``, ``ollama-garbage``, and what stands there.
        """
        self._http = http

    def served(self) -> list[Served]:
        """Return all models, by name, as ``plain`` has it."""
        models = self._parsed(_Tags, self._asked("GET", "/api/tags")).models
        return sorted((one.model_copy(update={"name": plain(one.name)}) for one in models), key=lambda one: one.name)

    def loaded(self) -> dict[str, Loaded]:
        """Return the models in memory, by their plain names."""
        return {plain(one.name): one for one in self._parsed(_Running, self._asked("GET", "/api/ps")).models}

    def shown(self, name: str) -> Shown:
        """Return what is said of a model. Raises ModelError ``model-missing``, with the names that come close."""
        answer = self._asked("POST", "/api/show", {"model": name})
        if answer.status_code in {httpx.codes.NOT_FOUND, httpx.codes.BAD_REQUEST}:
            names = [one.name for one in self.served()]
            close = get_close_matches(plain(name), names, cutoff=0.5) or names
            there = f"; there are: {', '.join(close)}" if close else ""
            text = f"the Ollama server at {self._http.base_url} has no model {name}{there}"
            raise ModelError("model-missing", text, fix=f"voicepipe ollama pull {name}")
        return self._parsed(Shown, answer)

    def pull(self, name: str, progress: Progress) -> None:
        """Let the server fetch a model from its registry, which can take as long as it takes.

        Raises ModelError ``unknown-model`` for a name that the registry has not, ``ollama-refused`` for other trouble.
        """
        sizes: dict[str, tuple[int, int]] = {}
        said = ""
        with self._reached(), self._http.stream("POST", "/api/pull", json={"model": name}, timeout=NO_END) as answer:
            for line in answer.iter_lines():
                status = self._line(line)
                if "error" in status:
                    raise _refused(name, str(status["error"]))
                layer, total = status.get("digest"), status.get("total")
                if isinstance(layer, str) and isinstance(total, int):
                    sizes[layer] = (int(status.get("completed") or 0), total)
                    progress.moved(name, *map(sum, zip(*sizes.values(), strict=True)))
                elif status.get("status") != said:
                    said = str(status.get("status"))
                    progress.said(name, said)
        if said != "success":
            raise ModelError("ollama-refused", f"model {name}: the server broke off", retryable=True)

    def _asked(self, method: str, path: str, body: Any = None) -> httpx.Response:
        with self._reached():
            return self._http.request(method, path, json=body)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Raise ModelError where the server cannot be reached, or goes away."""
        try:
            yield
        except httpx.TransportError as error:
            text = f"no Ollama server at {self._http.base_url}: {type(error).__name__}"
            raise ModelError("ollama-unreachable", text, fix=START, retryable=True) from error

    def _parsed(self, kind: type[Parsed], answer: httpx.Response) -> Parsed:
        try:
            return kind.model_validate_json(answer.raise_for_status().content)
        except (httpx.HTTPStatusError, ValidationError) as error:
            raise self._garbage() from error

    def _line(self, line: str) -> dict[str, Any]:
        try:
            status = json.loads(line or "{}")
        except ValueError as error:
            raise self._garbage() from error
        if not isinstance(status, dict):
            raise self._garbage()
        return status

    def _garbage(self) -> ModelError:
        return ModelError("ollama-garbage", f"what answers at {self._http.base_url} is no Ollama server")


def _refused(name: str, complaint: str) -> ModelError:
    if "file does not exist" in complaint or "invalid model name" in complaint:
        return ModelError("unknown-model", f"the registry has no model {name}: {complaint}")
    return ModelError("ollama-refused", f"model {name}: {complaint}")
