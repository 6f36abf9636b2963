"""Whatever bytes a client sends, reading gives a value or an EntranceError; whatever is read is what was meant."""

from contextlib import suppress
from typing import Any

from google.protobuf.message import DecodeError, Message
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import EntranceError
from pipeline.core.events import (
    CallChanged,
    ClientEvent,
    ControlKind,
    ControlRequested,
    DigitPressed,
    EndpointingChanged,
    PlaybackKind,
    PlaybackReported,
    ReplyId,
    TextTyped,
)
from pipeline.entrances.generated.voicepipe.v1 import audio_pb2, config_pb2, conversation_pb2, input_pb2
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseRequest
from pipeline.entrances.statuses import status
from pipeline.entrances.switchboard import (
    AudioForm,
    BargeInMode,
    BargeInRules,
    Caller,
    CallerChannel,
    CallStart,
    DigitRules,
    Encoding,
    OutputRules,
)
from pipeline.entrances.wire_in import read_request
from pipeline.entrances.wire_start import DIGITS, RATES, read_start

NUMBERS = st.sampled_from([0, 1, 7, 199, 200, 8_000, 28_000, 2**31 - 1]) | st.integers(0, 2**31 - 1)


def any_message(kind: Any, depth: int = 3) -> st.SearchStrategy[Message]:
    """Draw any message of a generated class: each field absent, or any value of its type."""
    drawn = {
        field.name: any_field(field, depth)
        for field in kind.DESCRIPTOR.fields
        if not (field.message_type and (depth == 0 or field.message_type.file.package == "google.protobuf"))
    }
    return st.fixed_dictionaries({}, optional=drawn).map(lambda parts: build(kind, parts))


def build(kind: Any, parts: dict[str, Any]) -> Message:
    message: Message = kind(**parts)
    return message


def any_field(field: Any, depth: int) -> st.SearchStrategy[Any]:
    one: st.SearchStrategy[Any]
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return st.dictionaries(st.text(max_size=70), st.text(max_size=300), max_size=3)
    if field.message_type is not None:
        one = any_message(field.message_type._concrete_class, depth - 1)
    elif field.enum_type is not None:
        one = st.integers(-1, 9)
    else:
        one = {
            field.TYPE_STRING: st.text(max_size=140),
            field.TYPE_BYTES: st.binary(max_size=50),
            field.TYPE_BOOL: st.booleans(),
            field.TYPE_UINT32: NUMBERS,
            field.TYPE_UINT64: NUMBERS,
        }[field.type]
    return st.lists(one, max_size=3) if field.is_repeated else one


def read(request: ConverseRequest) -> CallStart | ClientEvent:
    return read_start(request.start) if request.HasField("start") else read_request(request)


@given(any_message(ConverseRequest).filter(lambda message: not message.HasField("audio")))
def test_any_message_is_read_or_refused_with_a_field(request: ConverseRequest) -> None:
    refusal = None
    try:
        read(request)
    except EntranceError as error:
        refusal = error
    assert refusal is None or refusal.field


@given(st.binary(max_size=200))
def test_any_bytes_are_no_message_or_read_or_refused(raw: bytes) -> None:
    with suppress(DecodeError, EntranceError):
        request = ConverseRequest.FromString(raw)
        if not request.HasField("audio"):
            read(request)


@given(st.text(max_size=50), st.text(max_size=50), st.text(max_size=50), st.booleans(), st.text(max_size=20))
def test_any_failure_has_a_status(stage: str, code: str, message: str, retryable: bool, field: str) -> None:
    found = status(stage, code, message, retryable=retryable, field=field)
    assert found.code
    assert found.message == message


# Round trips


def seconds(low_ms: int, high_ms: int) -> st.SearchStrategy[float | None]:
    return st.none() | st.integers(low_ms, high_ms).map(lambda value: value / 1000)


LANGUAGES = st.sampled_from(["en", "de-CH", "zh-Hant-TW"])
FORMS = st.builds(AudioForm, st.sampled_from(Encoding), st.sampled_from(RATES))
ENDPOINTING = st.builds(
    EndpointingChanged,
    no_input=seconds(500, 120_000),
    min_silence=seconds(100, 5_000),
    max_silence=seconds(5_000, 10_000),
    max_speech=seconds(1_000, 28_000),
)
PRINTABLE = st.text(st.characters(categories=["L", "N", "P"]), max_size=60)
STARTS = st.builds(
    CallStart,
    conversation=st.from_regex(r"[A-Za-z0-9._:@+-]{0,128}", fullmatch=True),
    agent=st.from_regex(r"[A-Za-z0-9._-]{0,64}", fullmatch=True),
    languages=st.lists(LANGUAGES, max_size=8).map(tuple),
    input=FORMS,
    output=FORMS,
    endpointing=ENDPOINTING,
    barge_in=st.builds(BargeInRules, mode=st.none() | st.sampled_from(BargeInMode), min_speech=seconds(0, 2_000)),
    digits=st.builds(
        DigitRules,
        limit=st.none() | st.integers(1, 64),
        terminators=st.none() | st.text(DIGITS, max_size=16),
        pause=seconds(100, 60_000),
    ),
    wants=st.builds(OutputRules, paced=st.just(True), lead=seconds(20, 2_000)),
    caller=st.builds(
        Caller,
        channel=st.sampled_from(CallerChannel),
        ani=PRINTABLE,
        dnis=PRINTABLE,
        attributes=st.dictionaries(PRINTABLE, PRINTABLE, max_size=4),
    ),
    parameters=st.dictionaries(
        PRINTABLE,
        st.recursive(
            st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | PRINTABLE,
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(PRINTABLE, inner, max_size=3),
            max_leaves=5,
        ),
        max_size=3,
    ),
    can_clear=st.booleans(),
    reports_playback=st.booleans(),
)


