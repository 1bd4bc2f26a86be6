"""The key of backups: BACKUP_KEY, a passphrase in a file, or a key that is generated once and stored under var/."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from django.conf import settings

from core.embedded.places import locations

SHORTEST_PASSPHRASE = 12
# Each guess costs 128 MB and about half a second.
SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**17, 8, 1


class UnusableKey(Exception):
    """The key can't be used. The text is one sentence."""


@dataclass(frozen=True)
class BackupKey:
    """32 random bytes, or the words of a passphrase if `passphrase` is set."""

    secret: bytes
    passphrase: bool = False

    def public(self) -> dict[str, str]:
        return {"kdf": "scrypt" if self.passphrase else "hkdf"}

    def for_file(self, salt: bytes) -> tuple[bytes, bytes]:
        """Return (the key of one file, eight bytes that tell a wrong key from a damaged file)."""
        master = self.secret
        if self.passphrase:
            master = Scrypt(salt=salt, length=32, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P).derive(self.secret)
        derived = HKDF(hashes.SHA256(), 40, salt, b"liuke backup 1").derive(master)
        return derived[:32], derived[32:]

    def for_header(self, head: dict[str, Any]) -> tuple[bytes, bytes]:
        if head.get("kdf") != self.public()["kdf"]:
            kind = "a passphrase" if head.get("kdf") == "scrypt" else "a key (BACKUP_KEY), not a passphrase"
            raise ValueError(f"The backup was made with {kind}.")
        return self.for_file(base64.b64decode(head["salt"]))


def configured(passphrase_file: str = "", *, make: bool = False, say: Callable[[str], None] = print) -> BackupKey:
    """Return the key: from the given passphrase file, BACKUP_KEY, BACKUP_PASSPHRASE_FILE, else the file under var/.

    With `make`, a backup creates the missing file and warns loudly that a copy must be stored elsewhere. Raises
    UnusableKey.
    """
    if passphrase_file:
        return _of_file(passphrase_file)
    if settings.BACKUP_KEY:
        return BackupKey(_decode(settings.BACKUP_KEY, "BACKUP_KEY"))
    if settings.BACKUP_PASSPHRASE_FILE:
        return _of_file(settings.BACKUP_PASSPHRASE_FILE)
    path = kept_file()
    if not path.exists():
        if not make:
            raise UnusableKey(
                "No key: set BACKUP_KEY to the key that the backup was made with, or give --passphrase-file."
            )
        _make(path)
    key = BackupKey(_decode(path.read_text(), str(path)))
    if make:
        say(
            "\nATTENTION: the key of the backup is stored on this same machine. Copy this line to another place "
            "now. Without it, no backup can be read if this machine is lost.\n\n"
            f"    BACKUP_KEY={path.read_text().strip()}\n\n"
            f"(The key is in {path}. Set BACKUP_KEY to use your own key and to stop this reminder.)\n"
        )
    return key


def kept_file() -> Path:
    return locations().directory / "backup.key"


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as handle:
        handle.write(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode() + "\n")
        handle.flush()
        os.fsync(handle.fileno())


def _of_file(name: str) -> BackupKey:
    try:
        words = Path(name).read_text().strip()
    except OSError as error:
        raise UnusableKey(f"The passphrase file {name} can't be read: {error.strerror}.") from None
    if len(words) < SHORTEST_PASSPHRASE:
        raise UnusableKey(f"The passphrase in {name} needs at least {SHORTEST_PASSPHRASE} characters.")
    return BackupKey(words.encode(), passphrase=True)


def _decode(text: str, name: str) -> bytes:
    text = text.strip()
    try:
        key = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != 32:
        raise UnusableKey(f"{name} must be 32 bytes in base64 (44 characters).")
    return key
