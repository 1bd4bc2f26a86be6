"""The file format of a backup: parts in a stream of encrypted, authenticated chunks, none of which can be removed.

    LIUKE-BACKUP-1\\n | length, header as JSON | frames

The header is not secret, but every frame is bound to it. A frame is its length and an AES-256-GCM ciphertext of up to 1
MB. Its nonce counts from zero and marks the last frame, so that frames can't be reordered, repeated or cut off. The key
of a file is derived from the shop's key and the salt of the file. The frames contain records: the begin of a part, its
bytes, its end with SHA-256 and size, and at the end the manifest.
"""

from __future__ import annotations

import base64
import json
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.backup.keys import BackupKey

MAGIC = b"LIUKE-BACKUP-1\n"
CHUNK = 1024 * 1024
LAST = 1 << 31
LONGEST_HEADER = 65536
BEGIN, DATA, END, MANIFEST = b"B", b"D", b"E", b"M"


class ArchiveError(Exception):
    """The file is no backup, is damaged or cut off, or was made with another key. The text is one sentence."""


@dataclass(frozen=True)
class ArchivePart:
    name: str
    size: int
    sha256: str


class Writer:
    """A writer of one archive to `target`. Only `close` makes the archive complete."""

    def __init__(self, target: BinaryIO, key: BackupKey, header: dict[str, Any]) -> None:
        self._target = target
        salt = os.urandom(32)
        file_key, check = key.for_file(salt)
        head = json.dumps(
            {**header, **key.public(), "salt": base64.b64encode(salt).decode(), "check": check.hex()}
        ).encode()
        self._bound = sha256(MAGIC + head).digest()
        self._cipher = AESGCM(file_key)
        self._number = 0
        self._buffer = bytearray()
        self.parts: list[ArchivePart] = []
        target.write(MAGIC + struct.pack(">I", len(head)) + head)

    def add(self, name: str, chunks: Iterator[bytes]) -> ArchivePart:
        """Write one part from a stream of chunks."""
        digest, size = sha256(), 0
        self._record(BEGIN, name.encode())
        for chunk in chunks:
            for start in range(0, len(chunk), CHUNK):
                piece = chunk[start : start + CHUNK]
                digest.update(piece)
                size += len(piece)
                self._record(DATA, piece)
        part = ArchivePart(name, size, digest.hexdigest())
        self._record(END, json.dumps({"size": size, "sha256": part.sha256}).encode())
        self.parts.append(part)
        return part

    def close(self, manifest: dict[str, Any]) -> None:
        parts = [{"name": part.name, "size": part.size, "sha256": part.sha256} for part in self.parts]
        self._record(MANIFEST, json.dumps({**manifest, "parts": parts}).encode())
        self._frame(bytes(self._buffer), last=True)

    def _record(self, kind: bytes, payload: bytes) -> None:
        self._buffer += kind + struct.pack(">I", len(payload)) + payload
        while len(self._buffer) > CHUNK:
            self._frame(bytes(self._buffer[:CHUNK]), last=False)
            del self._buffer[:CHUNK]

    def _frame(self, plain: bytes, *, last: bool) -> None:
        sealed = self._cipher.encrypt(_nonce(self._number, last), plain, self._bound)
        self._target.write(struct.pack(">I", len(sealed) | (LAST if last else 0)) + sealed)
        self._number += 1


