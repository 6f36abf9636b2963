"""Tools as an agent's file declares them, in ``[[tools]]``."""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.core.stages import ToolSpec

NAME = r"^[A-Za-z][A-Za-z0-9_]{0,63}$"
NEVER = "never"
"""In place of a question: run without asking the caller."""
PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


def _nothing() -> dict[str, Any]:
    return {"type": "object", "properties": {}}


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
    """Where the arguments go that are not in the path. Left out: in the query of GET and DELETE, else in a JSON body."""
    function: str = ""
    """Name of an entry point of the group ``voicepipe.tools``."""
    timeout: float = Field(default=5.0, gt=0, le=60)
    """Seconds for all attempts together."""
    idempotent: bool | None = None
    """It may be run twice without harm, so it is tried again when its system fails. Left out: only if its method is GET."""
    confirm: str = ""
    """The question that the caller must say yes to before it is run, with ``{argument}`` for what it would be run with.
    A tool that changes something must have one, or ``never``."""
    filler: str = ""
    """Said while it runs."""
    result_characters: int = Field(default=1000, ge=50, le=8000)
    """Of its result that the model is shown."""

    @property
    def spec(self) -> ToolSpec:
        """Return it as a model is told of it."""
        return ToolSpec(self.name, self.description, self.parameters)
