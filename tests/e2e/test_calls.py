"""Real calls: the real client, real sockets, the service in a process of its own, all models real."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from pipeline.audio.level import first_audible, last_audible
from pipeline.audio.resample import resampled
from pipeline.audio.wav import read_wav
from pipeline.caller.place import place_call
from pipeline.caller.plan import CallPlan, Encoding, Utterance
from pipeline.cli.service import Service
from pipeline.core.pcm import Pcm, joined, silence
from pipeline.hearing.whisper import Whisper
from pipeline.settings import Recognition, Resume
from tests.caller.test_place import TURN_FIELDS
from tests.e2e.service import metrics, threads
from tests.engine.words import word_errors
from tests.recordings import Prompt, prompts

pytestmark = [pytest.mark.e2e, pytest.mark.anyio, pytest.mark.timeout(300)]

SPOKEN = (
    "agent-newlocation",
    "all-circuits-busy-now",
    "tt-weasels",
    "conf-extended",
    "conf-onlyperson",
    "cannot-complete-as-dialed",
)


def spoken(*names: str) -> tuple[Utterance, ...]:
    return tuple(Utterance(prompt.text, read_wav(prompt.path)) for prompt in map(prompt_called, names))


def prompt_called(name: str) -> Prompt:
    return next(prompt for prompt in prompts() if prompt.name == name)


@pytest.fixture(scope="session")
def base(model_path: Callable[[str], Path]) -> Whisper:
    return Whisper.load(model_path("whisper-base"), Recognition())


async def test_every_turn_of_a_human_caller_is_understood_and_answered(service: Service) -> None:
    utterances = spoken("conf-full", "conf-invalidpin", "conf-onlyperson")
    report = await place_call(CallPlan(utterances=utterances, server=service.grpc, rate=8000, encoding=Encoding.MULAW))
    assert report.ended is not None
    assert report.ended.reason == "client"
    assert len(report.turns) == 3
    assert word_errors([turn.utterance for turn in report.turns], [turn.transcript for turn in report.turns]) < 0.2
    for turn in report.turns:
        assert turn.status == "completed"
        assert turn.reply.strip() == turn.heard.strip() != ""
        assert turn.gap_ms is not None
        assert turn.gap_ms > 0
        assert turn.spans["response_gap"] <= turn.gap_ms + 50
    assert report.prompts[0].heard == "Hello, this is the test line."


async def test_the_audio_of_a_reply_says_its_text(service: Service, base: Whisper) -> None:
    utterances = spoken("conf-invalidpin", "conf-onlyperson")
    report = await place_call(CallPlan(utterances=utterances, server=service.grpc))
    sound = resampled(report.recording.service, 16_000)
    said = [report.prompts[0].text, *(turn.reply for turn in report.turns)]
    understood = [(await base.transcribe(piece, "en")).text for piece in talk(sound, gap=2.0)]
    assert word_errors([" ".join(said)], [" ".join(understood)]) < 0.3


def talk(sound: Pcm, gap: float) -> list[Pcm]:
    """Cut sound at silences of at least ``gap`` seconds, in pieces of at most 28 s."""
    step = sound.rate // 10
    pieces: list[Pcm] = []
    current: list[Pcm] = []
    quiet = 0.0
    for at in range(0, sound.samples, step):
        piece = Pcm(sound.data[2 * at : 2 * (at + step)], sound.rate)
        quiet = 0.0 if first_audible(piece) is not None else quiet + 0.1
        current.append(piece)
        if (quiet >= gap or len(current) > 280) and current:
            whole = joined(current)
            if last_audible(whole) is not None:
                pieces.append(whole)
            current, quiet = [], 0.0
    whole = joined([*current, silence(0.1, sound.rate)])
    return [*pieces, whole] if last_audible(whole) is not None else pieces


@pytest.mark.parametrize(
    ("encoding", "rate"),
    [
        (Encoding.MULAW, 8000),
        (Encoding.ALAW, 16_000),
        (Encoding.LINEAR16, 48_000),
    ],
)
async def test_every_form_of_audio_is_understood(service: Service, encoding: Encoding, rate: int) -> None:
    plan = CallPlan(utterances=spoken("conf-invalidpin"), server=service.grpc, encoding=encoding, rate=rate, frame=0.03)
    (turn,) = (await place_call(plan)).turns
    assert word_errors([turn.utterance], [turn.transcript]) < 0.35
    assert turn.heard_ms > 0


async def test_eight_calls_at_once_do_not_mix(service: Service) -> None:
    said = [*spoken(*SPOKEN), *spoken("conf-invalidpin", "tt-weasels")]
    found: dict[int, str] = {}

    async def one(number: int) -> None:
        report = await place_call(CallPlan(utterances=(said[number],), server=service.grpc, patience=120.0))
        found[number] = " ".join(turn.transcript for turn in report.turns)

    async with anyio.create_task_group() as tasks:
        for number in range(8):
            tasks.start_soon(one, number)
    assert word_errors([utterance.name for utterance in said], [found[number] for number in range(8)]) < 0.25


async def test_barge_in_is_heard_by_the_client(service: Service) -> None:
    plan = CallPlan(utterances=spoken("agent-newlocation", "conf-invalidpin"), server=service.grpc, talk_over=0.7)
    report = await place_call(plan)
    greeting = report.prompts[0]
    assert greeting.status == "barge_in"
    assert greeting.heard_ms < 1800
    assert greeting.text.startswith(greeting.heard)
    assert greeting.heard != greeting.text


async def test_clients_that_vanish_at_any_moment_leave_nothing_behind(service: Service) -> None:
    await place_call(CallPlan(utterances=spoken("conf-extended"), server=service.grpc))
    before = threads(service)

    async def vanish_after(seconds: float) -> None:
        with anyio.move_on_after(seconds):
            await place_call(CallPlan(utterances=spoken("agent-newlocation"), server=service.grpc))

    async with anyio.create_task_group() as tasks:
        for number in range(8):
            tasks.start_soon(vanish_after, 0.2 + 0.7 * number)
    with anyio.fail_after(Resume().wait + 15):  # each of them waits for its client first
        while metrics(service)["voicepipe_calls_active"]:
            await anyio.wait_all_tasks_blocked()
    assert threads(service) <= before + 1


async def test_metrics_tell_what_happened(service: Service) -> None:
    before = metrics(service).get('voicepipe_span_seconds_count{span="response_gap"}', 0)
    await place_call(CallPlan(utterances=spoken("conf-invalidpin"), server=service.grpc))
    after = metrics(service)
    assert after['voicepipe_span_seconds_count{span="response_gap"}'] == before + 1
    assert after['voicepipe_model_load_seconds{model="recognizer"}'] > 0
    assert after["voicepipe_event_loop_lag_seconds_count"] > 0


async def test_no_log_line_and_no_metric_holds_what_was_said(service: Service) -> None:
    report = await place_call(CallPlan(utterances=spoken("tt-weasels"), server=service.grpc))
    written = service.log.read_text().lower()
    assert "eaten our phone" in report.turns[0].transcript.lower()
    assert "eaten our phone" not in written
    assert report.turns[0].reply.strip().lower() not in written


async def test_the_call_command_prints_one_json_object(service: Service, tmp_path: Path) -> None:
    command = [
        ".venv/bin/voicepipe",
        "call",
        "--server",
        service.grpc,
        "--json",
        "--record",
        str(tmp_path / "call.wav"),
    ]
    command += ["--audio", str(prompt_called("conf-invalidpin").path)]
    done = await anyio.run_process(command, env=dict(os.environ))  # noqa: TID251
    report = json.loads(done.stdout)
    assert set(report) >= {"call_id", "turns", "notices", "ended"}
    assert set(report["turns"][0]) >= TURN_FIELDS
    assert (tmp_path / "call.wav").stat().st_size > 100_000


async def test_the_call_command_hangs_up_at_ctrl_c(service: Service, tmp_path: Path) -> None:
    before = metrics(service).get('voicepipe_calls_ended_total{reason="client"}', 0)
    sound = str(prompt_called("tt-weasels").path)
    command = [".venv/bin/voicepipe", "call", "--server", service.grpc, "--record", str(tmp_path / "call.wav")]
    async with await anyio.open_process([*command, "--audio", sound], env=dict(os.environ)) as caller:  # noqa: TID251
        assert caller.stdout is not None and caller.stderr is not None  # noqa: PT018  they are pipes
        assert b"call " in await caller.stdout.receive()
        caller.send_signal(signal.SIGINT)
        told = b"".join([piece async for piece in caller.stderr])
        assert await caller.wait() == 130
    assert told == b"stopped\n"
    assert (tmp_path / "call.wav").exists()
    assert metrics(service)['voicepipe_calls_ended_total{reason="client"}'] == before + 1
    assert metrics(service)["voicepipe_calls_active"] == 0
