"""Reads ConversationStart: what a client asks for at the start of a call. Pure.

Whatever the message holds, the outcome is a checked value or an EntranceError that names the field.
"""

import re

from pipeline.core.events import EndpointingChanged
from pipeline.entrances import fields
from pipeline.entrances.fields import Choice
from pipeline.entrances.generated.voicepipe.v1 import audio_pb2, config_pb2
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
from pipeline.entrances.wire_tools import read_tools

RATES = (8_000, 16_000, 24_000, 48_000)
"""Sample rates that are served in both directions, in hertz."""
FRAME_MS = (10, 200)
"""Shortest and longest audio message that may be wished for."""
LEAD_MS = (20, 2_000)
LANGUAGES = 8
NUMBER_CHARS = 64
"""Longest calling or called number."""
PARAMETERS_BYTES = 16 * 1024
DIGITS = "0123456789*#ABCD"

CONVERSATION = re.compile(r"[A-Za-z0-9._:@+-]{1,128}")
_AGENT = re.compile(r"[A-Za-z0-9._-]{1,64}")

_ENCODING = Choice(
    audio_pb2.AudioEncoding,
    {
        audio_pb2.AUDIO_ENCODING_LINEAR16: Encoding.LINEAR16,
        audio_pb2.AUDIO_ENCODING_MULAW: Encoding.MULAW,
        audio_pb2.AUDIO_ENCODING_ALAW: Encoding.ALAW,
    },
)
_CHANNEL = Choice(
    config_pb2.CallerChannel,
    {
        config_pb2.CALLER_CHANNEL_UNSPECIFIED: CallerChannel.PHONE,
        config_pb2.CALLER_CHANNEL_PHONE: CallerChannel.PHONE,
        config_pb2.CALLER_CHANNEL_BROWSER: CallerChannel.BROWSER,
        config_pb2.CALLER_CHANNEL_KIOSK: CallerChannel.KIOSK,
    },
)
_BARGE_IN = Choice(
    config_pb2.BargeInMode,
    {
        config_pb2.BARGE_IN_MODE_UNSPECIFIED: None,
        config_pb2.BARGE_IN_MODE_NONE: BargeInMode.NONE,
        config_pb2.BARGE_IN_MODE_SPEECH: BargeInMode.SPEECH,
        config_pb2.BARGE_IN_MODE_DTMF: BargeInMode.DTMF,
        config_pb2.BARGE_IN_MODE_ANY: BargeInMode.ANY,
    },
)
_SERVER_DECIDES = Choice(
    config_pb2.EndpointingMode,
    {config_pb2.ENDPOINTING_MODE_UNSPECIFIED: True, config_pb2.ENDPOINTING_MODE_SERVER: True},
)
_PACED = Choice(
    config_pb2.Pacing,
    {config_pb2.PACING_UNSPECIFIED: True, config_pb2.PACING_REALTIME: True, config_pb2.PACING_FAST: False},
)


def read_start(start: config_pb2.ConversationStart) -> CallStart:
    """Return what the client asks for. Raises EntranceError: ``invalid-value``, ``not-served``."""
    source = _audio_form(start.input_audio, "start.input_audio")
    return CallStart(
        conversation=_identifier(start.conversation_id, "start.conversation_id", CONVERSATION),
        agent=_identifier(start.agent_id, "start.agent_id", _AGENT),
        languages=_languages(start),
        input=source,
        output=_audio_form(start.output_audio, "start.output_audio") if start.HasField("output_audio") else source,
        endpointing=read_endpointing(start.endpointing, "start.endpointing"),
        barge_in=_barge_in(start.barge_in),
        digits=_digit_rules(start.dtmf),
        wants=_output(start.output, can_clear=start.capabilities.can_clear),
        caller=_caller(start.caller),
        parameters=fields.json_object(start.parameters, "start.parameters", PARAMETERS_BYTES),
        tools=read_tools(start.tools),
        can_clear=start.capabilities.can_clear,
        reports_playback=start.capabilities.reports_playback,
    )


