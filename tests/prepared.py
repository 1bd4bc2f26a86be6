"""A migrated PostgreSQL data directory, made once for each state of the code; test servers start from copies of it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from core.embedded import Locations, postgres

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("core", "crm", "loyalty", "analytics", "campaigns", "config")
TEMPLATE = "liuke_template"
# Variables that would lead a shop of its own to the servers of the tests.
FOREIGN = {
    "DATABASE_URL",
    "REDIS_URL",
    "CACHE_URL",
    "LIUKE_TEST_SERVICES",
    "LIUKE_TEST_TEMPLATE",
    "PYTEST_CURRENT_TEST",
    "PYTEST_XDIST_WORKER",
}


def folder() -> Path:
    return (Path(os.environ.get("LIUKE_TEST_VAR") or ROOT / "var" / "test") / "prepared").resolve()


def checksum() -> str:
    """Return a checksum of what decides the state after `migrate`: migrations, SQL files and code run after them."""
    digest = hashlib.sha256()
    sources = [path for name in PACKAGES for kind in ("*.py", "*.sql") for path in (ROOT / name).rglob(kind)]
    for path in [ROOT / "requirements.txt", *sorted(sources)]:
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def make() -> None:
    """Make the cluster now, unless it is there."""
    with _alone():
        _cluster()


def copy_to(directory: Path) -> None:
    """Put a migrated cluster where the embedded PostgreSQL of a shop with this LIUKE_VAR looks for its data."""
    with _alone():
        _copy(Locations(directory, directory))


def renew(place: Locations) -> None:
    """Let the test server start from a migrated cluster, unless it has one of this code or runs already."""
    with _alone():
        if postgres.pid_of(place) is None and _mark(place) != checksum():
            shutil.rmtree(place.postgres, ignore_errors=True)
            place.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _copy(place)
            (place.directory / "prepared.txt").write_text(checksum())


def template(place: Locations) -> str:
    """Return the name of a migrated database of the running test server, to copy; "" when it has none of this code."""
    import psycopg

    if _mark(place) != checksum():
        return ""
    with (
        _alone(),
        psycopg.connect(host=str(place.runtime), user="postgres", dbname="postgres", autocommit=True) as server,
    ):
        if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone():
            server.execute(f"ALTER DATABASE {postgres.DATABASE} RENAME TO {TEMPLATE}")
            # PostgreSQL does not copy a database while a session is connected to it.
            server.execute(f"ALTER DATABASE {TEMPLATE} ALLOW_CONNECTIONS false")
            server.execute(f"CREATE DATABASE {postgres.DATABASE}")
    return TEMPLATE


def _mark(place: Locations) -> str:
    path = place.directory / "prepared.txt"
    return path.read_text() if path.exists() else ""


def _copy(place: Locations) -> None:
    # cp keeps the owner, which is another user when root runs the tests.
    subprocess.run(["cp", "-a", "--reflink=auto", str(_cluster() / "pg"), str(place.postgres)], check=True)


def _cluster() -> Path:
    """Return the folder of the migrated cluster, which is stopped; make it when the code has changed."""
    ready = folder() / checksum()
    if not ready.exists():
        for old in folder().iterdir():
            if old.is_dir():
                shutil.rmtree(old)
        building = folder() / "building"
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if name not in FOREIGN}
            | {
                "LIUKE_VAR": str(building),
                "LIUKE_EMBEDDED_FSYNC": "off",
                "DJANGO_SETTINGS_MODULE": "config.settings.base",
            },
            check=True,
        )
        building.rename(ready)
    return ready


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Wait for other test runs that make or copy the cluster."""
    folder().mkdir(parents=True, exist_ok=True)
    with open(folder() / "lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    make()
