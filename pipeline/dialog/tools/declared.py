"""Tools as an agent's file declares them, in ``[[tools]]``."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from pipeline.core.stages import ToolSpec
from pipeline.dialog.tools.schema import Schema

NAME = r"^[A-Za-z][A-Za-z0-9_]{0,63}$"
NEVER = "never"
"""In place of a question: run without asking the caller."""
DOUBT = "; it is not known whether it was done"
"""Said of what changes something and was not seen to the end."""
PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_OWN_HEADERS = {"accept", "accept-encoding", "connection", "content-length", "cookie", "host", "transfer-encoding"}

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


def _nothing() -> dict[str, Any]:
    return {"type": "object", "properties": {}}


class ToolWords(BaseModel):
    """What is said around a tool in one language; what is left out is said as in the agent's first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    filler: str | None = None
    confirm: str | None = Field(default=None, min_length=1)


class DeclaredTool(BaseModel):
    """One tool: an HTTP endpoint (``url``) or a Python function (``function``)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=NAME)]
    """As the model calls it."""
    description: Annotated[str, Field(min_length=1)]
    """What it does and when to use it, for the model."""
    parameters: dict[str, Any] = Field(default_factory=_nothing)
    """JSON Schema of its arguments, an object."""
    url: str = ""
    """Of an HTTP endpoint; ``{argument}`` in its path is replaced by that argument, percent-encoded."""
    method: Method | None = None
    """Left out: GET, or POST for a tool with ``idempotent = false``."""
    headers: dict[str, str] = {}
    """Sent along; ``${NAME}`` in a value is replaced by that variable of the server's environment."""
    send: Literal["query", "json"] | None = None
    """Where the arguments go that are not in the path. Left out: the query of GET and DELETE, else a JSON body."""
    function: str = ""
    """Name of an entry point of the group ``voicepipe.tools``."""
    timeout: float = Field(default=5.0, gt=0, le=60)
    """Seconds for all attempts together."""
    idempotent: bool | None = None
    """It may be run twice without harm: a request is made again when it fails. Left out: only if its method is GET."""
    confirm: str = ""
    """The question that the caller must say yes to before it is run, with ``{argument}`` for what it would be run with.
    What is not idempotent, and every PUT, PATCH and DELETE, must have one, or ``never``."""
    filler: str = ""
    """Said while it runs."""
    result_characters: int = Field(default=1000, ge=50, le=8000)
    """Of its result that the model is shown."""

    @property
    def spec(self) -> ToolSpec:
        """Return it as a model is told of it."""
        return ToolSpec(self.name, self.description, self.parameters)

    @property
    def verb(self) -> Method:
        """Return the method of its request."""
        return self.method or ("POST" if self.idempotent is False else "GET")

    @property
    def sends(self) -> Literal["query", "json"]:
        """Return where arguments go that are not in the path."""
        return self.send or ("query" if self.verb in {"GET", "DELETE"} else "json")

    @property
    def repeatable(self) -> bool:
        """Return whether it may be run again when it failed."""
        return bool(self.url) and self.verb == "GET" if self.idempotent is None else self.idempotent

    @property
    def changes(self) -> bool:
        """Return whether something may be different when it has run."""
        return not self.repeatable or (bool(self.url) and self.verb in {"PUT", "PATCH", "DELETE"})

    @property
    def question(self) -> str:
        """Return what is asked before it is run; empty for nothing."""
        return "" if self.confirm == NEVER else self.confirm

    def words(self) -> dict[str, str]:
        """Return what may be said, by its key; none is empty."""
        said = {"filler": self.filler, "confirm": self.question}
        return {key: phrase for key, phrase in said.items() if phrase}

    @property
    def doubt(self) -> str:
        """Return what is said of a run that broke off."""
        return DOUBT if self.changes else ""

    @field_validator("parameters")
    @classmethod
    def _is_a_schema(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        Schema(parameters)
        return parameters

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        parts = urlsplit(url)
        try:
            httpx.URL(PLACEHOLDER.sub("x", url))
            known = parts.port != 0 and parts.scheme in {"http", "https"} and parts.hostname and url.isascii()
        except httpx.InvalidURL:
            known = False
        if url and not known:
            raise ValueError("it must be an ASCII address that begins with http:// or https://")
        if "@" in parts.netloc or parts.fragment:
            raise ValueError("no user, password or fragment may stand in it; headers can hold a secret")
        if any(mark in part for part in (parts.netloc, parts.query) for mark in "{}"):
            raise ValueError("arguments may stand in its path only; the others are sent in the query or the body")
        return url

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        for name in headers:
            if not _HEADER.fullmatch(name) or name.lower() in _OWN_HEADERS:
                raise ValueError(f"{name[:64]!r} cannot be set")
        return headers

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if bool(self.url) == bool(self.function):
            raise ValueError(f"{self.name}: it has either a url or a function")
        if self.function and (self.method or self.headers or self.send):
            raise ValueError(f"{self.name}: method, headers and send belong to a url")
        if self.changes and not self.confirm:
            raise ValueError(
                f"{self.name}: confirm: it may change something, so it must have a question that the caller is asked "
                f'before it is run, or "{NEVER}"; a tool that only looks something up is idempotent = true'
            )
        if self.verb == "GET" and self.sends == "json":
            raise ValueError(f"{self.name}: send: GET has no body")
        in_path = PLACEHOLDER.findall(self.url)
        texts = {"url": self.url, "confirm": self.confirm}
        misplaced = next(filter(None, (_misplaced(key, text, self.parameters) for key, text in texts.items())), "")
        if misplaced:
            raise ValueError(f"{self.name}: {misplaced}")
        if len(in_path) != len(set(in_path)):
            raise ValueError(f"{self.name}: url: an argument stands in it twice")
        return self


def translated(tool: DeclaredTool, words: ToolWords) -> DeclaredTool:
    """Return a tool in the words of another language."""
    return tool.model_copy(update=words.model_dump(exclude_none=True))


def misfit(tool: DeclaredTool, words: ToolWords) -> str:
    """Return why the words of another language do not fit a tool; empty where they do."""
    if words.confirm is None:
        return ""
    if not tool.question:
        return "confirm: it asks nothing in the agent's first language"
    return _misplaced("confirm", words.confirm, tool.parameters)


def _misplaced(key: str, text: str, parameters: Mapping[str, Any]) -> str:
    """Return what is wrong with the placeholders of a text; empty where nothing is."""
    unknown = sorted(set(PLACEHOLDER.findall(text)) - set(parameters.get("required", ())))
    return f"{key}: {unknown[0]} is none of parameters.required" if unknown else ""