class ArchiveReader:
    """A reader of one archive from its beginning to its end."""

    def __init__(self, path: Path, key: BackupKey | None) -> None:
        self.path = path
        self._key = key
        self.manifest: dict[str, Any] = {}

    def parts(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Yield each part with its bytes, which must be read before the next part. Raises ArchiveError.

        The size and SHA-256 of a part are checked after its last byte, the manifest after the last part.
        """
        with self.path.open("rb") as source:
            head, bound = _read_header(source)
            if self._key is None:
                raise ArchiveError("The key is missing.")
            try:
                file_key, check = self._key.for_header(head)
            except ValueError as error:
                raise ArchiveError(str(error)) from None
            if check.hex() != head["check"]:
                raise ArchiveError("The backup was made with another key: set BACKUP_KEY, or give --passphrase-file.")
            records = _records(_frames(source, AESGCM(file_key), bound))
            parts_read: list[ArchivePart] = []
            for kind, payload in records:
                if kind == BEGIN:
                    name = payload.decode()
                    body = _Body(name, records)
                    yield name, body.read()
                    parts_read.append(body.finish())
                elif kind == MANIFEST:
                    self.manifest = json.loads(payload)
                else:
                    raise ArchiveError("The backup is damaged: its records are out of order.")
        if not self.manifest or [ArchivePart(**part) for part in self.manifest["parts"]] != parts_read:
            raise ArchiveError("The backup is damaged: its parts differ from its manifest.")

    def check(self) -> dict[str, Any]:
        """Read the whole archive to check it. Return the manifest; raises ArchiveError."""
        for _name, chunks in self.parts():
            for _chunk in chunks:
                pass
        return self.manifest


class _Body:
    """The bytes of one part, checked against its end record."""

    def __init__(self, name: str, records: Iterator[tuple[bytes, bytes]]) -> None:
        self._name, self._records = name, records
        self._digest, self._size = sha256(), 0
        self._part: ArchivePart | None = None

    def read(self) -> Iterator[bytes]:
        if self._part is not None:
            return
        for kind, payload in self._records:
            if kind == DATA:
                self._digest.update(payload)
                self._size += len(payload)
                yield payload
                continue
            end = json.loads(payload) if kind == END else {}
            if end != {"size": self._size, "sha256": self._digest.hexdigest()}:
                break
            self._part = ArchivePart(self._name, self._size, self._digest.hexdigest())
            return
        raise ArchiveError(f"The backup is damaged: {self._name} was changed.")

    def finish(self) -> ArchivePart:
        for _rest in self.read():
            pass
        assert self._part is not None
        return self._part


def header_of(path: Path) -> dict[str, Any]:
    """Return the public header of a backup: site, time and kind of key. Raises ArchiveError."""
    with path.open("rb") as source:
        return _read_header(source)[0]


def _read_header(source: BinaryIO) -> tuple[dict[str, Any], bytes]:
    if source.read(len(MAGIC)) != MAGIC:
        raise ArchiveError("This file is not a backup of Liuke.")
    (length,) = struct.unpack(">I", _exactly(source, 4))
    if length > LONGEST_HEADER:
        raise ArchiveError("This file is not a backup of Liuke.")
    raw = _exactly(source, length)
    try:
        head = json.loads(raw)
        base64.b64decode(head["salt"]), head["check"], head["site"], head["created_at"]
    except (ValueError, KeyError, TypeError):
        raise ArchiveError("The backup is damaged: its header can't be read.") from None
    return head, sha256(MAGIC + raw).digest()


def _frames(source: BinaryIO, cipher: AESGCM, bound: bytes) -> Iterator[bytes]:
    number = 0
    while True:
        (length,) = struct.unpack(">I", _exactly(source, 4))
        last = bool(length & LAST)
        length &= LAST - 1
        if length > CHUNK + 16:
            raise ArchiveError("The backup is damaged.")
        try:
            yield cipher.decrypt(_nonce(number, last), _exactly(source, length), bound)
        except InvalidTag:
            raise ArchiveError(f"The backup is damaged: chunk {number + 1} was changed.") from None
        number += 1
        if last:
            if source.read(1):
                raise ArchiveError("The backup is damaged: there is data after its end.")
            return


def _records(frames: Iterator[bytes]) -> Iterator[tuple[bytes, bytes]]:
    buffer = bytearray()
    for frame in frames:
        buffer += frame
        while len(buffer) >= 5:
            (length,) = struct.unpack(">I", buffer[1:5])
            if len(buffer) < 5 + length:
                break
            yield bytes(buffer[:1]), bytes(buffer[5 : 5 + length])
            del buffer[: 5 + length]
    if buffer:
        raise ArchiveError("The backup is damaged: its last record is incomplete.")


def _exactly(source: BinaryIO, length: int) -> bytes:
    data = source.read(length)
    if len(data) != length:
        raise ArchiveError("The backup is cut off: its end is missing.")
    return data


def _nonce(number: int, last: bool) -> bytes:
    return struct.pack(">QI", number, int(last))
