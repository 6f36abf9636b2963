"""Pictures: what the caller of one call has sent to be looked at. They are in memory only, and die with the call.

Work on a picture begins when it has arrived, whoever asks for it and whenever. What was read in it is told to the model
with the caller's next words, once the picture was shown to the call.
"""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from uuid import uuid4

import anyio
from anyio.abc import TaskGroup

from pipeline.core.clock import Clock
from pipeline.core.errors import VisionError
from pipeline.core.events import PictureNoted, PictureShown, PictureState, StageFailed, TurnId
from pipeline.session.gate import Tell
from pipeline.vision.stage import Vision

Looked = Callable[[str | None], None]
"""Lets the model know what was read in a picture; None where that failed."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture that was taken."""

    media: str
    """Its id within the call."""
    sha256: bytes
    """Of what arrived."""
    size: int
    """Bytes that arrived."""
    expires: float
    """Seconds since 1970 at which it is forgotten at the latest."""


@dataclass(slots=True)
class _Picture:
    media: str
    data: bytes
    """Scrubbed; nothing once it will not be looked at any more."""
    arrived_at: float
    leave: Callable[[], None]
    """Gives its room back; again does nothing."""
    shown: bool = False
    done: bool = False
    note: str | None = None
    """None where it could not be read."""
    took: float = 0.0
    told: bool = False
    """The model knows."""
    looking: anyio.CancelScope = field(default_factory=anyio.CancelScope)


