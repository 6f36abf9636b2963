"""Recap: when the turns of a call are summed up that the model will soon not be shown. Nobody ever waits for it.

The model writes it while the caller listens to a reply, or has listened to one: once the first sound has left, since
until then all of the machine belongs to the reply. A caller who begins to speak stops it, as does whoever is waiting
for an answer; what was written is lost then, and it is begun anew with the next reply.
"""

from collections.abc import Callable

from pipeline.core.events import CallEvent, PlaybackStarted, ReplyEnded, SpeechReady, SpeechStarted
from pipeline.dialog.memory import Memory
from pipeline.session.priming import Priming


class Recap:
    """The recaps of one call."""

    def __init__(self, memory: Memory, priming: Priming, is_quiet: Callable[[], bool]) -> None:
        """Sum up where ``is_quiet`` says that neither the caller speaks nor a reply is still in the making."""
        self._memory = memory
        self._priming = priming
        self._is_quiet = is_quiet

    def notice(self, event: CallEvent) -> None:
        """Begin or stop at what happens in the call."""
        match event:
            case SpeechStarted():
                self._priming.stop_summing_up()
            case PlaybackStarted() | SpeechReady() | ReplyEnded() if self._is_quiet():
                chapter = self._memory.chapter()
                if chapter is not None:
                    asked = self._memory.summary_request(chapter)
                    self._priming.sum_up(asked, lambda text: self._memory.summarized(chapter, text))
            case _:
                pass
