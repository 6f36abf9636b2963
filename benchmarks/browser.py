"""Calls from a real browser: what is said comes out of a file, as if by a microphone; what is heard is taped beside it.

The page that is opened is the service's own, for its origin; what runs in it is the few lines of ``browser.js``. One
audio context tapes the microphone and the reply as two channels, so that both are on one clock.
"""

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from playwright.async_api import Playwright

from benchmarks.peers.measure import Block, Turn
from pipeline.audio.level import first_audible, last_audible
from pipeline.audio.resample import resampled
from pipeline.audio.wav import write_wav
from pipeline.core.pcm import Pcm, joined, silence
from tests.browser.house import chromium

RATE = 48_000
"""Of the microphone's file: Chromium resamples no other."""
TAPE_RATE = 16_000
LEAD, BETWEEN = 3.0, 10.0
"""Seconds of silence before the first saying, and after each: an answer that begins more than 8 s
after its saying is none."""
MARGIN = 0.3
"""Seconds by which a saying may come elsewhere on the tape than the file says, once its first sample has been found."""
ARM = "webrtc"
FLAGS = (
    "--no-sandbox",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--allow-loopback-in-peer-connection",
)
SCRIPT = Path(__file__).with_suffix(".js")


@dataclass(frozen=True, slots=True)
class Tape:
    """What a call sounded like in the browser, both sides on one clock, and what it was told."""

    microphone: Pcm
    reply: Pcm
    told: Sequence[tuple[float, dict[str, Any]]]
    """Messages of the service, with the seconds since the tape began."""


async def call(playwright: Playwright, block: Block, web: str, folder: Path) -> list[Turn]:
    """Say a block's sayings in one call to the service at ``web``, HOST:PORT, and return what became of them."""
    sound, begins = microphone_file(block)
    file = (folder / "microphone.wav").absolute()
    write_wav(file, sound)
    tape = await taped(playwright, file, sound.duration, web)
    write_wav(folder / f"{block.kind}-{block.number + 1:02}-{ARM}.wav", tape.microphone, tape.reply)
    return turns(tape, block, begins)


async def taped(playwright: Playwright, file: Path, seconds: float, web: str) -> Tape:
    """Call with a file as the microphone, for as long as it lasts."""
    flags = [*FLAGS, f"--use-file-for-fake-audio-capture={file}%noloop"]
    browser = await playwright.chromium.launch(executable_path=chromium(os.environ), args=flags)  # noqa: TID251
    try:
        page = await browser.new_page(bypass_csp=True)
        await page.goto(f"http://{web}/")
        await page.add_script_tag(path=SCRIPT)
        await page.evaluate(f"startCall({TAPE_RATE})")
        await anyio.sleep(seconds)
        found = await page.evaluate("endCall()")
    finally:
        await browser.close()
    sides = np.frombuffer(base64.b64decode(found["tape"]), dtype="<i2").reshape(-1, 2)
    return Tape(
        Pcm(sides[:, 0].tobytes(), TAPE_RATE),
        Pcm(sides[:, 1].tobytes(), TAPE_RATE),
        [(entry["at"], entry["message"]) for entry in found["told"]],
    )


def microphone_file(block: Block) -> tuple[Pcm, list[float]]:
    """Return what a microphone says in a call, at ``RATE``, and where each saying begins, in seconds. Pure."""
    parts, begins = [silence(LEAD, RATE)], []
    for saying in block.sayings:
        begins.append(sum(part.duration for part in parts))
        parts += [resampled(saying.sound, RATE), silence(BETWEEN, RATE)]
    return joined(parts), begins


def turns(tape: Tape, block: Block, begins: Sequence[float]) -> list[Turn]:
    """Return what became of each saying. Pure."""
    first = first_audible(block.sayings[0].sound) or 0
    heard_at = first_audible(tape.microphone)
    if heard_at is None:
        raise ValueError("the microphone's file was not heard in the browser")
    shift = heard_at / TAPE_RATE - begins[0] - first / block.sayings[0].sound.rate
    found = []
    for index, saying in enumerate(block.sayings):
        begin = begins[index] + shift
        said = _between(tape.microphone, begin - MARGIN, begin + saying.sound.duration + MARGIN)
        last = last_audible(said)
        end = begin + saying.sound.duration if last is None else (last + 1) / TAPE_RATE
        until = begins[index + 1] + shift if index + 1 < len(begins) else end + BETWEEN
        told = [message for at, message in tape.told if begin <= at < until]
        heard = [one["transcript"]["text"] for one in told if one.get("transcript", {}).get("isFinal")]
        answers = [one["responseDone"].get("text", "") for one in told if "responseDone" in one]
        found.append(
            Turn(
                arm=ARM,
                kind=block.kind,
                block=block.number,
                name=saying.name,
                pauses=saying.pauses,
                said=saying.text,
                heard=" ".join(text.strip() for text in heard if text.strip()),
                answer=" ".join(answers),
                gaps_ms=tuple(round((at - end) * 1000, 1) for at in _replies(tape, begin, until)),
                parts=sum(bool(text.strip()) for text in heard),
            )
        )
    return found


def _replies(tape: Tape, since: float, until: float) -> list[float]:
    """Return when each reply of a stretch is audible first, behind the word that it begins and before the next such."""
    begun = [at for at, message in tape.told if since <= at < until and "responseStarted" in message]
    heard = (_audible(tape.reply, *stretch) for stretch in pairwise([*begun, until]))
    return [at for at in heard if at is not None]


def _audible(sound: Pcm, since: float, until: float) -> float | None:
    """Return when a stretch is audible first, in seconds."""
    first = first_audible(_between(sound, since, until))
    return None if first is None else first / sound.rate


def _between(sound: Pcm, since: float, until: float) -> Pcm:
    first, last = max(0, round(since * sound.rate)), max(0, round(until * sound.rate))
    return Pcm(sound.data[2 * first : 2 * last], sound.rate, first)
