from typing import Any

import pytest

from pipeline.core.errors import EntranceError
from pipeline.core.events import EndpointingChanged
from pipeline.entrances.generated.voicepipe.v1.audio_pb2 import (
    AUDIO_ENCODING_ALAW,
    AUDIO_ENCODING_LINEAR16,
    AUDIO_ENCODING_MULAW,
    AUDIO_ENCODING_OPUS,
    AUDIO_ENCODING_UNSPECIFIED,
    AudioFormat,
)
from pipeline.entrances.generated.voicepipe.v1.config_pb2 import (
    BARGE_IN_MODE_SPEECH,
    CALLER_CHANNEL_KIOSK,
    ENDPOINTING_MODE_CLIENT,
    PACING_FAST,
    BargeInConfig,
    Caller,
    ClientCapabilities,
    ConversationStart,
    DtmfConfig,
    EndpointingConfig,
    OutputConfig,
)
from pipeline.entrances.switchboard import (
    AudioForm,
    BargeInMode,
    BargeInRules,
    CallerChannel,
    DigitRules,
    Encoding,
    OutputRules,
)
from pipeline.entrances.wire_start import read_start

PHONE = AudioFormat(encoding=AUDIO_ENCODING_MULAW, sample_rate_hz=8_000)


def start(**parts: Any) -> ConversationStart:
    return ConversationStart(**{"input_audio": PHONE, **parts})


def linear16(rate: int) -> AudioFormat:
    return AudioFormat(encoding=AUDIO_ENCODING_LINEAR16, sample_rate_hz=rate)


def test_a_start_needs_no_more_than_the_form_of_its_sound() -> None:
    read = read_start(start())
    assert read.input == read.output == AudioForm(Encoding.MULAW, 8_000)
    assert read.wants == OutputRules()
    assert read.endpointing == EndpointingChanged()


def test_everything_that_is_served_is_read() -> None:
    read = read_start(
        start(
            conversation_id="pbx-1:17@host",
            agent_id="shop",
            languages=["en", "de-CH"],
            output_audio=AudioFormat(encoding=AUDIO_ENCODING_ALAW, sample_rate_hz=16_000, frame_ms=40),
            endpointing=EndpointingConfig(
                no_input_ms=5_000, speech_complete_ms=700, speech_incomplete_ms=1_200, max_speech_ms=20_000
            ),
            barge_in=BargeInConfig(
                mode=BARGE_IN_MODE_SPEECH, min_speech_ms=300, protected_ms=1_500, resume_false_alarm=False
            ),
            dtmf=DtmfConfig(max_digits=4, terminators="#*", inter_digit_ms=2_000),
            output=OutputConfig(
                interim_transcripts=True, response_text=False, spans=False, pacing=PACING_FAST, lead_ms=500
            ),
            caller=Caller(channel=CALLER_CHANNEL_KIOSK, ani="+4930123", dnis="0800", attributes={"site": "7"}),
            parameters={"order": 17, "vip": True, "names": ["a", None], "more": {"deep": 1.5}},
            capabilities=ClientCapabilities(can_clear=True, reports_playback=True),
        )
    )
    assert (read.conversation, read.agent, read.languages) == ("pbx-1:17@host", "shop", ("en", "de-CH"))
    assert read.output == AudioForm(Encoding.ALAW, 16_000)
    assert read.endpointing == EndpointingChanged(no_input=5.0, min_silence=0.7, max_silence=1.2, max_speech=20.0)
    assert read.barge_in == BargeInRules(mode=BargeInMode.SPEECH, min_speech=0.3, protected=1.5, resume=False)
    assert read.digits == DigitRules(limit=4, terminators="#*", pause=2.0)
    assert read.wants == OutputRules(interim_transcripts=True, response_text=False, spans=False, paced=False, lead=0.5)
    assert read.caller.channel is CallerChannel.KIOSK
    assert read.caller.attributes == {"site": "7"}
    assert read.parameters == {"order": 17.0, "vip": True, "names": ["a", None], "more": {"deep": 1.5}}
    assert read.can_clear
    assert read.reports_playback


