"""Where model files lie: ``models/NAME/`` in the cache folder, whole and verified or not there at all."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pipeline.core.errors import ModelError
from pipeline.models.catalog import FIRST_USE, Catalog, ModelFile
from pipeline.models.progress import Progress, Silent

CHUNK_BYTES = 1 << 20


def cache_folder(given: Path | None, environment: Mapping[str, str]) -> Path:
    """Return the cache folder: ``given``, else ``$XDG_CACHE_HOME/voicepipe``, else ``~/.cache/voicepipe``."""
    if given is not None:
        return given.expanduser()
    base = environment.get("XDG_CACHE_HOME", "")
    # The XDG specification tells programs to ignore a relative path.
    return (
        Path(base) if base.startswith("/") else Path(environment.get("HOME", "~")).expanduser() / ".cache"
    ) / "voicepipe"


def sha256_of(file: Path, moved: Callable[[int], None] = lambda _: None) -> str:
    """Return the hash of a file in hexadecimal digits; ``moved`` is told the bytes read so far. Raises OSError."""
    digest, done = hashlib.sha256(), 0
    with file.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
            moved(done)
    return digest.hexdigest()


class Store:
    """The models of a catalog that lie in a cache folder."""

    def __init__(self, cache: Path, catalog: Catalog) -> None:
        self.catalog = catalog
        self.cache = cache
        self.root = cache / "models"

    def folder(self, name: str) -> Path:
        """Return where a model lies or would lie. Raises ModelError for a name that the catalog has not."""
        return self.root / self.catalog[name].name

    def partial(self, name: str) -> Path:
        """Return where a model is put together before it is placed."""
        return self.root / f"{self.catalog[name].name}.partial"

    def present(self, name: str) -> bool:
        """Return whether every file is there with its size; hashes are for ``verify``."""
        pins = self._pins(name)
        for file in self.catalog[name].files:
            size = _size(self.folder(name) / file.path)
            if size is None or size != (size if file.size is None else file.size):
                return False
            if not file.sha256 and file.path not in pins:
                return False
        return True

    def path(self, name: str) -> Path:
        """Return a model's folder. Raises ModelError with the command that fetches it if it is not there."""
        if not self.present(name):
            raise ModelError(
                "model-missing", f"model {name} is not in {self.root}", fix=f"voicepipe models pull {name}"
            )
        return self.folder(name)

    def file(self, name: str, suffix: str) -> Path:
        """Return the model's only file that ends so. Raises ModelError if it is not there; KeyError if none ends so."""
        found = [file.path for file in self.catalog[name].files if file.path.endswith(suffix)]
        if len(found) != 1:
            raise KeyError(f"{name} has {len(found)} files that end in {suffix}")
        return self.path(name) / found[0]

    def first_present(self, names: Iterable[str]) -> str:
        """Return the first name that is present; names that the catalog has not are passed over.

        Raises ModelError if none is, with the command that fetches the best one.
        """
        known = [name for name in names if name in self.catalog]
        for name in known:
            if self.present(name):
                return name
        fix = f"voicepipe models pull {known[0]}" if known else ""
        raise ModelError("model-missing", f"none of these models is in {self.root}: {', '.join(names)}", fix=fix)

    def faults(self, name: str, progress: Progress | None = None) -> dict[str, str]:
        """Hash every file. Return what is wrong, by path: empty if the model is whole."""
        model, pins, told = self.catalog[name], self._pins(name), progress or Silent()
        wrong, done = {}, 0

        def moved(n: int) -> None:
            told.moved(name, done + n, model.size)

        for file in model.files:
            try:
                found = sha256_of(self.folder(name) / file.path, moved)
            except FileNotFoundError:
                wrong[file.path] = "is missing"
                continue
            except OSError as error:
                wrong[file.path] = f"cannot be read: {error.strerror}"
                continue
            done += _size(self.folder(name) / file.path) or 0
            expected = file.sha256 or pins.get(file.path)
            if expected != found:
                wrong[file.path] = f"has sha256 {found}, expected {expected or 'none: its hash was never recorded'}"
        return wrong

    def verify(self, name: str, progress: Progress | None = None) -> None:
        """Hash every file. Raises ModelError that names each missing or changed file, and the command that mends it."""
        wrong = self.faults(name, progress)
        if wrong:
            text = "; ".join(f"{path} {what}" for path, what in wrong.items())
            raise ModelError("model-broken", f"model {name}: {text}", fix=f"voicepipe models pull {name}")

    def digest(self, name: str, file: ModelFile) -> str:
        """Return the sha256 that ``file`` must have: the catalog's, or the one recorded on first use."""
        found = file.sha256 or self._pins(name).get(file.path)
        if not found:
            raise ModelError("model-missing", f"model {name}: the hash of {file.path} is not known")
        return found

    @contextmanager
    def locked(self, name: str, waiting: Callable[[], None]) -> Iterator[None]:
        """Hold the lock of a model, over all processes. ``waiting`` is called if another one has it."""
        locks = self.root / ".locks"
        locks.mkdir(parents=True, exist_ok=True)
        with (locks / self.catalog[name].name).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def place(self, name: str, ready: Path) -> Path:
        """Make the folder ``ready`` the model, in one step, and return where it now lies.

        Must be called under the lock. A broken model that is in the way goes away after the new one is there; whoever
        has its files open keeps them.
        """
        folder = self.folder(name)
        old = folder.with_name(f"{folder.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        for path in (*ready.rglob("*"), ready):
            _sync(path)
        if folder.exists():
            folder.rename(old)
        ready.rename(folder)
        _sync(self.root)
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(self.partial(name), ignore_errors=True)
        return folder

    def _pins(self, name: str) -> dict[str, str]:
        return read_pins(self.folder(name))


def read_pins(folder: Path) -> dict[str, str]:
    """Return the hashes recorded on first use, by path; empty if there are none."""
    try:
        lines = (folder / FIRST_USE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    return {path: digest for digest, _, path in (line.partition("  ") for line in lines)}


def write_pins(folder: Path, pins: Mapping[str, str]) -> None:
    """Record hashes on first use."""
    text = "".join(f"{digest}  {path}\n" for path, digest in sorted(pins.items()))
    (folder / FIRST_USE).write_text(text, encoding="utf-8")


def _size(file: Path) -> int | None:
    """Return a file's bytes, None if it is not there."""
    try:
        return file.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return None


def _sync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
