"""CallLog: the service's messages in, what is going on in the call out. Pure."""

from dataclasses import dataclass

from google.rpc import error_details_pb2
from grpc import StatusCode

from pipeline.caller.live import CallOpened, LiveEvent, Noticed, ReplyWritten, Understood
from pipeline.caller.report import NoticeReport
from pipeline.entrances.generated.voicepipe.v1 import output_pb2
from pipeline.entrances.generated.voicepipe.v1.conversation_pb2 import ConverseResponse

CODES = {code.value[0]: code.name for code in StatusCode}


@dataclass(slots=True)
class HeardTurn:
    """A turn as the service reported it."""

    number: int
    ended_at: float | None = None
    """Where its speech ended on the caller's line, in seconds; None while the caller is heard speaking."""
    transcript: output_pb2.Transcript | None = None
    """The final one."""
    reply: int | None = None
    owed: bool = False
    """The service has still to say what it understood, or to answer it."""


@dataclass(slots=True)
class HeardReply:
    """A reply as the service reported it."""

    number: int
    turn: int | None
    """The turn that it answers, None for a prompt."""
    text: str = ""
    cleared: bool = False
    """Nothing more of it is heard."""
    done: output_pb2.ResponseDone | None = None


class CallLog:
    """Keeps the turns and replies of one call."""

    def __init__(self) -> None:
        self.started: output_pb2.Started | None = None
        self.ended: output_pb2.Ended | None = None
        self.turns: dict[int, HeardTurn] = {}
        self.replies: dict[int, HeardReply] = {}
        self.notices: list[NoticeReport] = []
        self.silences = 0
        """How often the service said that it heard nothing in time."""

    @property
    def open(self) -> bool:
        """Return whether the service is listening to a turn, or owes or gives a reply."""
        listening = any(turn.owed or turn.ended_at is None for turn in self.turns.values())
        return listening or self._replying

    @property
    def noticed(self) -> int:
        """Return how often the service has called a turn, or the wait for one, over."""
        return self.silences + sum(turn.ended_at is not None for turn in self.turns.values())

    def feed(self, response: ConverseResponse) -> LiveEvent | None:
        """Take note of a message; return what there is to tell of it. Unknown ones are passed over."""
        match response.WhichOneof("event"):
            case "started":
                self.started = response.started
                return CallOpened(call_id=response.started.conversation_id, agent=response.started.agent_id)
            case "input_event":
                self._noticed_input(response.input_event)
            case "transcript" if response.transcript.is_final:
                return self._understood(response.transcript)
            case "response_started":
                self._begun(response.response_started)
            case "response_text":
                written = response.response_text
                self._reply(written.response_id).text += written.delta
                return ReplyWritten(reply=written.response_id, text=written.delta)
            case "clear_audio":
                self._reply(response.clear_audio.response_id).cleared = True
            case "response_done":
                self._reply(response.response_done.response_id).done = response.response_done
            case "notice":
                self.notices.append(_notice(response.notice))
                return Noticed(notice=self.notices[-1])
            case "ended":
                self.ended = response.ended
            case _:
                pass
        return None

    def _turn(self, number: int) -> HeardTurn:
        return self.turns.setdefault(number, HeardTurn(number))

    @property
    def _replying(self) -> bool:
        return any(reply.done is None and not reply.cleared for reply in self.replies.values())

    def _reply(self, number: int) -> HeardReply:
        return self.replies.setdefault(number, HeardReply(number, None))

    def _understood(self, transcript: output_pb2.Transcript) -> Understood:
        turn = self._turn(transcript.turn_id)
        turn.transcript = transcript
        if turn.ended_at is None:
            turn.ended_at = transcript.end_ms / 1000
        # What was said into a reply may be a backchannel, which has no answer.
        turn.owed = bool(transcript.text) and not self._replying
        return Understood(turn=transcript.turn_id, text=transcript.text, language=transcript.language)

    def _noticed_input(self, event: output_pb2.InputEvent) -> None:
        match event.kind:
            case output_pb2.INPUT_EVENT_KIND_SPEECH_STARTED | output_pb2.INPUT_EVENT_KIND_SPEECH_ENDED:
                self._turn(event.turn_id)
            case output_pb2.INPUT_EVENT_KIND_TURN_ENDED:
                turn = self._turn(event.turn_id)
                turn.ended_at = event.offset_ms / 1000
                turn.owed = not self._replying
            case output_pb2.INPUT_EVENT_KIND_NO_INPUT:
                self.silences += 1
            case output_pb2.INPUT_EVENT_KIND_NO_MATCH:
                for turn in self.turns.values():
                    turn.owed = False
            case _:
                pass

    def _begun(self, started: output_pb2.ResponseStarted) -> None:
        """Take a reply as the answer to its turn if that turn was understood and has none yet; else as a prompt."""
        reply = self._reply(started.response_id)
        turn = self.turns.get(started.turn_id)
        if turn is None:
            return
        turn.owed = False
        if turn.reply is None and turn.transcript is not None and turn.transcript.text:
            turn.reply = started.response_id
            reply.turn = started.turn_id


def _notice(notice: output_pb2.Notice) -> NoticeReport:
    info = error_details_pb2.ErrorInfo()
    for detail in notice.status.details:
        detail.Unpack(info)
    return NoticeReport(
        code=CODES.get(notice.status.code, str(notice.status.code)),
        reason=info.reason,
        message=notice.status.message,
        retryable=notice.retryable,
    )
