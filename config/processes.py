"""Command lines of web, workers and beat, the same for `up`, containers and service managers."""

from __future__ import annotations

import sys

from config import env
from config.schedules import LONG, SHORT

# Limit on the head of a request in bytes; several times the size of cookies and a token.
LONGEST_HEAD = 64 * 1024

# CI and `migrate` run the checks of Django; they would take a third of the start of each worker.
_CELERY = ["celery", "--quiet", "--skip-checks", "-A", "config.celery"]


def command_lines() -> dict[str, list[str]]:
    """Return the command of each process by its name."""
    commands = {
        "web": [
            "granian", "--interface", "wsgi", "--http", "1",
            "--host", env.text("BIND", "127.0.0.1"),
            "--port", str(env.integer("PORT", 8000)),
            "--workers", str(env.integer("WEB_WORKERS", 2)),
            "--blocking-threads", "4",
            "--http1-buffer-size", str(LONGEST_HEAD),
            "--log-level", "warning",
            "--respawn-failed-workers",
            "config.wsgi:application",
        ],
        "worker": _worker("worker", SHORT, env.integer("TASK_WORKERS", 2)),
        "jobs": _worker("jobs", LONG, env.integer("JOB_WORKERS", 1)),
        "beat": [*_CELERY, "beat", "--loglevel", "WARNING", "--pidfile="],
    }  # fmt: skip
    return {name: [sys.executable, "-m", *command] for name, command in commands.items()}


def _worker(name: str, queue: str, processes: int) -> list[str]:
    return [
        *_CELERY, "worker", "--loglevel", "WARNING", "--hostname", f"{name}@%h", "--queues", queue,
        "--concurrency", str(processes),
    ]  # fmt: skip
