"""Embedded PostgreSQL and Valkey servers from wheels, for a machine without its own, with their data under var/.

Each process that needs the servers attaches: the first one starts them, the last one to detach stops them. Shared locks
on a file count the processes. The kernel drops a lock when its process dies, so the count is right after a kill -9.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
from collections.abc import Iterator

from core.embedded import postgres, valkey
from core.embedded.places import ConfigurationError, Locations, Needed, locations, make_private, needed, urls
from core.embedded.postgres import binaries

__all__ = [
    "ConfigurationError",
    "Locations",
    "Needed",
    "attach",
    "binaries",
    "detach",
    "locations",
    "make_private",
    "needed",
    "start_servers",
    "stop",
    "urls",
]

_attached: list[int] = []


def attach() -> None:
    """Keep the servers running for the lifetime of this process. Does nothing when every URL is set."""
    if _attached or not needed():
        return
    place = locations()
    make_private(place)
    users = os.open(place.directory / "users.lock", os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(users, False)
    with _starting(place):
        fcntl.flock(users, fcntl.LOCK_SH)
        _start(place, wait=True)
    _attached.append(users)
    atexit.register(detach, os.getpid())


def start_servers(place: Locations) -> None:
    """Start each embedded server that is down, without waiting for its answer: for the process that supervises them.

    Does nothing while another process is starting them.
    """
    with contextlib.suppress(BlockingIOError), _starting(place, fcntl.LOCK_NB):
        _start(place, wait=False)


def detach(owner: int | None = None) -> None:
    """Detach; the last process to detach stops the servers. A forked child (another `owner`) does nothing."""
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
    """Stop the servers, even while other processes use them. All data is written to disk first."""
    postgres.stop(place)
    for instance in (valkey.QUEUE, valkey.CACHE):
        valkey.stop(place, instance)


def _start(place: Locations, *, wait: bool) -> None:
    use = needed()
    if use.postgres:
        postgres.start(place, wait=wait)
    if use.queue:
        valkey.start(place, valkey.QUEUE, wait=wait)
    if use.cache:
        valkey.start(place, valkey.CACHE, wait=wait)


@contextlib.contextmanager
def _starting(place: Locations, flags: int = 0) -> Iterator[None]:
    with open(place.directory / "starting.lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX | flags)
        yield
