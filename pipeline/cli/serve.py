"""``voicepipe serve``: run the service."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from pipeline.cli.screen import Config, Profile, opened, told
from pipeline.entrances.webrtc.ports import PortLoop
from pipeline.observe import configure_logging, logger
from pipeline.serve import Listening
from pipeline.serve import serve as run

Address = Annotated[str, typer.Option(help="HOST:PORT, in place of the settings'; port 0 takes a free one.")]

File = Annotated[Path | None, typer.Option(help="The file of records, in place of the settings'.")]


def serve(
    *,
    profile: Profile = "",
    config: Config = None,
    grpc: Address = "",
    http: Address = "",
    web: Address = "",
    records: File = None,
) -> None:
    """Take calls until SIGTERM or ctrl-C.

    Standard output gets two lines that scripts can wait for: ``listening grpc=HOST:PORT http=HOST:PORT`` as soon as the
    ports are open, with ``web=HOST:PORT`` where browsers can call, and ``ready`` once the models are warm. Logs go to
    standard error.
    """
    addresses = {name: address for name, address in (("grpc", grpc), ("http", http), ("web", web)) if address}
    with told():
        settings, store = opened(profile, config, server=addresses, records={"file": records} if records else {})
        configure_logging(level=settings.log.level, style=settings.log.format, pii=settings.log.pii)
        logger("serve").info("settings", **settings.public())
        service = run(settings, store, os.environ, announce=_announce)  # noqa: TID251
        uvloop.run(service, loop_factory=lambda: PortLoop(settings.rtc.port_range))


def _announce(state: Listening | None) -> None:
    if state is None:
        line = "ready"
    else:
        line = f"listening grpc={state.grpc} http={state.http}" + (f" web={state.web}" if state.web else "")
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
