"""A TCP proxy that forwards the request and then loses the answer."""

from __future__ import annotations

import contextlib
import socket
import threading


class Proxy:
    """A forwarding proxy. While `drop` is above 0, it waits for the answer, drops it, and closes the connection."""

    def __init__(self, host: str, port: int, *, drop: int = 0) -> None:
        self.target = (host, port)
        self.drop = drop
        self.connections = 0
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                caller, _address = self._listening.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                lose = self.drop > 0
                self.drop -= lose
            threading.Thread(target=self._serve, args=(caller, lose), daemon=True).start()

    def _serve(self, caller: socket.socket, lose: bool) -> None:
        with caller, socket.create_connection(self.target) as server, contextlib.suppress(OSError):
            back = threading.Thread(target=self._back, args=(server, caller, lose), daemon=True)
            back.start()
            while data := caller.recv(65536):
                server.sendall(data)
            back.join(5)

    def _back(self, server: socket.socket, caller: socket.socket, lose: bool) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if lose:
                    caller.shutdown(socket.SHUT_RDWR)
                    return
                caller.sendall(data)