class Pictures:
    """The pictures of one call. ``open`` comes first, ``close`` last."""

    def __init__(self, vision: Vision | None, clock: Clock, expires: float = 0.0) -> None:
        """Take none without ``vision``; ``expires`` is when the call is over at the latest, in seconds since 1970."""
        self._vision = vision
        self._clock = clock
        self._expires = expires
        self._pictures: dict[str, _Picture] = {}
        self._arriving = 0
        """Pictures on their way."""
        self._coming = 0
        """Those of them that are shown as soon as they are there."""
        self._unseen: list[_Picture] = []
        """What the model knows since the last answer."""
        self._changed = anyio.Event()
        self._tasks: TaskGroup | None = None
        self._begun = anyio.Event()
        """The call goes on, or will not: its client knows of it an instant before."""
        self._tell: Tell
        self._looked: Looked
        self._post: Callable[[PictureShown], Awaitable[None]]

    def open(
        self, tasks: TaskGroup, *, tell: Tell, looked: Looked, post: Callable[[PictureShown], Awaitable[None]]
    ) -> None:
        """Work in ``tasks``; ``post`` hands what was shown from beside the call to its session."""
        self._tell, self._looked, self._post = tell, looked, post
        self._tasks = tasks
        self._begun.set()

    def close(self) -> None:
        """Take none any more, and forget all."""
        self._tasks = None
        self._begun.set()
        for picture in self._pictures.values():
            picture.leave()  # work that was cancelled before its first step has not
        self._pictures.clear()

    async def take(self, pieces: AsyncIterable[bytes], wanted: str = "") -> Kept:
        """Take a picture as it arrives, and begin to look at it, for what is ``wanted`` above all.

        Raises VisionError: ``vision-off``, ``too-many-pictures``, ``call-over``; ``picture-too-large``,
        ``upload-timeout``, ``unsupported-picture``, ``broken-picture``, ``trailing-data``, ``too-many-pixels``;
        ``looking-timeout`` and ``looking-failed`` where nothing is left to decode it with.
        """
        if self._vision is not None:
            await self._begun.wait()
        vision, leave = self._enter()
        self._arriving += 1
        try:
            await vision.prepare()
            arrived = await vision.received(pieces)
            arrived_at = self._clock.now()
            scrubbed = await vision.scrubbed(arrived.picture)
            tasks = _open(self._tasks)
        except BaseException:
            leave()
            raise
        finally:
            self._arriving -= 1
        picture = _Picture(uuid4().hex, scrubbed, arrived_at, leave)
        self._pictures[picture.media] = picture
        tasks.start_soon(self._look, vision, picture, wanted)
        await self._tell(_noted(picture, PictureState.RECEIVED, self._clock.now()))
        return Kept(picture.media, arrived.sha256, arrived.size, self._expires)

    async def attach(self, media: str) -> None:
        """Show a picture to the call, from beside it. Raises VisionError ``call-over``."""
        try:
            await self._post(PictureShown(media=media))
        except (anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise _over() from error

    async def show(self, shown: PictureShown) -> None:
        """Let the model know a picture from the caller's next words on; the client is told of what is wrong with it."""
        picture = self._pictures.get(shown.media)
        if shown.inline and self._tasks is not None:
            self._coming += 1
            self._tasks.start_soon(self._take_inline, shown)
        elif picture is not None and self._vision is not None:
            picture.shown = True
            if picture.done and not (shown.wanted and self._vision.follows_wishes):
                self._show_to_model(picture)
            elif shown.wanted and self._vision.follows_wishes and self._tasks is not None and not picture.told:
                self._look_again(self._vision, picture, shown.wanted)
        else:
            off = self._vision is None
            error = pictures_off() if off else VisionError("unknown-media", "there is no such picture in this call")
            await self._tell(_complaint(error, shown, self._clock.now()))

    @property
    def pending(self) -> bool:
        """Return whether a picture that was shown is still being looked at."""
        looked_at = (picture.shown and not picture.done for picture in self._pictures.values())
        return self._coming > 0 or any(looked_at)

    async def settled(self) -> bool:
        """Wait until no picture is pending, as long as a caller may be kept waiting; return whether none is."""
        if self._vision is not None:
            with anyio.move_on_after(self._vision.settings.patience):
                while self.pending:
                    if self._changed.is_set():
                        self._changed = anyio.Event()
                    await self._changed.wait()
        return not self.pending

    def seen(self) -> tuple[str, float] | None:
        """Return what the model knows since the last answer and how long that took to read; None for nothing new."""
        unseen, self._unseen = self._unseen, []
        if not unseen:
            return None
        return "\n".join(picture.note for picture in unseen if picture.note), max(one.took for one in unseen)

    def _enter(self) -> tuple[Vision, Callable[[], None]]:
        """Hold room for a picture; return what gives it back. Raises VisionError."""
        if self._vision is None:
            raise pictures_off()
        _open(self._tasks)
        most = self._vision.settings.per_call
        if len(self._pictures) + self._arriving >= most:
            raise VisionError("too-many-pictures", f"a call may send {most} pictures", retryable=True)
        return self._vision, self._vision.enter()

    async def _take_inline(self, shown: PictureShown) -> None:
        try:
            picture = self._pictures[(await self.take(_whole(shown.inline), shown.wanted)).media]
        except VisionError as error:
            await self._tell(_complaint(error, shown, self._clock.now()))
        else:
            picture.shown = True
            if picture.done:
                self._show_to_model(picture)
        finally:
            self._coming -= 1
            self._changed.set()

    def _look_again(self, vision: Vision, picture: _Picture, wanted: str) -> None:
        """Have a picture looked at for what is wanted of it, in place of what was begun when it arrived."""
        picture.leave()
        try:
            picture.leave = vision.enter()
        except VisionError:  # it was looked at already, and there is no room to do so again
            self._show_to_model(picture)
            return
        picture.looking.cancel()
        picture.looking, picture.done = anyio.CancelScope(), False
        assert self._tasks is not None  # noqa: S101  the call goes on
        self._tasks.start_soon(self._look, vision, picture, wanted)

    async def _look(self, vision: Vision, picture: _Picture, wanted: str) -> None:
        """Have a picture looked at, and tell what came of it."""
        failed: VisionError | None = None
        leave = picture.leave
        with picture.looking as scope:
            try:
                picture.note = await vision.described(picture.data, wanted)
            except VisionError as error:
                failed = error
            finally:
                leave()
        if scope.cancelled_caught:
            return
        picture.done, picture.took = True, self._clock.now() - picture.arrived_at
        if not vision.follows_wishes:
            picture.data = b""
        if picture.shown:
            self._show_to_model(picture)
        self._changed.set()
        state = PictureState.READY if failed is None else PictureState.FAILED
        await self._tell(_noted(picture, state, self._clock.now(), failed))

    def _show_to_model(self, picture: _Picture) -> None:
        if not picture.told:
            picture.told = True
            self._unseen.append(picture)
            self._looked(picture.note)


def _noted(picture: _Picture, state: PictureState, now: float, failed: VisionError | None = None) -> PictureNoted:
    return PictureNoted(
        turn=TurnId(0),
        at=now,
        media=picture.media,
        state=state,
        note=picture.note or "",
        took=picture.took,
        code="" if failed is None else failed.code,
        message="" if failed is None else str(failed),
    )


def _complaint(error: VisionError, shown: PictureShown, now: float) -> StageFailed:
    return StageFailed(
        turn=TurnId(0),
        at=now,
        stage=error.stage,
        code=error.code,
        message=str(error),
        retryable=error.retryable,
        field="image.media_id" if shown.media else "image.inline",
        refers_to=shown.refers_to,
    )


def pictures_off() -> VisionError:
    """Return the error for a picture where none are taken."""
    return VisionError("vision-off", 'this server takes no pictures: vision.engine is "off"')


def _open(tasks: TaskGroup | None) -> TaskGroup:
    """Return the tasks of a call that goes on. Raises VisionError ``call-over``."""
    if tasks is None:
        raise _over()
    return tasks


def _over() -> VisionError:
    return VisionError("call-over", "the call is over")


async def _whole(data: bytes) -> AsyncIterator[bytes]:
    yield data
