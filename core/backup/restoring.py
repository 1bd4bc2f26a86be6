"""Restore of a backup: check everything, load the database in one transaction with sending held, then the files.

After that, the proofs run.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from core.backup import contents, programs
from core.backup.archive import ArchiveReader
from core.backup.keys import BackupKey
from core.embedded import places
from core.health import checks as health
from core.sending import services as sending_hold

Say = Callable[[str], None]
SCRATCH = "liuke_verify_"


class RestoreRefused(Exception):
    """Nothing was changed. The text names the obstacle in one sentence."""


class RestoreFailed(Exception):
    """The restore failed and the database is unchanged. The text is one sentence."""


@dataclass(frozen=True)
class Secrets:
    secret_key: str
    keys: dict[int, bytes]

    def environment(self) -> str:
        """Return the two variables in the format of an environment file for a shell or systemd."""
        return f"PII_KEYS={self.pii_keys()}\nSECRET_KEY={self.secret_key}\n"

    def pii_keys(self) -> str:
        return ",".join(f"{number}:{_text(key)}" for number, key in self.keys.items())


def verify(*, path: Path, key: BackupKey, say: Say = print) -> list[str]:
    """Restore into a scratch database of the same server, compare, prove and drop it. Return the differences."""
    say("Checking the archive ...")
    manifest, secrets = _look(path, key)
    tools = programs.find(max(programs.server_major(), manifest["server"]))
    name = f"{SCRATCH}{uuid.uuid4().hex[:12]}"
    say(f"Restoring into the scratch database {name} ...")
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    try:
        with contents.other_database(name):
            _load(path, key, tools, prefix="", suffix="")
            say("Comparing counts, totals and invariants ...")
            with _keys(secrets):
                return contents.verified(manifest)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def restore(
    *, path: Path, key: BackupKey, replace: bool = False, overwrite: bool = False, say: Say = print
) -> list[str]:
    """Restore a shop. Return the differences from the backup; empty when there are none.

    Every check runs before the first change. The database changes in one transaction, which also holds sending: no
    worker ever sees the restored rows without the hold.
    """
    say("Checking the archive ...")
    manifest, secrets = _look(path, key)
    tools = programs.find(max(programs.server_major(), manifest["server"]))
    _refuse_newer(manifest)
    full = bool(contents.tables())
    if full and not replace:
        raise RestoreRefused(
            "The database is not empty. Restore into an empty one, or give --replace to replace everything in it."
        )
    _refuse_others()
    _refuse_secrets(secrets, overwrite)
    conflicts = _media_conflicts(manifest)
    if conflicts and not overwrite:
        raise RestoreRefused(
            f"{len(conflicts)} uploads exist with other contents (the first is {conflicts[0]}): "
            "give --overwrite to replace them."
        )
    say(f"Loading the database with pg_restore {tools.version} ...")
    _load(path, key, tools, prefix=_EMPTY if full else "", suffix=sending_hold.RESTORED_SQL)
    connection.close()
    say("Comparing with the backup ...")
    _put_secrets(secrets, say)
    _put_media(path, key, manifest, say)
    cache.clear()
    wrong = contents.counts_differ(manifest)
    if _pending():
        say("Applying migrations that are newer than the backup ...")
        call_command("migrate", verbosity=0, interactive=False)
    else:
        # An older release may compute the totals differently.
        wrong += contents.facts_differ(manifest)
    wrong += health.prove()
    for line in health.mend():
        say(f"  {line}")
    say("Marking due messages and deliveries as uncertain ...")
    for name, count in sending_hold.doubt_due().items():
        if count:
            say(f"  {name}: {count:,}")
    return wrong


def secrets_of(path: Path, key: BackupKey) -> Secrets:
    return _look(path, key)[1]


def _look(path: Path, key: BackupKey) -> tuple[dict[str, Any], Secrets]:
    """Read the whole archive, so that a damaged end is found before anything starts. Return manifest and secrets."""
    reader = ArchiveReader(path, key)
    raw = b""
    for name, chunks in reader.parts():
        for chunk in chunks:
            if name == "secrets.json":
                raw += chunk
        if name.startswith("media/"):
            _below_media(name)
    payload = json.loads(raw)
    keys = {int(number): _bytes(text) for number, text in payload["PII_KEYS"].items()}
    return reader.manifest, Secrets(payload["SECRET_KEY"], keys)


# The existing tables are dropped in the transaction that creates the restored ones.
_EMPTY = """
SET LOCAL lock_timeout = '30s';
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
"""


def _load(path: Path, key: BackupKey, tools: programs.Programs, *, prefix: str, suffix: str) -> None:
    """Pipe the dump through pg_restore into psql, without a file in between.

    COMMIT is written at the very end. If a process dies before that, psql ends without it and nothing has changed.
    """
    environment = programs.environment()
    reading = subprocess.Popen(
        [tools.path("pg_restore"), "--no-owner", "--no-privileges", "--no-comments", "--file=-"],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    writing = subprocess.Popen(
        [tools.path("psql"), "--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", "--file=-"],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert reading.stdin is not None
    assert reading.stdout is not None
    assert writing.stdin is not None
    problems: list[BaseException] = []
    output: dict[str, bytes] = {}

    def feed() -> None:
        try:
            with cast(IO[bytes], reading.stdin):
                for name, chunks in ArchiveReader(path, key).parts():
                    for chunk in chunks:
                        if name == "database.dump":
                            reading.stdin.write(chunk)  # type: ignore[union-attr]
                    if name == "database.dump":
                        return
        except BrokenPipeError:
            pass
        except BaseException as error:
            problems.append(error)

    threads = [
        threading.Thread(target=feed, daemon=True),
        threading.Thread(target=lambda: output.update(restore=reading.stderr.read()), daemon=True),  # type: ignore[union-attr]
        threading.Thread(target=lambda: output.update(psql=writing.stderr.read()), daemon=True),  # type: ignore[union-attr]
    ]
    for thread in threads:
        thread.start()
    try:
        with contextlib.suppress(BrokenPipeError):
            writing.stdin.write(f"SET client_min_messages = warning;\nBEGIN;\n{prefix}".encode())
            while chunk := reading.stdout.read(65536):
                writing.stdin.write(chunk)
            threads[0].join()
            if reading.wait() == 0 and not problems:
                writing.stdin.write(f"\nSET LOCAL search_path TO public;\n{suffix}\nCOMMIT;\n".encode())
            else:
                writing.kill()
            writing.stdin.close()
        code = writing.wait()
        for thread in threads:
            thread.join()
    finally:
        for process in (reading, writing):
            if process.poll() is None:
                process.kill()
                process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                with contextlib.suppress(OSError, AttributeError):
                    stream.close()  # type: ignore[union-attr]
    if problems:
        raise problems[0]
    if reading.returncode or code:
        text = (output.get("restore", b"") + output.get("psql", b"")).decode(errors="replace").strip()
        raise RestoreFailed(f"The dump could not be loaded; the database is unchanged: {text[-600:]}")


def _refuse_newer(manifest: dict[str, Any]) -> None:
    """Refuse a backup of a later release, whose tables this release does not know."""
    known = MigrationLoader(None).disk_migrations
    unknown = [
        f"{app}.{name}"
        for app, names in manifest["migrations"].items()
        if app in settings.OUR_APPS
        for name in names
        if known is None or (app, name) not in known
    ]
    if unknown:
        raise RestoreRefused(
            f"The backup is of a later release ({unknown[0]} is not known here): install that release first."
        )


def _refuse_others() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*), min(application_name) FROM pg_stat_activity
               WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"""
        )
        others, name = cursor.fetchone()
    if others:
        raise RestoreRefused(
            f"{others} other connections use the database ({name or 'unnamed'}): stop web, workers and beat first."
        )


