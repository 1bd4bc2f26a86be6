"""Creation of a backup: a consistent dump, the uploads and the secrets, streamed into an encrypted file."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from core.backup import contents, programs
from core.backup.archive import CHUNK, ArchiveError, Writer, header_of
from core.backup.keys import BackupKey
from core.base import clock
from core.sending import services as sending_hold

SUFFIX = ".backup"
PARTIAL = ".partial"
FORMAT = 1
STALE_SECONDS = 24 * 3600
Say = Callable[[str], None]


class BackupFailed(Exception):
    """No backup was written. The text is one sentence."""


def make(*, target: Path, key: BackupKey, with_media: bool = True, say: Say = print) -> Path:
    """Write one archive. `target` is a folder or the file itself.

    The file gets its final name only when it is complete and on disk.
    """
    site = str(sending_hold.state().site)
    at = clock.now().astimezone(UTC)
    path = target if target.suffix == SUFFIX else target / f"liuke-{site[:8]}-{at:%Y%m%dT%H%M%SZ}{SUFFIX}"
    if path.exists():
        raise BackupFailed(f"{path} already exists.")
    tools = programs.find(programs.server_major())
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}")
    header = {"format": FORMAT, "site": site, "created_at": at.isoformat()}
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            writer = Writer(file, key, header)
            _write(writer, header, tools, with_media, say)
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise BackupFailed(f"{error.filename or partial}: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    say(f"Wrote {path} ({path.stat().st_size:,} bytes)")
    return path


def _write(writer: Writer, header: dict[str, Any], tools: programs.Programs, with_media: bool, say: Say) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        # The dump and the counts share one snapshot while the shop keeps working.
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT pg_export_snapshot()")
        snapshot = cursor.fetchone()[0]
        writer.add("secrets.json", iter([json.dumps(_secrets()).encode()]))
        say("Counting ...")
        described = contents.describe()
        say(f"  {len(described['counts'])} tables, {sum(described['counts'].values()):,} rows")
        say(f"Dumping the database with pg_dump {tools.version} ...")
        part = writer.add("database.dump", _progress(_dump(tools, snapshot), say))
        say(f"  {part.size:,} bytes")
    files = 0
    if with_media:
        say("Adding the uploads ...")
        for name, path in media_files():
            with contextlib.suppress(FileNotFoundError), path.open("rb") as source:
                # Uploads are added and deleted while the shop works; skip one that was just deleted.
                writer.add(f"media/{name}", iter(lambda source=source: source.read(CHUNK), b""))  # type: ignore[misc]
                files += 1
        say(f"  {files:,} files")
    writer.close({**header, **described, "media": files if with_media else None, "keys": list(settings.PII_KEYS)})


def _secrets() -> dict[str, Any]:
    return {
        "SECRET_KEY": settings.SECRET_KEY,
        "PII_KEYS": {
            str(number): base64.urlsafe_b64encode(key).decode().rstrip("=") for number, key in settings.PII_KEYS.items()
        },
    }


def _dump(tools: programs.Programs, snapshot: str) -> Iterator[bytes]:
    command = [
        tools.path("pg_dump"), "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}",
        # Rows name the partitioned table, not a partition, so that they load even if that partition is missing.
        "--load-via-partition-root", "--no-password",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, env=programs.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        while chunk := process.stdout.read(CHUNK):
            yield chunk
        output = process.stderr.read().decode(errors="replace").strip()
        if process.wait():
            raise BackupFailed(f"pg_dump failed: {output[-600:]}")
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
        process.stderr.close()


def _progress(chunks: Iterator[bytes], say: Say) -> Iterator[bytes]:
    size, last = 0, time.monotonic()
    for chunk in chunks:
        size += len(chunk)
        if time.monotonic() - last > 5:
            say(f"  {size:,} bytes ...")
            last = time.monotonic()
        yield chunk


def media_files() -> Iterator[tuple[str, Path]]:
    """Yield (path below MEDIA_ROOT, file) of each upload, without symbolic links."""
    root = Path(settings.MEDIA_ROOT)
    for folder, _folders, names in os.walk(root):
        for name in sorted(names):
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(root).as_posix(), path


def drop_older(*, folder: Path, keep: int, site: str, say: Say = print) -> list[Path]:
    """Delete all but the newest `keep` archives of this site, and partial files of killed runs.

    Call after a success.
    """
    own: list[tuple[datetime, Path]] = []
    for path in folder.glob(f"*{SUFFIX}"):
        try:
            head = header_of(path)
        except (ArchiveError, OSError):
            continue
        if head["site"] == site:
            own.append((datetime.fromisoformat(head["created_at"]), path))
    own.sort(reverse=True)
    outdated = [path for _at, path in own[keep:]]
    outdated += [
        path
        for path in folder.glob(f"liuke-{site[:8]}-*{PARTIAL}")
        if time.time() - path.stat().st_mtime > STALE_SECONDS
    ]
    for path in outdated:
        path.unlink(missing_ok=True)
        say(f"Deleted {path}")
    return outdated


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
