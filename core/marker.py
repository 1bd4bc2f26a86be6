"""How far this machine has seen its database send: a number in a file beside the database, not in it.

Each batch that is handed to the outside takes the next number of a sequence of the database. The highest one that this
machine has seen stays in `var/lines/<line>` (SendingHold.line). A database whose sequence is behind that file is an older copy: somebody put
a backup back by hand, and what it holds as due may have been sent already.

Why a file and not Valkey: it has to outlive what a restore usually comes with (an emptied cache, a new queue), it needs no
server while the site starts, and it is written by the machines that send. A new machine has no such file: there the
database itself says that it was moved (`SendingHold.home`).
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import uuid
from pathlib import Path

from core.embedded import locations

# The file is written so often at most while messages go out, and when a batch has ended.
WRITE_SECONDS = 0.2


class Marker:
    """What this process knows of one line of the database. The file never goes back, whichever process writes it last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.line: uuid.UUID | None = None
        self.seen = 0
        self._written = 0
        self._at = 0.0

    def know(self, line: uuid.UUID) -> int:
        """Begin to follow this line. Returns the highest number that this machine has seen of it."""
        with self._lock:
            if self.line != line:
                self.line, self.seen, self._written = line, 0, 0
            self.seen = self._written = max(self.seen, _read(_path(line)))
            return self.seen

    def saw(self, number: int) -> None:
        """A batch with this number is about to be handed over."""
        self.seen = max(self.seen, number)
        if time.monotonic() - self._at > WRITE_SECONDS:
            self.flush()

    def flush(self) -> None:
        with self._lock:
            if self.line is None or self.seen <= self._written:
                return
            path = _path(self.line)
            self.seen = max(self.seen, _read(path))
            _write(path, self.seen)
            self._written, self._at = self.seen, time.monotonic()


def _path(line: uuid.UUID) -> Path:
    return locations().directory / "lines" / str(line)


def _read(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0


def _write(path: Path, number: int) -> None:
    """Whole or not at all. A machine that can't write is not kept from sending; `doctor` says that its folder is not its own."""
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial.write_text(f"{number}\n")
        partial.replace(path)


marker = Marker()
