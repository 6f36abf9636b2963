"""Writes what holds for a call: the chosen formats, the settings in force, the limits. Pure."""

from pipeline.core.events import CallChanged, EndpointingChanged
from pipeline.entrances.fields import uint32, uint64
from pipeline.entrances.generated.voicepipe.v1 import audio_pb2, config_pb2, output_pb2
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseResponse
from pipeline.entrances.microphone import LONGEST_CHUNK
from pipeline.entrances.switchboard import AudioForm, BargeInMode, CallStart, Encoding, Terms
from pipeline.entrances.wire_in import TEXT_CHARS

FRAME_MS = 20
"""Length of one message of the caller's sound, as it is expected; any other is taken too."""
MESSAGE_BYTES = 1 << 20
"""Largest message that is taken. Sound is tiny, and larger ones hold up the event loop (grpc issue 39803)."""

_ENCODINGS = {
    Encoding.LINEAR16: audio_pb2.AUDIO_ENCODING_LINEAR16,
    Encoding.MULAW: audio_pb2.AUDIO_ENCODING_MULAW,
    Encoding.ALAW: audio_pb2.AUDIO_ENCODING_ALAW,
}
_BARGE_IN_MODES = {
    None: config_pb2.BARGE_IN_MODE_UNSPECIFIED,
    BargeInMode.NONE: config_pb2.BARGE_IN_MODE_NONE,
    BargeInMode.SPEECH: config_pb2.BARGE_IN_MODE_SPEECH,
    BargeInMode.DTMF: config_pb2.BARGE_IN_MODE_DTMF,
    BargeInMode.ANY: config_pb2.BARGE_IN_MODE_ANY,
}


def write_reconfigured(seq: int, changed: CallChanged) -> ConverseResponse:
    """Return the answer to a Reconfigure that was taken: what it set, and nothing else."""
    message = config_pb2.Reconfigured(refers_to_seq=seq)
    if changed.endpointing != EndpointingChanged():
        message.endpointing.CopyFrom(_endpointing(changed.endpointing))
    if changed.language:
        message.language = changed.language
    return ConverseResponse(reconfigured=message)


def write_started(start: CallStart, terms: Terms, version: str, token: str = "") -> ConverseResponse:
    """Return the server's first message: what was chosen, and what holds; ``token`` is for resuming the call."""
    barge_in = config_pb2.BargeInConfig(mode=_BARGE_IN_MODES[terms.barge_in.mode])
    if terms.barge_in.min_speech is not None:
        barge_in.min_speech_ms = uint32(terms.barge_in.min_speech * 1000)
    if terms.barge_in.protected is not None:
        barge_in.protected_ms = uint32(terms.barge_in.protected * 1000)
    if terms.barge_in.resume is not None:
        barge_in.resume_false_alarm = terms.barge_in.resume
    digits = config_pb2.DtmfConfig(max_digits=terms.digits.limit, terminators=terms.digits.terminators)
    if terms.digits.pause is not None:
        digits.inter_digit_ms = uint32(terms.digits.pause * 1000)
    wants = start.wants
    return ConverseResponse(
        started=output_pb2.Started(
            conversation_id=start.conversation,
            agent_id=terms.agent,
            input_audio=_form(start.input, FRAME_MS),
            output_audio=_form(start.output, uint32(terms.frame * 1000)),
            language=terms.language,
            endpointing=_endpointing(terms.endpointing),
            barge_in=barge_in,
            dtmf=digits,
            output=config_pb2.OutputConfig(
                interim_transcripts=wants.interim_transcripts,
                response_text=wants.response_text,
                spans=wants.spans,
                pacing=config_pb2.PACING_REALTIME if wants.paced else config_pb2.PACING_FAST,
                lead_ms=uint32(terms.lead * 1000),
            ),
            limits=write_limits(terms.max_duration, terms.image_bytes),
            server_version=version,
            resume_token=token,
        )
    )


def write_limits(max_duration: float, image_bytes: int) -> output_pb2.Limits:
    """Return what a call may not exceed; ``max_duration`` in seconds."""
    return output_pb2.Limits(
        max_duration_ms=uint64(max_duration * 1000),
        max_chunk_ms=round(LONGEST_CHUNK * 1000),
        max_message_bytes=MESSAGE_BYTES,
        max_image_bytes=image_bytes,
        max_text_chars=TEXT_CHARS,
    )


def encodings() -> list[audio_pb2.AudioEncoding.ValueType]:
    """Return the encodings that are served."""
    return list(_ENCODINGS.values())


def _form(form: AudioForm, frame_ms: int) -> audio_pb2.AudioFormat:
    return audio_pb2.AudioFormat(encoding=_ENCODINGS[form.encoding], sample_rate_hz=form.rate, frame_ms=frame_ms)


def _endpointing(rules: EndpointingChanged) -> config_pb2.EndpointingConfig:
    config = config_pb2.EndpointingConfig(mode=config_pb2.ENDPOINTING_MODE_SERVER)
    if rules.no_input is not None:
        config.no_input_ms = uint32(rules.no_input * 1000)
    if rules.min_silence is not None:
        config.speech_complete_ms = uint32(rules.min_silence * 1000)
    if rules.max_silence is not None:
        config.speech_incomplete_ms = uint32(rules.max_silence * 1000)
    if rules.max_speech is not None:
        config.max_speech_ms = uint32(rules.max_speech * 1000)
    return config
