"""Logging: one line of JSON per entry, with the request's id; plain text on a terminal.

Lines are bounded: a long value is cut, and the lines of one event in a second are limited. The next line counts the
omitted ones in `suppressed`. So an unavailable database does not fill the disk.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from typing import Any

import structlog

# Lines a second of the same event: warnings and errors come in storms, but every request should be logged.
MOST_WARNINGS = 10
MOST_OTHERS = 500
MOST_EVENTS = 1000
LONGEST_VALUE = 2000
LONGEST_TRACE = 8000
_TRACES = frozenset({"exception", "stack"})


class StormFilter(logging.Filter):
    """A filter that passes a limited number of lines a second for each event, and counts the others."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        # event -> [second, written in it, suppressed since the last line]
        self._seen: dict[tuple[str, int, str], list[int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        message: Any = record.msg
        event = str(message.get("event", "") if isinstance(message, dict) else message)[:200]
        most = MOST_WARNINGS if record.levelno >= logging.WARNING else MOST_OTHERS
        second = int(time.monotonic())
        with self._lock:
            if len(self._seen) >= MOST_EVENTS:
                self._seen.clear()
            count = self._seen.setdefault((record.name, record.levelno, event), [second, 0, 0])
            if count[0] != second:
                count[0], count[1] = second, 0
            if count[1] >= most:
                count[2] += 1
                return False
            count[1] += 1
            suppressed, count[2] = count[2], 0
        if suppressed:
            record.suppressed = suppressed
        return True


def _add_suppressed(_logger: Any, _method: str, event: Any) -> Any:
    suppressed = getattr(event.get("_record"), "suppressed", 0)
    if suppressed:
        event["suppressed"] = suppressed
    return event


def _cut(_logger: Any, _method: str, event: Any) -> Any:
    for name, value in event.items():
        if name.startswith("_") or value is None or isinstance(value, bool | int | float):
            continue
        limit = LONGEST_TRACE if name in _TRACES else LONGEST_VALUE
        text = value if isinstance(value, str) else repr(value)
        if len(text) > limit:
            event[name] = f"{text[:limit]}… ({len(text)} characters)"
    return event


_SHARED: list = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]


def configure() -> None:
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def formatter() -> structlog.stdlib.ProcessorFormatter:
    renderer = (
        structlog.dev.ConsoleRenderer(colors=False) if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[_add_suppressed, structlog.stdlib.ProcessorFormatter.remove_processors_meta, _cut, renderer],
    )