def _refuse_secrets(secrets: Secrets, overwrite: bool) -> None:
    """Refuse a backup whose keys are not the keys that this machine will use."""
    if all(settings.PII_KEYS.get(number) == key for number, key in secrets.keys.items()):
        return
    if os.environ.get("PII_KEYS"):
        raise RestoreRefused(
            f"PII_KEYS is set and does not hold the backup's keys (ids {', '.join(map(str, secrets.keys))}): "
            "personal data could not be read. Write the keys to a file with --secrets-only, set PII_KEYS to them, "
            "and restore again."
        )
    if list(secrets.keys) != [1]:
        raise RestoreRefused(
            "The backup has several keys of personal data: write them to a file with --secrets-only, "
            "set PII_KEYS to them, and restore again."
        )
    if not overwrite:
        raise RestoreRefused(
            f"{_secrets_file()} holds other keys than the backup: "
            "give --overwrite to replace them with the backup's keys. The present file is kept beside it."
        )


def _put_secrets(secrets: Secrets, say: Say) -> None:
    if all(settings.PII_KEYS.get(number) == key for number, key in secrets.keys.items()):
        if secrets.secret_key != settings.SECRET_KEY:
            say("SECRET_KEY differs from the backup's: links in messages that were sent before no longer open.")
        return
    path = _secrets_file()
    previous = path.with_name(f"{path.name}.before-{time.strftime('%Y%m%dT%H%M%S')}")
    if path.exists():
        path.rename(previous)
    values = {"PII_KEYS": _text(secrets.keys[1])}
    if not os.environ.get("SECRET_KEY"):
        values["SECRET_KEY"] = secrets.secret_key
    _write_private(path, json.dumps(values))
    settings.PII_KEYS.clear()
    settings.PII_KEYS.update(secrets.keys)
    say(f"Wrote the keys to {path}; the previous file is {previous.name}.")


