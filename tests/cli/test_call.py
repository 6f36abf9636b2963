import json
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from pipeline.audio.wav import read_wav, write_wav
from pipeline.caller.live import CallOpened, Noticed, ReplyOver, ReplyWritten, Understood, UtteranceBegun
from pipeline.caller.report import NoticeReport, PromptReport, TurnReport
from pipeline.cli import app
from pipeline.cli.call import Screen
from pipeline.core.pcm import Pcm
from tests.caller.server import tone

RUN = CliRunner()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """HOST:PORT of a service."""
    command = [sys.executable, "-m", "tests.caller.answering"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()  # behind it its input closes, with which it ends


@pytest.fixture
def hello(tmp_path: Path) -> Path:
    path = tmp_path / "hello.wav"
    write_wav(path, Pcm(tone(0.1), 8000))
    return path


def test_json_prints_one_object_and_the_recording_has_both_sides(server: str, hello: Path, tmp_path: Path) -> None:
    record = tmp_path / "call.wav"
    result = RUN.invoke(app, ["call", "--audio", str(hello), "--server", server, "--json", "--record", str(record)])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["turns"][0]["transcript"] == "hello"
    assert report["turns"][0]["utterance"] == "hello.wav"
    assert report["ended"]["reason"] == "client"
    assert record.read_bytes()[22:24] == b"\x02\x00"
    assert read_wav(record).rate == 16_000


def test_without_json_a_person_reads_along(server: str, hello: Path) -> None:
    result = RUN.invoke(app, ["call", "--audio", str(hello), "--server", server])
    assert result.exit_code == 0, result.output
    for part in ("saying hello.wav", "hello", "Good day.", "completed", "response_gap", "gap as heard"):
        assert part in result.output


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "give --audio FILE or --say TEXT"),
        (["--audio", "{hello}", "--rate", "7999"], 2, "--rate is one of 8000, 16000, 24000, 48000"),
        (["--audio", "missing.wav"], 1, "missing.wav: No such file or directory"),
        (
            ["--audio", "{hello}", "--server", "127.0.0.1:1"],
            1,
            "no server answers at 127.0.0.1:1\nfix: voicepipe serve",
        ),
        (["--audio", "{hello}", "--server", "nowhere"], 1, "--server nowhere: give HOST:PORT"),
        (["--audio", "{hello}", "--record", "/no/such/folder/call.wav"], 1, "/no/such/folder: no such folder"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(arguments: list[str], code: int, message: str, hello: Path) -> None:
    result = RUN.invoke(
        app, ["call", *(argument.format(hello=hello) for argument in arguments)], env={"TERM": "dumb", "COLUMNS": "200"}
    )
    assert result.exit_code == code
    assert message in result.output
    assert "Traceback" not in result.output


def drawn(*events: object) -> str:
    out = StringIO()
    screen = Screen(Console(file=out, width=100))
    for event in events:
        screen.draw(event)  # type: ignore[arg-type]
    return out.getvalue()


def turn(**fields: object) -> TurnReport:
    usual: dict[str, object] = {
        "turn": 1, "utterance": "a.wav", "transcript": "hello", "language": "en", "reply": "Good day to you.",
        "heard": "Good day to you.", "heard_ms": 1200, "status": "completed", "gap_ms": 512.3, "filler_ms": None,
        "stalled_ms": 0.0, "spans": {"endpointing": 300.0, "recognition": 100.0, "response_gap": 400.0},
    }  # fmt: skip
    return TurnReport(**{**usual, **fields})  # type: ignore[arg-type]


def test_a_reply_grows_on_its_line_and_its_spans_stand_under_it() -> None:
    text = drawn(
        CallOpened(call_id="c1", agent="shop"),
        UtteranceBegun(name="a.wav"),
        Understood(turn=1, text="hello", language="en"),
        ReplyWritten(reply=1, text="Good day"),
        ReplyWritten(reply=1, text=" to you."),
        ReplyOver(reply=1, report=turn()),
    )
    assert "call c1, agent shop\nsaying a.wav\n" in text
    assert "service Good day to you.\n" in text
    lines = [line.rstrip() for line in text.splitlines()]
    assert any(line.strip().startswith("endpointing") and line.endswith("300 ms    " + "━" * 30) for line in lines)
    assert any("gap as heard" in line and "512 ms" in line for line in lines)


def test_text_of_the_call_is_never_taken_for_markup() -> None:
    text = drawn(
        Understood(turn=1, text="[bold]x[/bold] [/]", language="en"),
        ReplyWritten(reply=1, text="[red]y[/]"),
        Noticed(notice=NoticeReport(code="INTERNAL", reason="X", message="[/] z", retryable=False)),
    )
    assert "[bold]x[/bold] [/]" in text
    assert "[red]y[/]" in text
    assert "notice INTERNAL: [/] z" in text


def test_what_was_not_heard_is_said() -> None:
    text = drawn(ReplyOver(reply=1, report=turn(heard="Good", status="barge_in", gap_ms=None)))
    assert "heard only: Good" in text
    assert "barge_in" in text
    assert "gap as heard" not in text
    prompt = PromptReport(text="Welcome.", heard="", heard_ms=0, status="barge_in")
    assert "heard only: (nothing)" in drawn(ReplyOver(reply=1, report=prompt))
