"""Registers models of the catalog with an Ollama server, over its HTTP interface.

The command line of Ollama flattens folders, so a model whose pooling file shares its name with the model's
configuration comes out wrong; the interface takes paths.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from pipeline.core.errors import ModelError
from pipeline.models.catalog import Model
from pipeline.models.modelfile import Modelfile, parse
from pipeline.models.progress import Progress, Silent
from pipeline.models.store import CHUNK_BYTES, Store

_WEIGHTS = {"llm": (".gguf",), "embedding": (".safetensors", ".json", ".txt")}
"""Kinds of models that Ollama serves, and the endings of the files it wants."""


def client(url: str) -> httpx.Client:
    """Return an HTTP client for the Ollama server at ``url``; it waits minutes, for a large model on a slow disk."""
    return httpx.Client(base_url=url, timeout=httpx.Timeout(300.0, connect=5.0))


def can_serve(model: Model) -> bool:
    """Return whether Ollama serves this kind of model."""
    return model.kind in _WEIGHTS


class OllamaRegistry:
    """An Ollama server, seen as a place that models are brought to."""

    def __init__(self, http: httpx.Client, store: Store, modelfiles: Path, *, progress: Progress | None = None) -> None:
        """Keep the folder of ``NAME.Modelfile`` files: a template for each model whose own is not enough."""
        self._http = http
        self._store = store
        self._modelfiles = modelfiles
        self._progress = progress or Silent()

    def register(self, name: str) -> bool:
        """Make the server know a model under its catalog name. Return False if it did already, with the same contents.

        Raises ModelError if the model is not present here, or Ollama serves no such kind, does not answer or refuses.
        """
        model = self._store.catalog[name]
        if not can_serve(model):
            raise ModelError(
                "not-for-ollama", f"model {name} is for {model.kind}; Ollama serves: {', '.join(_WEIGHTS)}"
            )
        folder = self._store.path(name)
        files = {
            file.path: f"sha256:{self._store.digest(name, file)}"
            for file in model.files
            if file.path.endswith(_WEIGHTS[model.kind])
        }
        wanted = self._modelfile(name)
        try:
            if self._knows(name, wanted, files):
                return False
            for path, digest in files.items():
                self._bring(model, folder / path, digest)
            self._create(model, wanted, files)
        except httpx.TransportError as error:
            text = f"the Ollama server at {self._http.base_url} does not answer: {error}"
            raise ModelError("ollama-unreachable", text, fix="ollama serve", retryable=True) from error
        return True

    def _modelfile(self, name: str) -> Modelfile:
        file = self._modelfiles / f"{name}.Modelfile"
        return parse(file.read_text(encoding="utf-8")) if file.exists() else Modelfile()

    def _knows(self, name: str, wanted: Modelfile, files: dict[str, str]) -> bool:
        """Return whether the server has the model with this template, these parameters and these weights."""
        answer = self._http.post("/api/show", json={"model": name})
        if answer.status_code != httpx.codes.OK:
            return False
        shown = parse_shown(answer.json().get("modelfile", ""))
        same = shown.parameters == dict(wanted.parameters) and wanted.template in {"", shown.template}
        # Weights that the server converts get another hash, so only GGUF can be compared.
        weights = [digest.replace(":", "-") for path, digest in files.items() if path.endswith(".gguf")]
        return same and all(shown.source.endswith(weight) for weight in weights)

    def _bring(self, model: Model, file: Path, digest: str) -> None:
        """Upload a file unless the server has it."""
        if self._http.head(f"/api/blobs/{digest}").status_code == httpx.codes.OK:
            return
        size = file.stat().st_size

        def body() -> Iterator[bytes]:
            done = 0
            with file.open("rb") as stream:
                while chunk := stream.read(CHUNK_BYTES):
                    yield chunk
                    done += len(chunk)
                    self._progress.moved(model.name, done, size)

        self._progress.said(model.name, f"uploading {file.name} to {self._http.base_url}")
        answer = self._http.post(f"/api/blobs/{digest}", content=body(), headers={"Content-Length": str(size)})
        if answer.is_error:
            raise ModelError("ollama-refused", f"model {model.name}: {file.name}: {_complaint(answer.text)}")

    def _create(self, model: Model, wanted: Modelfile, files: dict[str, str]) -> None:
        """Make the model from files that the server has."""
        request: dict[str, Any] = {"model": model.name, "files": files, "license": model.licence}
        if wanted.template:
            request["template"] = wanted.template
        if wanted.system:
            request["system"] = wanted.system
        if wanted.parameters:
            request["parameters"] = dict(wanted.parameters)
        with self._http.stream("POST", "/api/create", json=request) as answer:
            if answer.is_error:
                answer.read()
                raise ModelError("ollama-refused", f"model {model.name}: {_complaint(answer.text)}")
            for line in answer.iter_lines():
                status = json.loads(line) if line else {}
                if "error" in status:
                    raise ModelError("ollama-refused", f"model {model.name}: {status['error']}")


def parse_shown(modelfile: str) -> Modelfile:
    """Return what the Modelfile that ``/api/show`` answers says; one that we cannot read counts as empty."""
    try:
        return parse(modelfile)
    except ModelError:
        return Modelfile()


def _complaint(body: str) -> str:
    """Return what an error answer of Ollama says."""
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return body.strip() or "no reason given"
