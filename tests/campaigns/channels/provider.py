"""Provide a provider's endpoint on this machine: a real HTTP server that stores requests and answers as configured."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        return json.loads(self.raw)


@dataclass
class Endpoint:
    """Serve requests with `answer(asked) -> (status, body)`.

    A body that is no text is sent as JSON; status 0 closes the connection without an answer.
    """

    answer: Callable[[Asked], tuple[int, Any]] = lambda _asked: (200, {})
    asked: list[Asked] = field(default_factory=list)
    delay: float = 0.0

    def __post_init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _do(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length") or 0))
                parts = urlsplit(self.path)
                headers = {name.lower(): value for name, value in self.headers.items()}
                got = Asked(self.command, parts.path, dict(parse_qsl(parts.query)), headers, raw)
                outer.asked.append(got)
                status, given = outer.answer(got)
                time.sleep(outer.delay)
                if not status:
                    self.close_connection = True
                    return
                text = given if isinstance(given, str) else json.dumps(given)
                self.send_response(status)
                self.send_header("content-length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_POST = _do

            def log_message(self, *_args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
