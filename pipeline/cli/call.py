"""``voicepipe call``: place a real call, and say what it was like."""

import json
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import anyio
import typer
import uvloop
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.audio.wav import read_wav, write_wav
from pipeline.caller.errors import CallError
from pipeline.caller.line import Tell
from pipeline.caller.live import (
    CallGoesOn,
    CallOpened,
    LiveEvent,
    Noticed,
    ReplyOver,
    ReplyWritten,
    Understood,
    UtteranceBegun,
)
from pipeline.caller.place import place_call
from pipeline.caller.plan import CallPlan, Encoding, Utterance
from pipeline.caller.report import CallReport, TurnReport
from pipeline.cli.screen import AsJson, Config, opened, told, ungrouped
from pipeline.core.latency import SEGMENTS, SPANS
from pipeline.core.pcm import Pcm, joined
from pipeline.models.store import Store
from pipeline.settings import Settings

RATES = (8000, 16_000, 24_000, 48_000)
BAR = 40
"""Characters of the bar of a whole response gap."""


def call(  # noqa: PLR0913  a command's options are its arguments
    *,
    audio: Annotated[list[Path] | None, typer.Option(help="A WAV file to say; may be repeated.")] = None,
    say: Annotated[
        list[str] | None, typer.Option(help="A text to say with the local voice, after the files; may be repeated.")
    ] = None,
    server: Annotated[str, typer.Option(help="HOST:PORT.")] = "127.0.0.1:50051",
    agent: Annotated[str, typer.Option(help="Who shall answer; default: the server's choice.")] = "",
    record: Annotated[
        Path | None, typer.Option(help="A WAV file for what was heard: caller left, service right.")
    ] = None,
    encoding: Annotated[Encoding, typer.Option(help="How samples are written on the wire.")] = Encoding.LINEAR16,
    rate: Annotated[int, typer.Option(help="Samples per second: 8000, 16000, 24000 or 48000.")] = 16_000,
    call_id: Annotated[str, typer.Option("--id", help="The call's id; default: the server's choice.")] = "",
    talk_over: Annotated[
        float | None,
        typer.Option(
            help="Speak after so many seconds of a reply, instead of hearing it out.", min=0, metavar="SECONDS"
        ),
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Call a server, say files and texts, each when the reply to the last was heard, and show what came back."""
    if not audio and not say:
        raise typer.BadParameter("give --audio FILE or --say TEXT")
    if rate not in RATES:
        raise typer.BadParameter(f"--rate is one of {', '.join(map(str, RATES))}")
    with told():
        _check(server, record)
        utterances = [Utterance(path.name, read_wav(path)) for path in audio or ()]
        if say:
            utterances += spoken(say, *opened("", config))
        plan = CallPlan(
            utterances=tuple(utterances),
            server=server,
            agent=agent,
            call_id=call_id,
            encoding=encoding,
            rate=rate,
            talk_over=talk_over,
        )
        report = placed(plan, record=record, screen=None if as_json else Screen(Console()))
        if as_json:
            typer.echo(json.dumps(report.to_json(), indent=2, ensure_ascii=False))


def spoken(texts: Sequence[str], settings: Settings, store: Store) -> list[Utterance]:
    """Return texts spoken by the settings' voice. Raises ModelError when it is not here."""
    from pipeline.speaking.piper import Piper

    voice = Piper.load(store.path(settings.speaking.voice), settings.speaking)

    async def sound(text: str) -> Pcm:
        return joined([piece.pcm async for piece in voice.speak(text)])

    return [Utterance(text, anyio.run(sound, text)) for text in texts]


def placed(plan: CallPlan, *, record: Path | None = None, screen: "Screen | None" = None) -> CallReport:
    """Place a call, draw it on ``screen`` and write what was heard to ``record``, even when it breaks off.

    Raises KeyboardInterrupt once a call has ended because the caller pressed ctrl-C.
    """
    report: CallReport | None = None
    try:
        report, stopped = uvloop.run(_stoppable(plan, screen.draw if screen else lambda _: None))
    except CallError as error:
        report = error.report
        raise
    finally:
        if record is not None and report is not None:
            _write(record, report)
            if screen is not None:
                screen.note(f"recorded: {record}")
    if stopped:
        raise KeyboardInterrupt
    return report


async def _stoppable(plan: CallPlan, tell: Tell) -> tuple[CallReport, bool]:
    """Place a call that SIGINT and SIGTERM end, so that no call waits for a client that will not come back.

    Return also whether they did. Raises CallError, too when there is a second signal before the call has ended.
    """
    stop = anyio.Event()

    async def watch() -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                if stop.is_set():
                    raise CallError("stopped", "stopped before the server had ended the call")
                stop.set()

    with ungrouped():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch)
            report = await place_call(plan, tell=tell, stop=stop)
            tasks.cancel_scope.cancel()
    return report, stop.is_set()


def _check(server: str, record: Path | None) -> None:
    """Find out before the call what would fail after it. Raises CallError."""
    host, _, port = server.rpartition(":")
    if not host or not port.isdecimal():
        raise CallError("server", f"--server {server}: give HOST:PORT", fix="voicepipe call --server 127.0.0.1:50051 …")
    if record is not None and not record.parent.is_dir():
        raise CallError("record", f"--record {record.parent}: no such folder", fix=f"mkdir -p {record.parent}")


def _write(record: Path, report: CallReport) -> None:
    try:
        write_wav(record, report.recording.caller, report.recording.service)
    except OSError as error:
        raise CallError("record", f"{record}: {error.strerror}", fix="choose another file for --record") from error


class Screen:
    """Draws a call while it goes on."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._writing: int | None = None

    def draw(self, event: LiveEvent) -> None:
        """Draw what happened."""
        match event:
            case CallOpened():
                self._line(f"[dim]call {escape(event.call_id)}, agent {escape(event.agent)}[/]")
            case CallGoesOn():
                self._line("[dim]the connection broke; the call goes on[/]")
            case UtteranceBegun():
                self._line(f"[dim]saying {escape(event.name)}[/]")
            case Understood():
                self._line(f"[bold cyan]caller [/] {escape(event.text) or '[dim](nothing understood)[/]'}")
            case ReplyWritten():
                self._write(event)
            case ReplyOver():
                self._over(event)
            case Noticed():
                self._line(f"[yellow]notice[/] {event.notice.code}: {escape(event.notice.message)}")

    def note(self, text: str) -> None:
        """Write a line of our own."""
        self._line(escape(text))

    def _line(self, markup: str) -> None:
        if self._writing is not None:
            self._console.print()
            self._writing = None
        self._console.print(markup, highlight=False)

    def _write(self, written: ReplyWritten) -> None:
        if self._writing != written.reply:
            if self._writing is not None:
                self._console.print()
            self._console.print("[bold green]service[/] ", end="", highlight=False)
            self._writing = written.reply
        self._console.print(written.text, end="", markup=False, highlight=False, soft_wrap=True)

    def _over(self, over: ReplyOver) -> None:
        report = over.report
        if report.heard != (report.reply if isinstance(report, TurnReport) else report.text):
            self._line(f"[dim]heard only: {escape(report.heard) or '(nothing)'}[/]")
        if isinstance(report, TurnReport):
            self._line(f"[dim]{report.status}, {report.heard_ms / 1000:.1f} s heard[/]")
            self._console.print(spans_table(report))


def spans_table(report: TurnReport) -> Table:
    """Return where one turn's time went: milliseconds, and a bar that begins where the span before it ended."""
    known = [name for name in SPANS if name in report.spans]
    whole = sum(report.spans[name] for name in known if name in SEGMENTS) or 1.0
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2))
    table.add_column(justify="right", style="dim")
    table.add_column(justify="right")
    table.add_column(style="green")
    passed = 0.0
    for name in known:
        bar = ""
        if name in SEGMENTS:
            begin, passed = passed, passed + report.spans[name]
            bar = " " * round(begin / whole * BAR) + "━" * (round(passed / whole * BAR) - round(begin / whole * BAR))
        table.add_row(name, f"{report.spans[name]:.0f} ms", bar)
    if report.filler_ms is not None:
        table.add_row("filler as heard", f"{report.filler_ms:.0f} ms", "")
    if report.stalled_ms:
        table.add_row("stalled", f"{report.stalled_ms:.0f} ms", "")
    if report.gap_ms is not None:
        table.add_row("gap as heard", f"[bold]{report.gap_ms:.0f} ms[/]", "")
    return table
