"""Reads ``models/catalog.toml``: what each model is, what its files hash to, and where they come from."""

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass

from pipeline.core.errors import ModelError

FIRST_USE = "first-use.sha256"
"""In a model's folder: the hashes of files that the catalog has none for, in the form that ``sha256sum -c`` reads."""

Kind = Literal["asr", "llm", "tts", "embedding", "vad", "turn"]

_STRICT = ConfigDict(extra="forbid")


def _inside(path: str) -> str:
    """Return ``path`` if it stays inside the folder that it is relative to."""
    if any(part in {"", ".", ".."} for part in path.split("/")) or "\\" in path or path == FIRST_USE:
        raise ValueError("must be a plain relative path")
    return path


Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
RelativePath = Annotated[str, AfterValidator(_inside)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True, config=_STRICT)
class ModelFile:
    """One file of a model."""

    path: RelativePath
    size: int | None = Field(default=None, ge=0)
    """Bytes; None where nobody could confirm it."""
    sha256: Sha256 | None = None
    """None where nobody could confirm it: such a file is only fetched on trust."""


@dataclass(frozen=True, config=_STRICT)
class HubSource:
    """A repository of a model hub."""

    kind: Literal["hub"]
    repo: str
    revision: str
    folder: str = ""
    rename: Mapping[RelativePath, str] = Field(default_factory=dict)

    def remote(self, path: str) -> str:
        """Return where the repository keeps the model's file ``path``."""
        name = self.rename.get(path, path)
        return f"{self.folder}/{name}" if self.folder else name

    def __str__(self) -> str:
        return f"hub repository {self.repo}"


@dataclass(frozen=True, config=_STRICT)
class Piece:
    """A member of a wheel: a whole file, or one part of it."""

    distribution: str
    version: str
    member: RelativePath

    @property
    def wheel(self) -> str:
        """Return what pip calls the wheel."""
        return f"{self.distribution}=={self.version}"


@dataclass(frozen=True, config=_STRICT)
class WheelSource:
    """Wheels that carry the files as data."""

    kind: Literal["wheel"]
    distribution: str
    version: str
    members: Mapping[RelativePath, str | tuple[Piece, ...]]

    def pieces(self, path: str) -> tuple[Piece, ...]:
        """Return the parts of the model's file ``path``, in the order in which they are joined."""
        found = self.members[path]
        return (Piece(self.distribution, self.version, found),) if isinstance(found, str) else found

    def __str__(self) -> str:
        return f"wheel {self.distribution} {self.version}"


Source = Annotated[HubSource | WheelSource, Field(discriminator="kind")]


@dataclass(frozen=True, config=_STRICT)
class Model:
    """A model of the catalog."""

    name: Name
    kind: Kind
    licence: str
    languages: tuple[str, ...]
    about: str
    size: int = Field(ge=0)
    """Bytes of all files; an estimate where a file's own size is unknown."""
    files: tuple[ModelFile, ...] = Field(min_length=1)
    sources: tuple[Source, ...] = Field(min_length=1)
    """In the order in which they are tried."""

    @property
    def pinned(self) -> bool:
        """Return whether the catalog knows the hash of every file."""
        return all(file.sha256 for file in self.files)

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        paths = {file.path for file in self.files}
        if len(paths) < len(self.files):
            raise ValueError("files: a path stands there twice")
        sizes = [file.size for file in self.files]
        if None not in sizes and sum(filter(None, sizes)) != self.size:
            raise ValueError(f"size is {self.size}, but its files have {sum(filter(None, sizes))} bytes")
        if any(file.sha256 and file.size is None for file in self.files):
            raise ValueError("files: where a hash is known, so is the size")
        for source in self.sources:
            strange = set(source.rename) - paths if isinstance(source, HubSource) else paths ^ set(source.members)
            if strange:
                raise ValueError(f"{source}: does not fit the files: {', '.join(sorted(strange))}")
        return self


@dataclass(frozen=True, config=_STRICT)
class Catalog:
    """All models, by name."""

    schema: Literal[1]
    models: tuple[Model, ...]

    def __getitem__(self, name: str) -> Model:
        """Return a model. Raises ModelError for an unknown name, with the names that come close."""
        for model in self.models:
            if model.name == name:
                return model
        close = get_close_matches(name, self.names) or self.names
        raise ModelError("unknown-model", f"the catalog has no model {name!r}; did you mean: {', '.join(close)}?")

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[Model]:
        return iter(self.models)

    @property
    def names(self) -> tuple[str, ...]:
        """Return all names, in the catalog's order."""
        return tuple(model.name for model in self.models)

    @model_validator(mode="after")
    def _names_are_single(self) -> Self:
        double = [name for name, times in Counter(self.names).items() if times > 1]
        if double:
            raise ValueError(f"models: {double[0]} stands there twice")
        return self


_CATALOG = TypeAdapter(Catalog)


def parse(text: str, *, where: str = "catalog") -> Catalog:
    """Return the catalog written in ``text``.

    Raises ModelError that names every wrong key; ``where`` heads its message.
    """
    try:
        tree = tomllib.loads(text)
        return _CATALOG.validate_python(tree)
    except tomllib.TOMLDecodeError as error:
        raise ModelError("broken-catalog", f"{where}: not TOML: {error}") from error
    except ValidationError as error:
        lines = "".join(f"\n  {_place(tree, problem['loc'])}: {problem['msg']}" for problem in error.errors())
        raise ModelError("broken-catalog", f"{where}:{lines}") from error


def read(file: Path) -> Catalog:
    """Return the catalog in ``file``. Raises ModelError if it cannot be read or is wrong."""
    try:
        return parse(file.read_text(encoding="utf-8"), where=str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError("broken-catalog", f"{file}: {error}") from error


def _place(tree: Mapping[str, Any], loc: tuple[int | str, ...]) -> str:
    """Return where a problem stands, with the model's name in place of its number."""
    steps = list(loc)
    if len(steps) > 1 and steps[0] == "models" and isinstance(steps[1], int):
        entry = tree["models"][steps[1]]
        steps[1] = entry.get("name", steps[1]) if isinstance(entry, dict) else steps[1]
    return ".".join(map(str, steps)) or "catalog"
