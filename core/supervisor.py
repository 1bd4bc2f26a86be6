"""Keeps the processes of one machine running until a person ends them.

A program that ends, for whatever reason, is started again after a pause that doubles up to `LONGEST_PAUSE`. Servers that run
as daemons are watched by their process ids. Nothing but a signal ends the supervisor: not a full disk, not a closed terminal,
not a program that never comes up.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
# A program that ran this long had recovered: its next end is a new fault, and the pause begins small again.
STEADY_SECONDS = 20.0
STOP_SECONDS = 15.0
SERVER_START_SECONDS = 2.0
LOOK_EVERY = 0.25
LONGEST_LINE = 4000
PR_SET_PDEATHSIG = 1


@dataclass
class Pause:
    """Time until the next start."""

    seconds: float = FIRST_PAUSE
    until: float = 0.0

    def begin(self, *, ran: float) -> float:
        self.seconds = FIRST_PAUSE if ran >= STEADY_SECONDS else min(LONGEST_PAUSE, self.seconds * 2)
        self.until = time.monotonic() + self.seconds
        return self.seconds

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.until


@dataclass
class Program:
    """A child process. It leads a process group of its own, so that its children never outlive it."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: Pause = field(default_factory=Pause)
    rest: bytes = b""

    def start(self) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            list(self.command),
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - the supervisor has one thread
        )

    def end_group(self, number: int) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)


@dataclass
class Server:
    """A daemon that others may have started: `is_running` tells, `start` starts it and does not wait."""

    name: str
    is_running: Callable[[], bool]
    start: Callable[[], None]
    started: float = 0.0
    pause: Pause = field(default_factory=Pause)
    was_running: bool = True


class Supervisor:
    def __init__(self, programs: Sequence[Program], servers: Sequence[Server] = (), out: IO[str] = sys.stdout) -> None:
        self.programs, self.servers, self.out = list(programs), list(servers), out
        names = [program.name for program in self.programs] + [server.name for server in self.servers]
        self.width = max(len(name) for name in names)
        self.selector = selectors.DefaultSelector()
        self.stopping = 0

    def run(self) -> None:
        """Start everything and keep it running; return after SIGINT or SIGTERM, when all programs have ended."""
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        # Whoever started this in a terminal may close it; the shop goes on only under a service manager.
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._stop)
        try:
            while not self.stopping:
                for server in self.servers:
                    self._watch(server)
                for program in self.programs:
                    self._keep(program)
                self._read(LOOK_EVERY)
            self._end()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, *_: object) -> None:
        self.stopping += 1

    def _watch(self, server: Server) -> None:
        if server.is_running():
            server.was_running = True
            return
        if server.was_running:
            server.was_running = False
            ran = time.monotonic() - server.started
            self.say("system", f"{server.name} ended; starting it again in {server.pause.begin(ran=ran):.1f} s")
        if not server.pause.is_over:
            return
        server.started = time.monotonic()
        # A start that has not come up yet is not repeated at once.
        server.pause.until = server.started + SERVER_START_SECONDS
        try:
            server.start()
        except Exception as error:
            wait = server.pause.begin(ran=0)
            self.say("system", f"{server.name} did not start ({error}); again in {wait:.1f} s")

    def _keep(self, program: Program) -> None:
        process = program.process
        if process is not None and process.poll() is None:
            return
        if process is not None:
            # What it left behind would hold its port or work on without a parent.
            program.end_group(signal.SIGKILL)
            self._drain(program)
            wait = program.pause.begin(ran=time.monotonic() - program.started)
            self.say(
                "system", f"{program.name} ended ({_outcome(process.returncode)}); starting it again in {wait:.1f} s"
            )
            program.process = None
        if not program.pause.is_over:
            return
        try:
            program.start()
        except OSError as error:
            wait = program.pause.begin(ran=0)
            self.say("system", f"{program.name} did not start ({error}); again in {wait:.1f} s")
            return
        assert program.process is not None
        assert program.process.stdout is not None
        os.set_blocking(program.process.stdout.fileno(), False)
        self.selector.register(program.process.stdout, selectors.EVENT_READ, program)
        self.say("system", f"{program.name} started (pid {program.process.pid})")

    def _read(self, seconds: float) -> None:
        if not self.selector.get_map():
            time.sleep(seconds)
            return
        for key, _ in self.selector.select(seconds):
            self._pass_on(key.data, key.fileobj)

    def _pass_on(self, program: Program, pipe) -> bool:
        """Print what a program wrote; return whether there may be more."""
        try:
            data = os.read(pipe.fileno(), 65536)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            with contextlib.suppress(KeyError, ValueError):
                self.selector.unregister(pipe)
            pipe.close()
            return False
        *lines, program.rest = (program.rest + data).split(b"\n")
        if len(program.rest) > LONGEST_LINE:
            lines, program.rest = [*lines, program.rest], b""
        for line in lines:
            self.say(program.name, line[:LONGEST_LINE].decode(errors="replace"))
        return True

    def _drain(self, program: Program) -> None:
        pipe = program.process.stdout if program.process else None
        while pipe is not None and not pipe.closed and self._pass_on(program, pipe):
            pass
        if pipe is not None and not pipe.closed:
            with contextlib.suppress(KeyError, ValueError):
                self.selector.unregister(pipe)
            pipe.close()
        if program.rest:
            self.say(program.name, program.rest.decode(errors="replace"))
            program.rest = b""

    def _end(self) -> None:
        """Ask every program to end, then insist: after `STOP_SECONDS`, or at once when a person asks a second time."""
        running = [program for program in self.programs if program.process is not None]
        asked = self.stopping
        for program in running:
            assert program.process is not None
            with contextlib.suppress(ProcessLookupError):
                program.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        while any(program.process and program.process.poll() is None for program in running):
            if time.monotonic() > deadline or self.stopping > asked:
                break
            self._read(0.05)
        for program in running:
            program.end_group(signal.SIGKILL)
            assert program.process is not None
            program.process.wait()
            self._drain(program)
            self.say("system", f"{program.name} stopped")

    def say(self, name: str, text: str) -> None:
        """Print one line. An output that takes none (a full disk, a closed pipe) loses the line, never the shop."""
        with contextlib.suppress(OSError, ValueError):
            self.out.write(f"{time.strftime('%H:%M:%S')} {name.ljust(self.width)} | {text}\n")
            self.out.flush()


def _end_with_parent() -> None:
    """Ask the kernel to end this child when the supervisor is killed, so that the next one finds the port free."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _outcome(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit {code}"
