"""Memory: all that the model may be shown of one call: what was said, and what is known. It dies with the call."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.core.stages import Message
from pipeline.dialog import pictures, summary
from pipeline.dialog.history import Chapter, History
from pipeline.dialog.notes import noted, paragraphs
from pipeline.dialog.state import DialogState


@dataclass(frozen=True, slots=True)
class Memory:
    """The history and the state of one call."""

    history: History
    state: DialogState
    picture_tokens: int = 0
    """About how many tokens of what is read in a picture the model is shown."""

    def asked(self, text: str) -> list[Message]:
        """Return what the model is shown when the caller says ``text``: with what is known behind it.

        There it costs no more than its own reading: the model has read all before it while the caller spoke.
        """
        messages = self.history.messages(text)
        return [*messages[:-1], *(replace(last, below=self.state.shown(text)) for last in messages[-1:])]

    def caller(self, text: str) -> None:
        """Take down what the caller said in one turn."""
        self.state.capture(text)
        self.history.caller(text)

    def looked(self, note: str | None) -> None:
        """Let the model know from the caller's next words on what was read in a picture; None where that failed."""
        language = self.state.language
        failed = pictures.told(pictures.BROKEN, language)
        self.history.show(failed if note is None else pictures.quoted(note, language, self.picture_tokens))

    def with_pictures(self, asked: Sequence[Message], *, late: bool) -> list[Message]:
        """Return what is asked with the pictures that came since; ``late`` says that another is still looked at."""
        shown = self.history.show_now()
        last = asked[-1]
        told = [*asked[:-1], replace(last, above=paragraphs(last.above, shown))]
        return noted(told, pictures.told(pictures.LATE, self.state.language) if late else "")

    def chapter(self) -> Chapter | None:
        """Return what is to be summed up now, if anything."""
        return self.history.chapter()

    def summary_request(self, chapter: Chapter) -> list[Message]:
        """Return what asks the model for a chapter's summary: it has read all but the last message already."""
        return [*chapter.said, summary.request(self.state.language)]

    def summarized(self, chapter: Chapter, text: str) -> None:
        """Take the summary that the model wrote."""
        self.history.summarized(chapter, summary.quoted(text, self.state.language))