def read_endpointing(config: config_pb2.EndpointingConfig, path: str) -> EndpointingChanged:
    """Return turn-taking settings; ``path`` is where they stand. Raises EntranceError."""
    if config.mode == config_pb2.ENDPOINTING_MODE_CLIENT:
        raise fields.not_served(f"{path}.mode", "use SERVER; control COMMIT_INPUT works there too")
    _SERVER_DECIDES.read(config.mode, f"{path}.mode")
    fields.refuse_unserved(config, path, ("prefix_padding_ms", "sensitivity"))
    complete = fields.milliseconds(config, "speech_complete_ms", path, 100, 5_000)
    incomplete = fields.milliseconds(config, "speech_incomplete_ms", path, 100, 10_000)
    if complete is not None and incomplete is not None and incomplete < complete:
        least = config.speech_complete_ms
        raise fields.wrong(f"{path}.speech_incomplete_ms", f"is below speech_complete_ms; allowed: {least} or more")
    return EndpointingChanged(
        no_input=fields.milliseconds(config, "no_input_ms", path, 500, 120_000),
        min_silence=complete,
        max_silence=incomplete,
        max_speech=fields.milliseconds(config, "max_speech_ms", path, 1_000, 28_000),
    )


def _identifier(value: str, field: str, shape: re.Pattern[str]) -> str:
    if value and not shape.fullmatch(value):
        raise fields.wrong(field, f"is malformed; allowed: {shape.pattern}")
    return value


def _languages(start: config_pb2.ConversationStart) -> tuple[str, ...]:
    if len(start.languages) > LANGUAGES:
        raise fields.wrong("start.languages", f"has {len(start.languages)} entries; allowed: {LANGUAGES}")
    return tuple(fields.language(tag, f"start.languages[{at}]") for at, tag in enumerate(start.languages))


def _audio_form(form: audio_pb2.AudioFormat, path: str) -> AudioForm:
    if form.encoding == audio_pb2.AUDIO_ENCODING_OPUS:
        raise fields.not_served(f"{path}.encoding", "OPUS comes later, use LINEAR16, MULAW or ALAW")
    encoding = _ENCODING.read(form.encoding, f"{path}.encoding")
    if form.sample_rate_hz not in RATES:
        allowed = ", ".join(map(str, RATES))
        raise fields.wrong(f"{path}.sample_rate_hz", f"is {form.sample_rate_hz}; allowed: {allowed}")
    if form.frame_ms:
        fields.number(form.frame_ms, f"{path}.frame_ms", *FRAME_MS)
    return AudioForm(encoding, form.sample_rate_hz)


def _barge_in(config: config_pb2.BargeInConfig) -> BargeInRules:
    path = "start.barge_in"
    return BargeInRules(
        mode=_BARGE_IN.read(config.mode, f"{path}.mode"),
        min_speech=fields.milliseconds(config, "min_speech_ms", path, 0, 2_000),
        protected=fields.milliseconds(config, "protected_ms", path, 0, 60_000),
        resume=config.resume_false_alarm if config.HasField("resume_false_alarm") else None,
    )


def _digit_rules(config: config_pb2.DtmfConfig) -> DigitRules:
    path = "start.dtmf"
    fields.refuse_unserved(config, path, ("first_digit_ms",))
    if config.detect_inband:
        raise fields.not_served(f"{path}.detect_inband", "send dtmf messages")
    terminators = config.terminators if config.HasField("terminators") else None
    if terminators is not None and not (len(terminators) <= len(DIGITS) and set(terminators) <= set(DIGITS)):
        raise fields.wrong(f"{path}.terminators", f"is malformed; allowed: at most {len(DIGITS)} out of {DIGITS}")
    return DigitRules(
        limit=fields.number(config.max_digits, f"{path}.max_digits", 1, 64) if config.HasField("max_digits") else None,
        terminators=terminators,
        pause=fields.milliseconds(config, "inter_digit_ms", path, 100, 60_000),
    )


def _output(config: config_pb2.OutputConfig, *, can_clear: bool) -> OutputRules:
    path = "start.output"
    if config.word_offsets:
        raise fields.not_served(f"{path}.word_offsets", "leave it out")
    paced = _PACED.read(config.pacing, f"{path}.pacing")
    if not paced and not can_clear:
        raise fields.wrong(f"{path}.pacing", "is PACING_FAST; allowed without capabilities.can_clear: PACING_REALTIME")
    return OutputRules(
        interim_transcripts=config.interim_transcripts,
        response_text=config.response_text or not config.HasField("response_text"),
        spans=config.spans or not config.HasField("spans"),
        paced=paced,
        lead=fields.milliseconds(config, "lead_ms", path, *LEAD_MS),
    )


def _caller(caller: config_pb2.Caller) -> Caller:
    path = "start.caller"
    return Caller(
        channel=_CHANNEL.read(caller.channel, f"{path}.channel"),
        ani=fields.line_of_text(caller.ani, f"{path}.ani", NUMBER_CHARS),
        dnis=fields.line_of_text(caller.dnis, f"{path}.dnis", NUMBER_CHARS),
        training_consent=caller.training_consent,
        attributes=fields.attributes(caller.attributes, f"{path}.attributes"),
    )
