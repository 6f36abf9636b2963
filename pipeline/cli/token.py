"""``voicepipe token``: let a browser call, where the browsers' entrance asks for tokens."""

from typing import Annotated

import typer

from pipeline.cli.screen import Config, Profile, opened, told
from pipeline.core.clock import Calendar
from pipeline.settings import SettingsError


def token(
    *,
    agent: Annotated[str, typer.Option(help="The one agent that may be called; empty for all.")] = "",
    origin: Annotated[str, typer.Option(help="The one origin of pages, such as https://shop.example.com.")] = "",
    seconds: Annotated[
        float | None, typer.Option(min=1, max=7200, help="Until its call must have begun; default: 60.")
    ] = None,
    profile: Profile = "",
    config: Config = None,
) -> None:
    """Print a token that opens one call from a browser, signed with ``rtc.token_key``."""
    from pipeline.entrances.webrtc.permits import SECONDS, mint  # jwt takes 0.1 s to import, of every command

    with told():
        key = opened(profile, config)[0].rtc.token_key.get_secret_value()
        if not key:
            raise SettingsError("no-key", "rtc.token_key is empty: browsers call without a token")
        made, _ = mint(key, now=Calendar().now(), seconds=seconds or SECONDS, agent=agent, origin=origin)
    typer.echo(made)