@pytest.mark.parametrize("rate", [0, 1, 7_999, 11_025, 44_100, 48_001, 1_000_000, 2**32 - 1])
@pytest.mark.parametrize("direction", ["input_audio", "output_audio"])
def test_rates_that_are_not_served_are_named(rate: int, direction: str) -> None:
    with pytest.raises(EntranceError, match="allowed: 8000, 16000, 24000, 48000") as caught:
        read_start(start(**{direction: linear16(rate)}))
    assert caught.value.field == f"start.{direction}.sample_rate_hz"
    assert caught.value.code == "invalid-value"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"input_audio": AudioFormat(sample_rate_hz=8_000)}, "input_audio.encoding"),
    ({"input_audio": AudioFormat(encoding=99, sample_rate_hz=8_000)}, "input_audio.encoding"),  # type: ignore[arg-type]
    ({"input_audio": AudioFormat(encoding=AUDIO_ENCODING_UNSPECIFIED)}, "input_audio.encoding"),
    ({"input_audio": None}, "input_audio.encoding"),
    ({"output_audio": AudioFormat()}, "output_audio.encoding"),
    (
        {"input_audio": AudioFormat(encoding=AUDIO_ENCODING_ALAW, sample_rate_hz=8_000, frame_ms=9)},
        "input_audio.frame_ms",
    ),
    (
        {"endpointing": EndpointingConfig(speech_complete_ms=800, speech_incomplete_ms=700)},
        "endpointing.speech_incomplete_ms",
    ),
    ({"conversation_id": "x" * 129}, "conversation_id"),
    ({"conversation_id": "a\nb"}, "conversation_id"),
    ({"conversation_id": "a b"}, "conversation_id"),
    ({"agent_id": "../etc/passwd"}, "agent_id"),
    ({"languages": ["en", "english!"]}, "languages[1]"),
    ({"languages": ["en"] * 9}, "languages"),
    ({"endpointing": EndpointingConfig(no_input_ms=0)}, "endpointing.no_input_ms"),
    ({"endpointing": EndpointingConfig(max_speech_ms=28_001)}, "endpointing.max_speech_ms"),
    ({"endpointing": EndpointingConfig(mode=7)}, "endpointing.mode"),  # type: ignore[arg-type]
    ({"barge_in": BargeInConfig(min_speech_ms=2_001)}, "barge_in.min_speech_ms"),
    ({"barge_in": BargeInConfig(protected_ms=60_001)}, "barge_in.protected_ms"),
    ({"barge_in": BargeInConfig(mode=9)}, "barge_in.mode"),  # type: ignore[arg-type]
    ({"dtmf": DtmfConfig(max_digits=0)}, "dtmf.max_digits"),
    ({"dtmf": DtmfConfig(terminators="x")}, "dtmf.terminators"),
    ({"output": OutputConfig(lead_ms=19)}, "output.lead_ms"),
    ({"output": OutputConfig(pacing=PACING_FAST)}, "output.pacing"),
    ({"caller": Caller(ani="1" * 65)}, "caller.ani"),
    ({"caller": Caller(dnis="1\x00")}, "caller.dnis"),
    ({"caller": Caller(attributes={str(n): "" for n in range(33)})}, "caller.attributes"),
    ({"caller": Caller(attributes={"a": "b" * 257})}, "caller.attributes"),
    ({"caller": Caller(channel=9)}, "caller.channel"),  # type: ignore[arg-type]
    ({"parameters": {"x": float("nan")}}, "parameters"),
    ({"parameters": {"x": ["y", {"z": float("inf")}]}}, "parameters"),
    ({"parameters": {"x": "y" * 16_384}}, "parameters"),
]


@pytest.mark.parametrize(("parts", "field"), WRONG, ids=[field for _, field in WRONG])
def test_a_wrong_value_is_refused_by_its_field(parts: dict[str, Any], field: str) -> None:
    with pytest.raises(EntranceError) as caught:
        read_start(start(**parts))
    assert (caught.value.field, caught.value.code) == (f"start.{field}", "invalid-value")
    assert "allowed" in str(caught.value)


LATER: list[tuple[dict[str, Any], str]] = [
    ({"input_audio": AudioFormat(encoding=AUDIO_ENCODING_OPUS, sample_rate_hz=48_000)}, "input_audio.encoding"),
    ({"endpointing": EndpointingConfig(mode=ENDPOINTING_MODE_CLIENT)}, "endpointing.mode"),
    ({"endpointing": EndpointingConfig(prefix_padding_ms=0)}, "endpointing.prefix_padding_ms"),
    ({"endpointing": EndpointingConfig(sensitivity=50)}, "endpointing.sensitivity"),
    ({"dtmf": DtmfConfig(first_digit_ms=1)}, "dtmf.first_digit_ms"),
    ({"dtmf": DtmfConfig(detect_inband=True)}, "dtmf.detect_inband"),
    ({"output": OutputConfig(word_offsets=True)}, "output.word_offsets"),
]


@pytest.mark.parametrize(("parts", "field"), LATER, ids=[field for _, field in LATER])
def test_what_comes_later_is_refused_as_not_served(parts: dict[str, Any], field: str) -> None:
    with pytest.raises(EntranceError) as caught:
        read_start(start(**parts))
    assert (caught.value.field, caught.value.code) == (f"start.{field}", "not-served")
