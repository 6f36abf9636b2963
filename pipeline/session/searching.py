"""Searching: the documents are searched for what the caller seems to be asking, while the caller still speaks."""

import anyio
from anyio.abc import TaskGroup

from pipeline.dialog.ahead import Search
from pipeline.dialog.history import History
from pipeline.dialog.responder import Responder


class Searching:
    """The searches of one call that begin ahead: one at a time, the latest words win, none is kept after its turn."""

    def __init__(self, responder: Responder, history: History) -> None:
        """Search nothing before ``open``."""
        self._responder = responder
        self._history = history
        self._one = anyio.Lock()
        self.latest: Search | None = None
        """What was begun last for the turn in progress; an answer to the same words finds in it what it looks for."""
        self._tasks: TaskGroup

    def open(self, tasks: TaskGroup) -> None:
        """Work in ``tasks``."""
        self._tasks = tasks

    def begin(self, text: str) -> None:
        """Search for what the caller seems to be saying, unless that is begun; what was begun before is given up."""
        if not self._responder.has_documents:
            return
        messages = self._history.messages(text)
        if self.latest is not None:
            if self.latest.asks(messages[-1].text):
                return
            self.latest.cancel()
        self.latest = self._responder.search(messages)
        if self.latest is not None:
            self._tasks.start_soon(self._run, self.latest)

    def forget(self) -> None:
        """Take note that the turn is over: whoever answers it has its search already."""
        self.latest = None

    async def _run(self, search: Search) -> None:
        async with self._one:
            await search.run()
