"""Processes of the embedded servers: look-up by pid file, and the end of orphans."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

LINUX = sys.platform == "linux"


def is_alive(pid: int) -> bool:
    try:
        # A zombie still accepts signal 0, but it no longer serves.
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] if LINUX else "R"
        os.kill(pid, 0)
    except (ProcessLookupError, FileNotFoundError):
        return False
    except PermissionError:
        return True
    return state != "Z"


def wait_until(ready: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def running_pid(pid_file: Path, program: str) -> int | None:
    """Return the process id in the file if a process of that name has it. After a crash another process may have it."""
    try:
        pid = int(pid_file.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None
    return pid if is_alive(pid) and (not LINUX or _name(pid).startswith(program)) else None


def end_orphans(directory: Path, program: str) -> int:
    """Kill processes of that name that work in this directory: children of a killed parent. Return their number.

    PostgreSQL does not start while one of them is attached to its shared memory. A child in a long statement notices
    the loss of its parent only at the end of the statement.
    """
    if not LINUX:
        return 0
    orphans = [pid for pid in _processes() if _name(pid).startswith(program) and _works_in(pid, directory)]
    for pid in orphans:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(is_alive(pid) for pid in orphans), 5)
    return len(orphans)


def _processes() -> Iterator[int]:
    return (int(entry) for entry in os.listdir("/proc") if entry.isdigit())


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _works_in(pid: int, directory: Path) -> bool:
    try:
        return Path(os.readlink(f"/proc/{pid}/cwd")) == directory
    except OSError:
        return False
