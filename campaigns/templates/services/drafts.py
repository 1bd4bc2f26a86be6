"""Check and render template drafts in a separate process, which is killed when it takes too long.

Saved templates have passed this check once, so messages render them in their own process.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import structlog
from django.conf import settings

from campaigns.templates.rules import liquid
from campaigns.templates.rules.liquid import TemplateError

log = structlog.get_logger("liuke.templates")
# A first request also waits for the process to start.
SECONDS = 5.0


class _Ended(Exception):
    """Signal that the process has ended, after a long idle time or by a signal."""


class _Renderer:
    """Hold one child of this process, started on demand; it handles one request at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._parent = 0

    def ask(self, request: dict[str, Any], seconds: float) -> str:
        line = json.dumps(request).encode() + b"\n"
        with self._lock:
            try:
                answer = self._ask(line, seconds)
            except _Ended:
                # Try again with a new child: the old one may have ended after its idle time.
                answer = self._ask(line, seconds)
        if "error" in answer:
            raise TemplateError(*answer["error"])
        return answer["text"]

    def _ask(self, line: bytes, seconds: float) -> dict[str, Any]:
        child = self._running()
        until = time.monotonic() + seconds
        rest, answer = memoryview(line), bytearray()
        try:
            while rest:
                self._wait([], [child.stdin], until)
                rest = rest[os.write(child.stdin.fileno(), rest) :]  # type: ignore[union-attr]
            while not answer.endswith(b"\n"):
                self._wait([child.stdout], [], until)
                piece = os.read(child.stdout.fileno(), 1 << 16)  # type: ignore[union-attr]
                if not piece:
                    raise _Ended
                answer += piece
        except TimeoutError:
            log.warning("template_too_slow", seconds=seconds)
            self._kill()
            raise TemplateError("too_slow", "This takes too long.") from None
        except (BrokenPipeError, _Ended):
            self._kill()
            raise _Ended from None
        return json.loads(answer)

    @staticmethod
    def _wait(readers: list[Any], writers: list[Any], until: float) -> None:
        if not any(select.select(readers, writers, [], max(0.0, until - time.monotonic()))[:2]):
            raise TimeoutError

    def _running(self) -> subprocess.Popen[bytes]:
        # After a fork the child belongs to the parent process.
        if self._child is None or self._parent != os.getpid() or self._child.poll() is not None:
            self._parent = os.getpid()
            self._child = subprocess.Popen(
                [sys.executable, "-m", "campaigns.templates.rules.liquid_child"],
                cwd=settings.BASE_DIR,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                env={"PATH": os.environ.get("PATH", ""), "PYTHONIOENCODING": "utf-8"},
            )
            os.set_blocking(self._child.stdin.fileno(), False)  # type: ignore[union-attr]
        return self._child

    def _kill(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            with contextlib.suppress(OSError):
                child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()  # type: ignore[union-attr]


_renderer = _Renderer()


def check(source: str, *, html: bool, limit: int = liquid.SOURCE_LIMIT) -> None:
    """Do as liquid.check. Raises TemplateError, `too_slow` after SECONDS."""
    liquid.check_form(source, limit)
    if "{" in source:
        _ask({"work": "check", "source": source, "html": html, "limit": limit})


def render(source: str, context: Mapping[str, Any], *, html: bool) -> str:
    """Do as liquid.render. Raises TemplateError, `too_slow` after SECONDS."""
    if "{" not in source:
        return source
    return _ask({"work": "render", "source": source, "context": liquid.plain_context(context), "html": html})


def _ask(request: dict[str, Any]) -> str:
    try:
        return _renderer.ask(request, SECONDS)
    except _Ended:
        raise TemplateError("too_much", "memory: the limit is reached") from None