def _media_conflicts(manifest: dict[str, Any]) -> list[str]:
    conflicts = []
    for part in manifest["parts"]:
        if part["name"].startswith("media/"):
            target = _below_media(part["name"])
            if target.exists() and not _same(target, part):
                conflicts.append(str(target))
    return conflicts


def _put_media(path: Path, key: BackupKey, manifest: dict[str, Any], say: Say) -> None:
    parts = {part["name"]: part for part in manifest["parts"] if part["name"].startswith("media/")}
    if not parts:
        return
    count = 0
    for name, chunks in ArchiveReader(path, key).parts():
        if name not in parts:
            continue
        target = _below_media(name)
        if target.exists() and _same(target, parts[name]):
            continue
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = target.with_name(f".{target.name}.{os.getpid()}")
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            for chunk in chunks:
                file.write(chunk)
        partial.replace(target)
        count += 1
    say(f"Wrote {count:,} uploads to {settings.MEDIA_ROOT}")


def _below_media(name: str) -> Path:
    """Return the path of an upload, and refuse any path that is not below MEDIA_ROOT."""
    inner = PurePosixPath(name.removeprefix("media/"))
    if inner.is_absolute() or ".." in inner.parts or not inner.parts:
        raise RestoreRefused(f"The backup names a file outside of the uploads: {name}")
    return Path(settings.MEDIA_ROOT).joinpath(*inner.parts)


def _same(path: Path, part: dict[str, Any]) -> bool:
    if path.stat().st_size != part["size"]:
        return False
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(1024 * 1024):
            digest.update(chunk)
    return digest.hexdigest() == part["sha256"]


def _pending() -> bool:
    return not health.migrations()[0]


@contextlib.contextmanager
def _keys(secrets: Secrets) -> Iterator[None]:
    """Use the backup's keys of personal data while a proof runs."""
    before = dict(settings.PII_KEYS)
    settings.PII_KEYS.clear()
    settings.PII_KEYS.update(secrets.keys)
    try:
        yield
    finally:
        settings.PII_KEYS.clear()
        settings.PII_KEYS.update(before)


def write_secrets(secrets: Secrets, path: Path) -> None:
    _write_private(path, secrets.environment())


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _secrets_file() -> Path:
    return places.locations().directory / "secrets.json"


def _text(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
