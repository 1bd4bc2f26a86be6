"""A provider that takes messages over HTTP, remembers who saw what, and kills who asks it when the test has said so."""

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
    """`seen` counts by `webhook-id`. The workers that bring the messages numbered in `kill_before` and `kill_after` are killed -9:
    when their message is taken and before it is answered, or as soon as the answer is on its way.
    """

    def __init__(self, kill_before: Sequence[int] = (), kill_after: Sequence[int] = ()) -> None:
        self.seen: Counter[str] = Counter()
        self.killed: list[int] = []
        self.taken = 0
        self.before, self.after = set(kill_before), set(kill_after)
        self.lock = threading.Lock()
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(ConnectionError):
                    while name := outer.read(self.rfile):
                        number = outer.take(name)
                        if number in outer.before:
                            outer.kill(self.client_address[1])
                            return
                        self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                        if number in outer.after:
                            outer.kill(self.client_address[1])
                            return

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/"

    def read(self, stream) -> str:
        """The message's id; empty when the other side has gone."""
        headers: dict[str, str] = {}
        if not stream.readline():
            return ""
        while (line := stream.readline().strip()) != b"":
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        size = int(headers.get("content-length", 0))
        return headers.get("webhook-id", "") if len(stream.read(size)) == size else ""

    def take(self, name: str) -> int:
        with self.lock:
            self.seen[name] += 1
            self.taken += 1
            return self.taken

    def kill(self, port: int) -> None:
        pid = owner_of(port)
        os.kill(pid, signal.SIGKILL)
        self.killed.append(pid)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def owner_of(port: int) -> int:
    """The process that holds the client's end of a connection on this machine."""
    mark = f":{port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    inode = next(fields[9] for fields in map(str.split, lines) if fields[1].endswith(mark))
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if os.readlink(link) == f"socket:[{inode}]":
                return int(link.parts[2])
    raise AssertionError(f"nobody holds port {port}")
