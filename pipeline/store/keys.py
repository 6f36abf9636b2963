"""Keys: what names personal data, and what seals the originals of the names, made for each tenant from one file's key.

The one door to ``cryptography``. The file is read once; what is in it is in no log, no record and no error.
"""

import hmac
import os
import secrets
import stat
from collections.abc import Collection, Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pipeline.core.errors import RecordsError

KEY_BYTES = 32
NONCE_BYTES = 12
"""Random for each seal. 2**32 of one key are allowed. Source: NIST SP 800-38D, 8.3."""
MAKE = "voicepipe calls key"


class Keys:
    """The keys of all tenants. Only those that allow it have originals sealed and opened again."""

    def __init__(self, key: bytes, restorable: Collection[str] = ()) -> None:
        """Take the file's key, and the tenants that allow originals to be kept."""
        self._key = key
        self._restorable = frozenset(restorable)

    def restores(self, tenant: str) -> bool:
        """Return whether a tenant allows originals to be kept, sealed."""
        return tenant in self._restorable

    def naming(self, tenant: str) -> bytes:
        """Return the key of a tenant's pseudonyms: the same value has other names with another tenant."""
        return self._derived("name", tenant)

    def sealed(self, tenant: str, originals: Mapping[str, str]) -> dict[str, bytes]:
        """Return originals by their names, encrypted (AES-256-GCM); none where the tenant does not allow it."""
        if not self.restores(tenant):
            return {}
        cipher = self._cipher(tenant)
        return {name: _seal(cipher, name, original) for name, original in originals.items()}

    def opened(self, tenant: str, sealed: Mapping[str, bytes]) -> dict[str, str]:
        """Return the originals. Raises RecordsError: ``no-restore``, ``wrong-key``."""
        if not self.restores(tenant):
            setting = f"records.tenants.{tenant}.restore"
            raise RecordsError("no-restore", f"{setting} is off: what is kept for {tenant} may not be restored")
        cipher = self._cipher(tenant)
        try:
            return {name: _open(cipher, name, content) for name, content in sealed.items()}
        except (InvalidTag, ValueError) as error:
            message = "records.key: what was sealed does not open with this key, or was changed"
            raise RecordsError("wrong-key", message, fix="name the key file that the service had then") from error

    def _cipher(self, tenant: str) -> AESGCM:
        return AESGCM(self._derived("seal", tenant))

    def _derived(self, purpose: str, tenant: str) -> bytes:
        """Return a key of its own for each purpose and tenant; a tenant's id has no space."""
        return hmac.digest(self._key, f"{purpose} {tenant}".encode(), "sha256")


def read(path: Path, restorable: Collection[str] = ()) -> Keys:
    """Return the keys of the file at ``path``.

    Raises RecordsError: ``no-key``, ``key-unreadable``, ``key-too-open``, ``key-broken``.
    """
    try:
        with path.open("rb") as file:
            _check_rights(path, os.fstat(file.fileno()))
            text = file.read(4 * KEY_BYTES)
    except FileNotFoundError as error:
        message = f"records.key: {path} does not exist; names that an earlier key gave are given by that key alone"
        raise RecordsError("no-key", message, fix=f"{MAKE}, or bring the file back") from error
    except OSError as error:
        raise RecordsError("key-unreadable", f"records.key: {path}: {error.strerror}") from error
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        message = f"records.key: {path} holds no key: that would be {2 * KEY_BYTES} hexadecimal digits"
        raise RecordsError("key-broken", message, fix=f"bring the file back, or move it away and: {MAKE}")
    return Keys(key, restorable)


def make(path: Path) -> None:
    """Make a new key in a file for its owner alone. Raises RecordsError: ``key-exists``, ``key-unwritable``."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(f"{secrets.token_hex(KEY_BYTES)}\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if isinstance(error, FileExistsError) and path.exists():
            raise RecordsError("key-exists", f"records.key: {path} is there already, and stays as it is") from error
        raise RecordsError("key-unwritable", f"records.key: {path}: {error.strerror}") from error


def _check_rights(path: Path, found: os.stat_result) -> None:
    """Raise RecordsError where others can read the file. A group may where root owns it: so a cluster hands it over.

    Source: the rule of PostgreSQL for ``ssl_key_file``.
    """
    others = stat.S_IRWXO | (stat.S_IRWXG if found.st_uid == os.geteuid() else stat.S_IWGRP | stat.S_IXGRP)
    if found.st_mode & others:
        mode = stat.S_IMODE(found.st_mode)
        raise RecordsError("key-too-open", f"records.key: {path} has mode {mode:04o}", fix=f"chmod 600 {path}")


def _seal(cipher: AESGCM, name: str, original: str) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, original.encode("utf-8", "replace"), name.encode())


def _open(cipher: AESGCM, name: str, content: bytes) -> str:
    return cipher.decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], name.encode()).decode()
