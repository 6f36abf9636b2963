"""Servable: in which languages and with which voices an agent can be served by what is installed here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipeline.dialog.agents import Agent
from pipeline.models.store import Store
from pipeline.settings import Settings, SettingsError
from pipeline.speaking.mute import NONE

Warn = Callable[[str, str], None]
"""Is told what cannot be served, and what mends it."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is installed."""

    languages: frozenset[str]
    """What the recognizer knows, as BCP 47 primary tags."""
    settings: Settings
    store: Store

    def served(self, agents: Mapping[str, Agent], warn: Warn) -> dict[str, Agent]:
        """Return the agents that can be served, with their voices filled in and without languages that cannot be.

        A voice called ``none`` means captions only. Raises SettingsError where the agent that answers by default is not
        understood, and for a voice that the catalog has not; ModelError where the usual voice is missing.
        """
        found = {}
        for agent in agents.values():
            language = self.settings.recognition.language or agent.language
            if language in self.languages:
                found[agent.id] = self._fitted(agent, warn)
                continue
            name = self.store.first_present(self.settings.recognition.models)
            problem, fix = f"agent {agent.id}: {name} does not know {language!r}", "recognition.models names others"
            if agent.id == self.settings.agent:
                raise SettingsError("unknown-language", f"{problem}; {fix}")
            warn(f"{problem}, it is left out", fix)
        return found

    def _fitted(self, agent: Agent, warn: Warn) -> Agent:
        """Return an agent that is understood with its voices and only the languages that it can speak."""
        voice = self._voice(agent, agent.language, agent.voice, "voice")
        if not voice:
            what = f"agent {agent.id}: no voice for {agent.language!r} is installed, its callers get captions only"
            warn(what, self._fix(agent.language, agent.voice))
        others = {}
        for tag, other in agent.languages.items():
            if tag not in self.languages:
                name = self.store.first_present(self.settings.recognition.models)
                warn(
                    f"agent {agent.id}: {name} does not know {tag!r}, it is left out", "recognition.models names others"
                )
            elif spoken := self._voice(agent, tag, other.voice, f"languages.{tag}.voice"):
                others[tag] = other.model_copy(update={"voice": spoken})
            else:
                what = f"agent {agent.id}: no voice for {tag!r} is installed, the language is left out"
                warn(what, self._fix(tag, other.voice))
        return agent.model_copy(update={"voice": voice or NONE, "languages": others})

    def _voice(self, agent: Agent, language: str, wanted: str, key: str) -> str:
        """Return the voice for a language: the one that is wanted or set, or the usual one; empty where it is missing.

        Raises SettingsError, naming ``key``, for one that is not in the catalog.
        """
        name = self._name(language, wanted)
        if name in {"", NONE}:
            return name
        where = f"agent {agent.id}: {key}" if wanted else f"speaking.voices.{language}"
        if name not in self.store.catalog or self.store.catalog[name].kind != "tts":
            raise SettingsError("unknown-voice", f"{where}: {name!r} is no voice of the catalog")
        usual = name == self.settings.speaking.voice
        return name if usual or self.store.present(name) else ""

    def voices(self, agent: Agent) -> dict[str, str]:
        """Return the voice that is to speak each of an agent's languages, by tag; empty where none is named for it."""
        return {idiom.language: self._name(idiom.language, idiom.voice) for idiom in agent.idioms.values()}

    def _name(self, language: str, wanted: str) -> str:
        speaking = self.settings.speaking
        name = wanted or speaking.voices.get(language, "")
        if name or speaking.voice not in self.store.catalog:
            return name or speaking.voice
        able = {tag.partition("-")[0].lower() for tag in self.store.catalog[speaking.voice].languages}
        return speaking.voice if able & {language, "multilingual"} else ""

    def _fix(self, language: str, wanted: str) -> str:
        name = self._name(language, wanted)
        return f"voicepipe models pull {name}" if name else f"name a voice: speaking.voices.{language}"
