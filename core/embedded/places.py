"""Paths of the embedded servers' data, and their permissions."""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent.parent
DATABASE = "liuke"
SYSTEM_USER = "liuke_postgres"
# The path of a unix socket is limited to 107 bytes, of which PostgreSQL's file name takes 18.
SOCKET_PATH_LIMIT = 85


class ConfigurationError(Exception):
    """A fault that the person who starts Liuke must fix. The text is one sentence for that person."""


@dataclass(frozen=True)
class Locations:
    """Paths: `directory` holds the data, `runtime` the sockets and process ids."""

    directory: Path
    runtime: Path

    @property
    def postgres(self) -> Path:
        return self.directory / "pg"

    @property
    def valkey(self) -> Path:
        return self.directory / "valkey"

    @property
    def database_url(self) -> str:
        return f"postgresql://postgres@{quote(str(self.runtime), safe='')}/{DATABASE}"

    @property
    def redis_url(self) -> str:
        return f"unix://{self.runtime / 'valkey.sock'}"

    @property
    def cache_url(self) -> str:
        return f"unix://{self.runtime / 'cache.sock'}"


@dataclass(frozen=True)
class Needed:
    """The servers without a configured URL, for which embedded ones are used."""

    postgres: bool
    queue: bool
    cache: bool

    def __bool__(self) -> bool:
        return self.postgres or self.queue or self.cache


def needed() -> Needed:
    return Needed(*(not os.environ.get(name, "").strip() for name in ("DATABASE_URL", "REDIS_URL", "CACHE_URL")))


def urls(place: Locations) -> dict[str, str]:
    """Return DATABASE_URL, REDIS_URL and CACHE_URL of the embedded servers that are in use."""
    use = needed()
    all_urls = {
        "DATABASE_URL": (use.postgres, place.database_url),
        "REDIS_URL": (use.queue, place.redis_url),
        "CACHE_URL": (use.cache, place.cache_url),
    }
    return {name: url for name, (used, url) in all_urls.items() if used}


def locations(directory: Path | None = None) -> Locations:
    """Return the paths under LIUKE_VAR, which moves all of them (tests use their own)."""
    directory = (directory or Path(os.environ.get("LIUKE_VAR") or ROOT / "var")).resolve()
    runtime = directory / "run"
    if len(str(runtime)) > SOCKET_PATH_LIMIT:
        digest = hashlib.sha256(str(directory).encode()).hexdigest()[:12]
        runtime = Path(tempfile.gettempdir()) / f"liuke-{digest}"
    return Locations(directory, runtime)


def make_private(place: Locations) -> None:
    """Create the directories and deny access to other users of this machine.

    Raises ConfigurationError when this user may not write, or when another user created the runtime directory: its name
    under the system's temporary directory can be guessed.
    """
    try:
        for path in (place.directory, place.runtime):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            _refuse_foreign(path)
        # When root runs this, PostgreSQL's own user must be able to pass through.
        place.directory.chmod(0o710 if _is_lent(place.directory) else 0o700)
        place.runtime.chmod(0o700)
    except OSError as error:
        raise ConfigurationError(
            f"This user can't write in {place.directory} ({error.strerror}): "
            "change its owner, or set LIUKE_VAR to a directory of your own."
        ) from None


def _refuse_foreign(path: Path) -> None:
    status = path.lstat()
    owners = {os.geteuid()}
    if os.geteuid() == 0:
        with contextlib.suppress(KeyError):
            owners.add(pwd.getpwnam(SYSTEM_USER).pw_uid)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in owners:
        raise ConfigurationError(f"{path} belongs to another user: remove it, or set LIUKE_VAR to a shorter path.")


def _is_lent(path: Path) -> bool:
    if os.geteuid() != 0:
        return False
    try:
        return path.stat().st_gid == pwd.getpwnam(SYSTEM_USER).pw_gid
    except KeyError:
        return False


def system_user() -> pwd.struct_passwd | None:
    """Return the user for PostgreSQL when root starts it, because PostgreSQL refuses root.

    Create the user if missing.
    """
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    added = subprocess.run(
        ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if added.returncode:
        raise ConfigurationError(
            f"PostgreSQL can't run as root and the user {SYSTEM_USER!r} could not be added ({added.stderr.strip()}): "
            "start Liuke as another user, or set DATABASE_URL."
        ) from None
    return pwd.getpwnam(SYSTEM_USER)