def ms(value: float | None) -> int | None:
    return None if value is None else round(value * 1000)


def form(value: AudioForm) -> audio_pb2.AudioFormat:
    encoding = audio_pb2.AudioEncoding.Value(f"AUDIO_ENCODING_{value.encoding.name}")
    return audio_pb2.AudioFormat(encoding=encoding, sample_rate_hz=value.rate)


def endpointing(value: EndpointingChanged) -> config_pb2.EndpointingConfig:
    return config_pb2.EndpointingConfig(
        no_input_ms=ms(value.no_input),
        speech_complete_ms=ms(value.min_silence),
        speech_incomplete_ms=ms(value.max_silence),
        max_speech_ms=ms(value.max_speech),
    )


def written(start: CallStart) -> config_pb2.ConversationStart:
    """Write a start as a client would."""
    mode = start.barge_in.mode.name if start.barge_in.mode else "UNSPECIFIED"
    message = config_pb2.ConversationStart(
        conversation_id=start.conversation,
        agent_id=start.agent,
        languages=start.languages,
        input_audio=form(start.input),
        output_audio=form(start.output),
        endpointing=endpointing(start.endpointing),
        barge_in=config_pb2.BargeInConfig(
            mode=config_pb2.BargeInMode.Value(f"BARGE_IN_MODE_{mode}"), min_speech_ms=ms(start.barge_in.min_speech)
        ),
        dtmf=config_pb2.DtmfConfig(
            max_digits=start.digits.limit,
            terminators=start.digits.terminators,
            inter_digit_ms=ms(start.digits.pause),
        ),
        output=config_pb2.OutputConfig(
            interim_transcripts=start.wants.interim_transcripts,
            response_text=start.wants.response_text,
            spans=start.wants.spans,
            lead_ms=ms(start.wants.lead),
        ),
        caller=config_pb2.Caller(
            channel=config_pb2.CallerChannel.Value(f"CALLER_CHANNEL_{start.caller.channel.name}"),
            ani=start.caller.ani,
            dnis=start.caller.dnis,
            attributes=start.caller.attributes,
        ),
        capabilities=config_pb2.ClientCapabilities(can_clear=start.can_clear, reports_playback=start.reports_playback),
    )
    message.parameters.update(start.parameters)
    return message


@given(STARTS)
def test_a_start_is_read_as_it_was_meant(start: CallStart) -> None:
    raw = ConverseRequest(start=written(start)).SerializeToString()
    assert read(ConverseRequest.FromString(raw)) == start


EVENTS: st.SearchStrategy[ClientEvent] = st.one_of(
    st.builds(
        PlaybackReported,
        reply=st.integers(1, 2**32 - 1).map(ReplyId),
        kind=st.sampled_from(PlaybackKind),
        played_ms=st.integers(0, 86_400_000),
    ),
    st.builds(DigitPressed, digit=st.sampled_from(DIGITS)),
    st.builds(
        TextTyped,
        text=PRINTABLE.filter(bool),
        language=st.just("") | LANGUAGES,
    ),
    st.builds(ControlRequested, kind=st.sampled_from(ControlKind)),
    st.builds(CallChanged, endpointing=ENDPOINTING, language=st.sampled_from(["", "en", "zh"])).filter(
        lambda changed: changed != CallChanged()
    ),
)


def request_of(event: ClientEvent) -> ConverseRequest:
    """Write an event as a client would."""
    match event:
        case PlaybackReported():
            kind = input_pb2.PlaybackKind.Value(f"PLAYBACK_KIND_{event.kind.name}")
            playback = input_pb2.PlaybackEvent(response_id=event.reply, kind=kind, played_ms=event.played_ms)
            return ConverseRequest(playback=playback)
        case DigitPressed():
            return ConverseRequest(dtmf=input_pb2.DtmfInput(digit=event.digit))
        case TextTyped():
            return ConverseRequest(text=input_pb2.TextInput(text=event.text, language=event.language))
        case ControlRequested():
            control = input_pb2.ControlKind.Value(f"CONTROL_KIND_{event.kind.name}")
            return ConverseRequest(control=input_pb2.Control(kind=control))
        case CallChanged():
            wanted = config_pb2.Reconfigure(endpointing=endpointing(event.endpointing), language=event.language or None)
            return ConverseRequest(reconfigure=wanted)
        case _:
            raise AssertionError(event)


@given(EVENTS)
def test_a_request_is_read_as_it_was_meant(event: ClientEvent) -> None:
    raw = request_of(event).SerializeToString()
    assert read_request(conversation_pb2.ConverseRequest.FromString(raw)) == event
