"""Items: what of a conversation OpenAI's clients may ask for again, in its order. Pure."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

MOST = 200
"""Items that are remembered; the oldest is forgotten first."""

Event = dict[str, Any]
"""A message of the Realtime API, either way."""


class Items:
    """The conversation's items, the last ones."""

    def __init__(self) -> None:
        """Begin an empty conversation."""
        self._items: OrderedDict[str, Event] = OrderedDict()
        self._before: dict[str, str | None] = {}
        self._last: str | None = None

    def add(self, item: Event) -> Event:
        """Append an item and return the event that tells of it."""
        return self._told("conversation.item.added", item)

    def done(self, item: Event) -> Event:
        """Take an item as it will stay, and return the event that tells of it."""
        return self._told("conversation.item.done", item)

    def get(self, number: str) -> Event | None:
        """Return an item, None where there is none, or none any more."""
        return self._items.get(number)

    def _told(self, kind: str, item: Event) -> Event:
        number = str(item["id"])
        if number not in self._items:
            self._before[number], self._last = self._last, number
        self._items[number] = item
        while len(self._items) > MOST:
            forgotten, _ = self._items.popitem(last=False)
            del self._before[forgotten]
        return {"type": kind, "previous_item_id": self._before[number], "item": item}


def message(number: str, role: str, status: str, *content: Mapping[str, Any]) -> Event:
    """Return an item that is a message."""
    return {
        "id": number,
        "object": "realtime.item",
        "type": "message",
        "role": role,
        "status": status,
        "content": [dict(part) for part in content],
    }


def error(code: str, text: str, *, kind: str = "invalid_request_error", param: str = "", cause: str = "") -> Event:
    """Return the event that says what cannot be done; ``param`` is the field, ``cause`` the client's ``event_id``."""
    said = {"type": kind, "code": code, "message": text, "param": param or None, "event_id": cause or None}
    return {"type": "error", "error": said}
