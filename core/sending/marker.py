"""The highest batch number that this machine has sent from its database, in a file outside the database.

Each outgoing batch takes the next number of a sequence of the database. The file `var/lines/<line>` (SendingHold.line)
holds the highest number that this machine has seen. A database whose sequence is behind that file is an older copy: a
backup was restored by hand, and messages that are due in it may already have been sent.

A file, not Valkey: it must survive an emptied cache and a new queue, which usually come with a restore. It needs no
server while the site starts, and the machines that send write it. A new machine has no such file; there the database
itself shows that it was moved (`SendingHold.home`).
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import uuid
from pathlib import Path

from core.embedded.places import locations

# While messages go out, the file is written at most this often, and at the end of each batch.
WRITE_SECONDS = 0.2


class Marker:
    """The number that this process has seen for one line of the database.

    No process ever lowers the number in the file.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.line: uuid.UUID | None = None
        self.seen = 0
        self._written = 0
        self._at = 0.0

    def know(self, line: uuid.UUID) -> int:
        """Follow this line. Return the highest number that this machine has seen for it."""
        with self._lock:
            if self.line != line:
                self.line, self.seen, self._written = line, 0, 0
            self.seen = self._written = max(self.seen, _read(_path(line)))
            return self.seen

    def saw(self, number: int) -> None:
        """Note the number of a batch that is about to be handed over."""
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
    """Write the file atomically. A machine that can't write may still send; `doctor` reports the folder."""
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial.write_text(f"{number}\n")
        partial.replace(path)


marker = Marker()
