"""A merchant's own system: a real HTTP server on this machine that verifies signatures with its own code."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    id: str
    timestamp: int
    signatures: list[str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        return json.loads(self.raw)

    def signed_with(self, secret: str) -> bool:
        key = base64.b64decode(secret.split("_", 1)[1])
        text = b".".join([self.id.encode(), str(self.timestamp).encode(), self.raw])
        wanted = "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
        return wanted in self.signatures


@dataclass
class Receiver:
    """A receiver.

    `answer(received) -> (status, headers, text)`; a status of 0 closes the connection without an answer.
    """

    answer: Callable[[Received], tuple[int, dict[str, str], str]] = lambda _received: (200, {}, "thanks")
    received: list[Received] = field(default_factory=list)
    delay: float = 0.0
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["content-length"]))
                request = Received(
                    self.headers["webhook-id"],
                    int(self.headers["webhook-timestamp"]),
                    self.headers["webhook-signature"].split(),
                    raw,
                )
                outer.received.append(request)
                time.sleep(outer.delay)
                status, headers, text = outer.answer(request)
                if not status:
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if self.tls:
            self.server.socket = self.tls.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hooks"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
