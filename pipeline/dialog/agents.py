"""Agents: who answers. Each is one TOML file; its name without the suffix is the agent's id."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipeline.configuration import complaints
from pipeline.core.stages import ChatOptions
from pipeline.dialog.asking import asking_for
from pipeline.dialog.cache import Caching
from pipeline.dialog.control import KNOWN_ANNOUNCEMENTS, Announcements, Control
from pipeline.dialog.lookup import Documents
from pipeline.dialog.privacy import Privacy
from pipeline.dialog.routing import Routing
from pipeline.dialog.state import MOST, Slot, SlotName
from pipeline.dialog.tools.declared import DeclaredTool, ToolWords, misfit, translated
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
    looking: str = "Let me have a look at your picture."
    """Said when the caller asks and a picture is still being looked at."""
    goodbye: str = "I cannot hear you, so I will hang up now. Goodbye."
    time_up: str = "Our time is up, I have to end the call now. Goodbye."

    def all(self) -> tuple[str, ...]:
        """Return all of them, none empty."""
        single = (self.no_input, self.no_match, self.failure, self.person, self.goodbye, self.time_up)
        return tuple(phrase for phrase in (*single, *self.fillers) if phrase)


class OtherPhrases(Phrases):
    """The phrases of a language that there are none for here: what must be said now and then has to be given."""

    no_input: str
    no_match: str
    failure: str
    fillers: tuple[str, ...] = ()
    looking: str = ""
    goodbye: str
    time_up: str


KNOWN_PHRASES: Mapping[str, Phrases] = MappingProxyType(
    {
        "en": Phrases(),
        "zh": Phrases(
            no_input="您好，还在听吗？",
            no_match="抱歉，我没有听清楚，请您再说一遍。",
            failure="抱歉，这个问题我现在回答不了，请您稍后再试。",
            fillers=("请稍等。", "我还在为您查询。"),
            looking="我看一下您发来的图片。",
            goodbye="听不到您的声音，我先挂断了，再见。",
            time_up="通话时间到了，我要挂断了，再见。",
        ),
    }
)
"""What is said where an agent's file leaves a phrase out, by language."""


class OtherLanguage(BaseModel):
    """How an agent speaks another language than its first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    greeting: str = ""
    """Said when a call begins in this language; empty lets the caller speak first."""
    voice: str = ""
    """Catalog name, or ``none`` for captions only; empty takes the one that the settings name for the language."""
    instruction: str = ""
    """What the model is told behind each question in this language; empty tells it to answer in it."""
    phrases: OtherPhrases
    control: Announcements = Announcements()
    """What is said of transfers and at the end."""
    tools: dict[str, ToolWords] = Field(default_factory=dict)
    """What is said around tools, by their names."""


@dataclass(frozen=True, slots=True)
class Idiom:
    """How an agent speaks one of its languages."""

    language: str
    greeting: str
    voice: str
    """As in the agent's file."""
    instruction: str
    phrases: Phrases


class Writing(BaseModel):
    """How the agent's answers are written; what is left out is as in the settings of ``dialog``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    num_predict: int | None = Field(default=None, ge=1)
    """Most tokens of one reply."""
    num_ctx: int | None = Field(default=None, ge=512)
    """Context in tokens. Ollama loads the model anew when the next request has another; llama.cpp has the settings'."""
    stop: tuple[str, ...] = ()
    """Texts at which the model stops writing."""

    def options(self) -> ChatOptions:
        """Return it as a model takes it."""
        return ChatOptions(
            temperature=self.temperature,
            top_p=self.top_p,
            num_predict=self.num_predict,
            num_ctx=self.num_ctx,
            stop=self.stop,
        )


Tag = Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]


