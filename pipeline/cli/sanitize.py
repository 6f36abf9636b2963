"""``voicepipe sanitize``: what becomes of a model's text before it is spoken."""

import json
import sys
from typing import Annotated, Any

import typer

from pipeline.cli.screen import AsJson, Config, Profile, opened, told
from pipeline.dialog import agents
from pipeline.dialog.redact import Redactor
from pipeline.dialog.sanitize import Sanitizer
from pipeline.settings import SettingsError
from pipeline.speaking.spoken_form import spoken

Agent = Annotated[str, typer.Option(help="Whose rules hold; the settings' agent without one.")]


def sanitize(*, agent: Agent = "", profile: Profile = "", config: Config = None, as_json: AsJson = False) -> None:
    """Read a text from standard input as if a model had written it; print how it is shown and how it is said."""
    with told():
        settings, _ = opened(profile, config)
        found = agents.load(settings.agents)
        name = agent or settings.agent
        if name not in found:
            raise SettingsError("unknown-agent", f"no agent {name!r}; there are: {', '.join(found)}")
        made = filtered(sys.stdin.read(), found[name])
    if as_json:
        typer.echo(json.dumps(made, ensure_ascii=False, indent=2))
        return
    for heading in ("written", "redacted", "spoken"):
        typer.echo(f"{heading}: {made[heading]}")
    for finding in made["found"]:
        typer.echo(f"found: {finding['kind']} at {finding['start']}: {finding['text']!r}")


def filtered(text: str, agent: agents.Agent) -> dict[str, Any]:
    """Return the text without what cannot be spoken, what of it may be said, how that is said, and what was found."""
    sanitizer = Sanitizer()
    written = sanitizer.feed(text)
    written += "" if sanitizer.over else sanitizer.flush()
    redactor: Redactor = agent.privacy.redactor(agent.persona)(frozenset())
    redacted = redactor.feed(written) + redactor.flush()
    return {
        "written": written,
        "redacted": redacted,
        "spoken": spoken(redacted, agent.language),
        "found": [
            {
                "kind": finding.kind.value,
                "start": finding.start,
                "end": finding.end,
                "in_words": finding.spoken,
                "text": written[finding.start : finding.end],
            }
            for finding in redactor.findings
        ],
    }
