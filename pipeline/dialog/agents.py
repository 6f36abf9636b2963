"""Agents: who answers. Each is one TOML file; its name without the suffix is the agent's id."""

import re
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.configuration import complaints
from pipeline.core.stages import ChatOptions
from pipeline.dialog.lookup import Documents
from pipeline.dialog.privacy import Privacy
from pipeline.settings import SettingsError

AGENT_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class Phrases(BaseModel):
    """What is said without asking the model; an empty phrase is not said."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    no_input: str = "Are you still there?"
    no_match: str = "Sorry, I did not understand that. Could you say it again?"
    failure: str = "I am sorry, I cannot answer that just now. Please try again in a moment."
    person: str = ""
    """Said in place of ``failure`` when it has failed before: the offer of a person."""
    fillers: tuple[str, ...] = ("One moment, please.", "I am still looking that up for you.")
    """Said one after the other while an answer takes long."""
    goodbye: str = "I cannot hear you, so I will hang up now. Goodbye."
    time_up: str = "Our time is up, I have to end the call now. Goodbye."

    def all(self) -> tuple[str, ...]:
        """Return all of them, none empty."""
        single = (self.no_input, self.no_match, self.failure, self.person, self.goodbye, self.time_up)
        return tuple(phrase for phrase in (*single, *self.fillers) if phrase)


class Writing(BaseModel):
    """How the agent's answers are written; what is left out is as in the settings of ``dialog``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    num_predict: int | None = Field(default=None, ge=1)
    """Most tokens of one reply."""
    stop: tuple[str, ...] = ()
    """Texts at which the model stops writing."""

    def options(self) -> ChatOptions:
        """Return it as a model takes it."""
        return ChatOptions(temperature=self.temperature, top_p=self.top_p, num_predict=self.num_predict, stop=self.stop)


class AgentFile(BaseModel):
    """What the file of an agent may say."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    description: str = ""
    tenant: str = Field(default="default", pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    """Whose calls these are: the settings may say for how long a tenant's calls are kept."""
    language: str = Field(default="en", pattern=r"^[a-z]{2,3}$")
    """BCP 47 primary tag of what callers speak; recognition is told so."""
    greeting: str = ""
    """Said when the call begins; empty lets the caller speak first."""
    persona: str
    """The agent's part of the prompt: who it is and all that it knows."""
    phrases: Phrases = Phrases()
    writing: Writing = Writing()
    privacy: Privacy = Privacy()
    knowledge: Documents = Documents()


class Agent(AgentFile):
    """One agent."""

    id: str


def load(folder: Path) -> dict[str, Agent]:
    """Return all agents of a folder by id. Raises SettingsError naming the file and the key that is wrong."""
    if not folder.is_dir():
        raise SettingsError("no-agents", f"agents: the folder {folder} does not exist")
    found = [_read(file) for file in sorted(folder.glob("*.toml"))]
    if not found:
        raise SettingsError("no-agents", f"agents: no .toml file in {folder}")
    return {agent.id: agent for agent in found}


def _read(file: Path) -> Agent:
    if not AGENT_ID.fullmatch(file.stem):
        raise SettingsError("wrong-agent", f"{file}: an agent's id has lower-case letters, digits, '-' and '_' only")
    try:
        return Agent(id=file.stem, **dict(AgentFile(**tomllib.loads(file.read_text(encoding="utf-8")))))
    except ValidationError as error:
        raise SettingsError("wrong-agent", f"{file}: {'; '.join(complaints(error, AgentFile))}") from error
    except (OSError, ValueError) as error:
        raise SettingsError("wrong-agent", f"{file}: {error}") from error
