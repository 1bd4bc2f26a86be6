"""A complete shop with real processes for one test: servers, web, worker, beat, and an SMTP server for its mail."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

from liuke import Liuke
from tests import prepared

ROOT = Path(__file__).resolve().parent.parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Mailbox:
    """An SMTP server that stores its messages. While `stalled` is set, it answers a greeting only after `resume`."""

    def __init__(self) -> None:
        self.messages: list[email.message.EmailMessage] = []
        self.stalled = threading.Event()
        self.reached = threading.Event()
        self.resume = threading.Event()

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        if self.stalled.is_set():
            self.reached.set()
            while not self.resume.is_set():
                await asyncio.sleep(0.05)
        return responses

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        message["X-Recipient"] = envelope.rcpt_tos[0]
        self.messages.append(message)
        return "250 OK"


class Shop:
    # Created when there is a key.
    api: Liuke

    def __init__(self, directory: Path, mailbox: Mailbox | None = None) -> None:
        prepared.copy_to(directory)
        self.mailbox = mailbox or Mailbox()
        self.port = free_port()
        mail_port = free_port()
        self.smtp = Controller(self.mailbox, hostname="127.0.0.1", port=mail_port)
        self.smtp.start()
        self.environment = {name: value for name, value in os.environ.items() if name not in prepared.FOREIGN} | {
            "LIUKE_VAR": str(directory),
            "LIUKE_EMBEDDED_FSYNC": "off",
            "DJANGO_SETTINGS_MODULE": "config.settings.base",
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": str(mail_port),
            "MESSAGE_LEASE_SECONDS": "5",
            "PORT": str(self.port),
            "PYTHONWARNINGS": "ignore",
            "LOG_LEVEL": "ERROR",
        }
        self.processes: dict[str, subprocess.Popen] = {}
        self.key = ""

    def manage(self, *arguments: str, code: str = "") -> str:
        """Run a command of manage.py; `code` is passed to `shell`. Return the output."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            input=code or None,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise AssertionError(
                f"manage.py {' '.join(arguments)} exited {done.returncode}: {done.stdout}{done.stderr}"
            )
        return done.stdout

    def shell(self, code: str) -> Any:
        """Run Python code inside the shop; return the value that the code assigns to `answer`."""
        wrapped = f"{code}\nimport json as _json\nprint('ANSWER' + _json.dumps(answer, default=str))\n"
        output = self.manage("shell", "-v0", "-c", wrapped)
        return json.loads(output.rpartition("ANSWER")[2])

    def set_up(self, *options: str, code: str = "answer = None") -> Any:
        """Set up the shop, make a key and run `code`, all in one process. Return the answer of `code`."""
        self.key, answer = self.shell(
            f"""
from io import StringIO
from django.core.management import call_command
call_command("setup_shop", *{options!r})
key = StringIO()
call_command("create_api_key", "e2e", stdout=key)
{code}
answer = key.getvalue().strip(), answer
"""
        )
        return answer

    def start(self, *names: str) -> None:
        commands = {
            "web": ["granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1",
                    "--blocking-threads", "4", "--log-level", "error", "config.wsgi:application"],
            "worker": ["celery", "--quiet", "-A", "config.celery", "worker", "--loglevel", "ERROR",
                       "--concurrency", "1"],
            "beat": ["celery", "--quiet", "-A", "config.celery", "beat", "--loglevel", "ERROR", "--pidfile=",
                     "--schedule", f"{self.environment['LIUKE_VAR']}/beat"],
        }  # fmt: skip
        for name in names:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *commands[name]],
                cwd=ROOT,
                env=self.environment,
                start_new_session=True,
            )

    def start_all(self) -> subprocess.Popen:
        """Run `make up` itself: the supervisor with all processes. Its output goes to up.log."""
        log = open(Path(self.environment["LIUKE_VAR"]) / "up.log", "ab")  # noqa: SIM115 - the child writes to it
        self.processes["up"] = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--no-demo"],
            cwd=ROOT,
            env=self.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        log.close()
        return self.processes["up"]

    def kill(self, name: str) -> None:
        """Kill the process and all its children with SIGKILL."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        self.mailbox.resume.set()
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        self.smtp.stop()

    def call(self, method: str, path: str, body: Any = None, *, idempotency_key: str = "") -> tuple[int, Any]:
        """Make one API call as the storefront's server."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        if idempotency_key:
            request.add_header("Idempotency-Key", idempotency_key)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def get(self, path: str) -> Any:
        status, body = self.call("GET", path)
        assert status == 200, (path, status, body)
        return body


def wait_until(what: str, ready: Callable[[], Any], seconds: float = 60) -> Any:
    """Poll until `ready` is true; the error names `what`."""
    deadline = time.monotonic() + seconds
    last: Any = None
    while time.monotonic() < deadline:
        try:
            last = ready()
        except (OSError, AssertionError) as error:
            last = error
        else:
            if last:
                return last
        time.sleep(0.25)
    raise AssertionError(f"not within {seconds} s: {what} (last: {last!r})")
