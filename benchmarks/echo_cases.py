"""What ``benchmarks.echo`` lets a line give back: replies in our own voice, and people who speak over them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from benchmarks.wer import chosen
from pipeline.core.pcm import Pcm
from tests.echoes import BEFORE, EchoCall, EchoLine, Samples, at_level, echo_call, samples_of
from tests.recordings import Prompt, read_speech

ATTENUATIONS = (6.0, 12.0, 20.0)
"""Decibels of the echo below what is played."""
DELAYS = (0.04, 0.15, 0.28, 0.4)
LINES: dict[str, EchoLine] = {
    **{
        f"{attenuation:g} dB, {1000 * delay:g} ms": EchoLine(delay, attenuation)
        for attenuation in ATTENUATIONS
        for delay in DELAYS
    },
    "0 dB, 150 ms": EchoLine(0.15, 0.0),
    "30 dB, 150 ms": EchoLine(0.15, 30.0),
    "12 dB, 600 ms": EchoLine(0.6, 12.0),
    "12 dB, 150 ms, drift": EchoLine(0.15, 12.0, drift=3e-4),
    "12 dB, 150 ms, slips": EchoLine(0.15, 12.0, slip=0.02),
}
"""The lines that are tried: a grid, and five that are harder. The gate was tuned on the like of them but the last."""
CLEAN = EchoLine(0.0, inf)
WAYS = ((8_000, False), (8_000, True), (16_000, True))
"""Rate, and whether there is a room: a telephone's hybrid, a telephone's loudspeaker, a kiosk."""
WAY_NAMES = ("hybrid", "speakerphone", "kiosk")
REPLY_DBFS = -22.0
"""The level of our voice. Source: pipeline/speaking/piper.py."""
CALLER_DBFS = (-30.0, -18.0)
LONGEST_GAP = 0.1
"""Seconds of silence between two sentences of a reply at most."""
ALREADY = (0.3, 1.0)
"""Seconds for which a caller who is cut in on has spoken when the echo begins."""

TEXTS = (
    "Good morning, this is the service desk, what is it about?",
    "Your order has been packed and leaves the house this afternoon.",
    "The room on the second floor is free from eleven until one.",
    "There are two flights left tomorrow, one before lunch and one late at night.",
    "I have found your name, but the street does not seem to match.",
    "A new key costs twelve pounds and can be picked up at the front door.",
    "Please read me the six figures below the bar code, slowly and one by one.",
    "Children under seven travel for free when an adult goes with them.",
    "The swimming pool is being cleaned this week, so only the sauna is open.",
    "We cannot change the colour any more, though we can send it to another address.",
    "It will rain in the north, and in the evening there may be some thunder.",
    "Sorry about that. Shall I try to reach somebody from the workshop?",
    "Both tickets are in your name, and the seats are next to each other.",
    "The battery is covered by law for two years, whatever the box says.",
    "Thanks, that is everything that I need to know for the moment.",
    "Turn left behind the church and follow the river as far as the old bridge.",
)
"""None was heard while the gate was tuned."""

_TUNED_ON = """
agent-alreadyon agent-loggedoff agent-loginok agent-pass call-fwd-no-ans cannot-complete-as-dialed
conf-invalidpin conf-muted conf-now-recording conf-otherinparty conf-roll-callcomplete
confbridge-begin-glorious-b confbridge-begin-leader confbridge-binaural-on confbridge-conf-end
confbridge-dec-list-vol-out confbridge-has-left confbridge-inc-list-vol-out confbridge-inc-talk-vol-out
confbridge-lock-extended confbridge-lock-out confbridge-muted confbridge-removed confbridge-rest-list-vol-in
confbridge-rest-talk-vol-in confbridge-unmuted demo-nomatch dictate/forhelp dictate/record_help
dir-usingkeypad enter-num-blacklist entr-num-rmv-blklist followme/no-recording followme/status
from-unknown-caller priv-callpending privacy-prompt queue-callswaiting queue-quantity1 to-rerecord-it transfer
tt-somethingwrong vm-calldiffnum vm-changeto vm-dialout vm-marked-nonurgent vm-msgsaved vm-nobodyavail
vm-nobox vm-num-i-have vm-rec-temp vm-record-prepend vm-review-nonurgent vm-saveoper vm-tempgreetactive
vm-then-pound vm-tocallback vm-tocallnum vm-tocancel vm-toenternumber vm-toforward vm-toreply
vm-unknown-caller
"""
TUNED_ON = frozenset(_TUNED_ON.split())
"""English recordings that were heard while the gate was tuned; none of them is heard here."""


@dataclass(frozen=True, slots=True)
class EchoCase:
    """A call, and what it would be without the echo."""

    way: str
    name: str
    """The caller's recording; empty where nobody speaks."""
    call: EchoCall
    alone: EchoCall | None = None
    """The same without the echo."""
    says_at: float = 0.0
    says_until: float = 0.0
    reply_seconds: float = 0.0


def callers(seed: int) -> list[Prompt]:
    """Return recordings of people that were not used before, in an order of their own for each seed."""
    return [prompt for prompt in chosen(1_000, "en", seed) if prompt.name not in TUNED_ON]


def echo_only(voice: Sequence[Pcm], like: EchoLine, number: int, choice: np.random.Generator) -> Iterator[EchoCase]:
    """Yield replies that come back while nobody speaks."""
    for index in range(number):
        way, line = _line(index, like)
        reply = _reply(voice, line.rate, choice)
        yield EchoCase(way, "", echo_call(reply, line, choice), reply_seconds=len(reply) / line.rate)


def spoken_over(
    voice: Sequence[Pcm],
    people: Sequence[Prompt],
    like: EchoLine,
    *,
    before: bool,
    choice: np.random.Generator,
) -> Iterator[EchoCase]:
    """Yield replies that people speak over: in their midst, or ``before`` the echo begins."""
    for index, person in enumerate(people):
        way, line = _line(index, like)
        reply = _reply(voice, line.rate, choice)
        said = at_level(samples_of(read_speech(person), line.rate), choice.uniform(*CALLER_DBFS))
        echo_at = BEFORE + line.delay
        says_at = max(0.1, echo_at - choice.uniform(*ALREADY)) if before else echo_at + choice.uniform(0.8, 2.5)
        made = [
            echo_call(reply, each, np.random.default_rng(index), caller=said, says_at=says_at)
            for each in (line, replace(line, attenuation=inf))
        ]
        until = min(says_at + len(said) / line.rate, BEFORE + len(reply) / line.rate + line.delay)
        yield EchoCase(way, person.name, made[0], made[1], says_at, until, len(reply) / line.rate)


def _line(index: int, like: EchoLine) -> tuple[str, EchoLine]:
    rate, room = WAYS[index % len(WAYS)]
    return WAY_NAMES[index % len(WAYS)], replace(like, rate=rate, room=room)


def _reply(voice: Sequence[Pcm], rate: int, choice: np.random.Generator) -> Samples:
    pieces: list[Samples] = []
    for place in choice.choice(len(voice), 2, replace=False):
        pieces += [samples_of(voice[place], rate), np.zeros(round(choice.uniform(0, LONGEST_GAP) * rate))]
    return at_level(np.concatenate(pieces), REPLY_DBFS)