class AgentFile(BaseModel):
    """What the file of an agent may say."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    description: str = ""
    tenant: str = Field(default="default", pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    """Whose calls these are: the settings may say for how long a tenant's calls are kept."""
    language: Tag = "en"
    """BCP 47 primary tag of what callers speak first, and of the persona."""
    languages: dict[Tag, OtherLanguage] = Field(default_factory=dict)
    """Other languages that callers may speak: the agent follows them."""
    voice: str = ""
    """Catalog name, or ``none`` for captions only; empty takes the one that the settings name for the language."""
    greeting: str = ""
    """Said when the call begins; empty lets the caller speak first."""
    persona: str
    """The agent's part of the prompt: who it is and all that it knows."""
    phrases: Phrases = Phrases()
    writing: Writing = Writing()
    privacy: Privacy = Privacy()
    knowledge: Documents = Documents()
    cache: Caching = Caching()
    tools: tuple[DeclaredTool, ...] = ()
    """What it may ask business systems."""
    control: Control = Control()
    slots: dict[SlotName, Slot] = Field(default={}, max_length=MOST)
    """What is kept of the caller's words for the call, by name."""
    parameters: tuple[str, ...] = ()
    """Which of the parameters that a client gives at the start of a call the model is shown."""
    model: Routing = Routing()

    @model_validator(mode="before")
    @classmethod
    def _with_known_phrases(cls, given: Any) -> Any:
        """Fill in the phrases that are left out, where there are some in the language."""
        others = given.get("languages") if isinstance(given, dict) else None
        if not isinstance(given, dict) or not isinstance(others, dict | None):
            return given
        filled = {**given, **_filled(given, given.get("language"))}
        if others:
            filled["languages"] = {tag: _filled(other, tag) for tag, other in others.items()}
        return filled

    @model_validator(mode="after")
    def _each_language_once(self) -> Self:
        """Refuse the first language among the others."""
        if self.language in self.languages:
            raise ValueError(f"languages.{self.language}: is the agent's first language, so say it above")
        return self

    @model_validator(mode="after")
    def _only_its_own_tools(self) -> Self:
        """Refuse words for tools that there are none of, and questions that do not fit theirs."""
        known = {tool.name: tool for tool in self.tools}
        for tag, other in self.languages.items():
            for name, words in other.tools.items():
                missing = f"there is no such tool; there are: {', '.join(known) or 'none'}"
                complaint = misfit(known[name], words) if name in known else missing
                if complaint:
                    raise ValueError(f"languages.{tag}.tools.{name}: {complaint}")
        return self

    @field_validator("tools")
    @classmethod
    def _have_names_of_their_own(cls, tools: tuple[DeclaredTool, ...]) -> tuple[DeclaredTool, ...]:
        names = [tool.name for tool in tools]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"there are two of the name {name}")
        return tools


class Agent(AgentFile):
    """One agent."""

    id: str

    @property
    def idioms(self) -> dict[str, Idiom]:
        """Return how it speaks each of its languages, by tag, the first language first.

        An instruction is for answers in another language than the persona's, and for those after one.
        """
        first = Idiom(self.language, self.greeting, self.voice, asking_for(self.language), self.phrases)
        others = (
            Idiom(tag, other.greeting, other.voice, other.instruction or asking_for(tag), other.phrases)
            for tag, other in self.languages.items()
        )
        return {idiom.language: idiom for idiom in (first, *others)}

    @property
    def translations(self) -> dict[str, tuple[DeclaredTool, ...]]:
        """Return its tools in the words of its other languages, by tag."""
        return {tag: self.tools_in(tag) for tag in self.languages}

    def tools_in(self, language: str) -> tuple[DeclaredTool, ...]:
        """Return its tools in the words of a language."""
        other = self.languages.get(language)
        if other is None:
            return self.tools
        return tuple(translated(tool, other.tools.get(tool.name, ToolWords())) for tool in self.tools)

    def control_in(self, language: str) -> Control:
        """Return what it may have done with a call, in the words of a language."""
        other = self.languages.get(language)
        return self.control if other is None else self.control.announced(other.control)

    def spoken_in(self, language: str) -> Self:
        """Return it with the greeting and the phrases of one of its languages."""
        idiom = self.idioms[language]
        return self.model_copy(update={"greeting": idiom.greeting, "phrases": idiom.phrases})


def load(folder: Path) -> dict[str, Agent]:
    """Return all agents of a folder by id. Raises SettingsError naming the file and the key that is wrong."""
    if not folder.is_dir():
        raise SettingsError("no-agents", f"agents: the folder {folder} does not exist")
    found = [_read(file) for file in sorted(folder.glob("*.toml"))]
    if not found:
        raise SettingsError("no-agents", f"agents: no .toml file in {folder}")
    return {agent.id: agent for agent in found}


def _filled(given: Any, language: object) -> Any:
    """Return an agent's file, or a language of one, with what is known in the language where it leaves it out."""
    if not (isinstance(given, dict) and isinstance(language, str) and language in KNOWN_PHRASES):
        return given
    known = {"phrases": KNOWN_PHRASES[language].model_dump(), "control": KNOWN_ANNOUNCEMENTS[language].model_dump()}
    found = {key: given.get(key, {}) for key in known}
    return given | {key: known[key] | said if isinstance(said, dict) else said for key, said in found.items()}


def _read(file: Path) -> Agent:
    if not AGENT_ID.fullmatch(file.stem):
        raise SettingsError("wrong-agent", f"{file}: an agent's id has lower-case letters, digits, '-' and '_' only")
    try:
        return Agent(id=file.stem, **dict(AgentFile(**tomllib.loads(file.read_text(encoding="utf-8")))))
    except ValidationError as error:
        raise SettingsError("wrong-agent", f"{file}: {'; '.join(complaints(error, AgentFile))}") from error
    except (OSError, ValueError) as error:
        raise SettingsError("wrong-agent", f"{file}: {error}") from error
