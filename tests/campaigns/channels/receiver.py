"""Provide a provider that takes messages over HTTP, counts them, and kills the calling worker when the test says so."""

from __future__ import annotations

import contextlib
import os
import signal
import socketserver
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path


class Receiver:
    """Count messages by `webhook-id` in `seen`.

    When as many messages have come as the next of `kills` says, the worker that sent the last one is killed -9. Kills
    alternate: before the answer to the accepted message, and while the answer is on its way.
    """

    def __init__(self, kills: Sequence[int] = ()) -> None:
        self.seen: Counter[str] = Counter()
        self.killed: list[int] = []
        self.kills = list(kills)
        self.lock = threading.Lock()
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(ConnectionError):
                    while name := outer.read(self.rfile):
                        victim, answered = outer.take(name, self.client_address[1])
                        if victim is None or answered:
                            self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                        if victim is not None:
                            os.kill(victim, signal.SIGKILL)
                            return

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/"

    def read(self, stream) -> str:
        """Return the message's id; "" when the client has gone."""
        headers: dict[str, str] = {}
        if not stream.readline():
            return ""
        while (line := stream.readline().strip()) != b"":
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        size = int(headers.get("content-length", 0))
        return headers.get("webhook-id", "") if len(stream.read(size)) == size else ""

    def take(self, name: str, port: int) -> tuple[int | None, bool]:
        """Return (process to kill for this message, whether it is answered first).

        A worker that waits for an answer can be found; a worker that another kill has hit at this moment leaves its
        turn to the next.
        """
        with self.lock:
            self.seen[name] += 1
            due = self.kills and self.seen.total() >= self.kills[0]
            victim = owner_of(port) if due else None
            if victim is None:
                return None, True
            self.kills.pop(0)
            self.killed.append(victim)
            return victim, len(self.killed) % 2 == 0

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def owner_of(port: int) -> int | None:
    """Return the process that holds the client's end of a connection on this machine; None when it is gone."""
    mark = f":{port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    inode = next((fields[9] for fields in map(str.split, lines) if fields[1].endswith(mark)), None)
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if os.readlink(link) == f"socket:[{inode}]":
                return int(link.parts[2])
    return None
