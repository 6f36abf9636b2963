"""CallPlan: whom to call, and what to say."""

from dataclasses import dataclass
from enum import StrEnum

from pipeline.audio.g711 import alaw_decode, alaw_encode, mulaw_decode, mulaw_encode
from pipeline.core.pcm import Pcm
from pipeline.entrances.generated.voicepipe.v1 import audio_pb2


class Encoding(StrEnum):
    """How samples are written as bytes on the wire."""

    LINEAR16 = "linear16"
    MULAW = "mulaw"
    ALAW = "alaw"

    @property
    def wire(self) -> audio_pb2.AudioEncoding.ValueType:
        """Return its number in the contract."""
        return audio_pb2.AudioEncoding.Value(f"AUDIO_ENCODING_{self.name}")

    def to_wire(self, samples: bytes) -> bytes:
        """Return 16-bit samples as they go over the wire."""
        match self:
            case Encoding.MULAW:
                return mulaw_encode(samples)
            case Encoding.ALAW:
                return alaw_encode(samples)
            case Encoding.LINEAR16:
                return samples

    def from_wire(self, sound: bytes) -> bytes:
        """Return the 16-bit samples of what came over the wire."""
        match self:
            case Encoding.MULAW:
                return mulaw_decode(sound)
            case Encoding.ALAW:
                return alaw_decode(sound)
            case Encoding.LINEAR16:
                return sound


@dataclass(frozen=True, slots=True)
class Utterance:
    """One thing that the caller says."""

    name: str
    """For the report: a file's name, or the text."""
    sound: Pcm
    """At any rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPlan:
    """One call. Durations in seconds."""

    utterances: tuple[Utterance, ...]
    server: str = "127.0.0.1:50051"
    """HOST:PORT."""
    agent: str = ""
    """Who shall answer; empty takes the server's default."""
    call_id: str = ""
    """Empty lets the server choose."""
    encoding: Encoding = Encoding.LINEAR16
    rate: int = 16_000
    """Samples per second, in both directions."""
    frame: float = 0.02
    pause: float = 0.4
    """How long the caller waits before speaking when the service has nothing more to say."""
    talk_over: float | None = None
    """Speak when so much of a reply was heard, instead of waiting for its end."""
    greeting: float = 1.0
    """How long the caller waits for the service to speak first."""
    resume: float = 15.0
    """How long the caller tries to go on with a call whose connection broke; 0 gives it up at once."""
    patience: float = 30.0
    """How long the caller waits for anything else; then the call fails."""
