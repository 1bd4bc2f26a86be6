"""The supervisor, which keeps the processes of one machine running until a person ends them.

A program that ends, for any reason, is started again after a pause that doubles up to `LONGEST_PAUSE`. Servers that run
as daemons are watched by their process ids. Only a signal ends the supervisor, not a full disk, a closed pipe or a
program that never starts.
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
from typing import IO, cast

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 5.0
# A program that ran this long has recovered: its next end is a new fault, and the pause starts small again.
STEADY_SECONDS = 20.0
STOP_SECONDS = 15.0
SERVER_START_SECONDS = 2.0
LOOK_EVERY = 0.25
LONGEST_LINE = 4000
PR_SET_PDEATHSIG = 1


@dataclass
class Pause:
    """The time until the next start."""

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
class SupervisedProgram:
    """A child process. It leads its own process group, so that its children never outlive it."""

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
class WatchedServer:
    """A daemon that another process may have started. `is_running` checks it; `start` starts it without waiting."""

    name: str
    is_running: Callable[[], bool]
    start: Callable[[], None]
    started: float = 0.0
    pause: Pause = field(default_factory=Pause)
    was_running: bool = True


class Supervisor:
    def __init__(
        self, programs: Sequence[SupervisedProgram], servers: Sequence[WatchedServer] = (), out: IO[str] = sys.stdout
    ) -> None:
        self.programs, self.servers, self.out = list(programs), list(servers), out
        names = [program.name for program in self.programs] + [server.name for server in self.servers]
        self.width = max(len(name) for name in names)
        self.selector = selectors.DefaultSelector()
        self.stopping = 0

    def run(self) -> None:
        """Start everything and keep it running; return after SIGINT or SIGTERM, when all programs have ended."""
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        # A closed terminal ends the shop; it keeps running only under a service manager.
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

    def _watch(self, server: WatchedServer) -> None:
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
        # Give a slow start time before the next try.
        server.pause.until = server.started + SERVER_START_SECONDS
        try:
            server.start()
        except Exception as error:
            wait = server.pause.begin(ran=0)
            self.say("system", f"{server.name} did not start ({error}); again in {wait:.1f} s")

    def _keep(self, program: SupervisedProgram) -> None:
        process = program.process
        if process is not None and process.poll() is None:
            return
        if process is not None:
            # Its remaining children would hold its port or keep working without a parent.
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
            self._pass_on(key.data, cast(IO[bytes], key.fileobj))

    def _pass_on(self, program: SupervisedProgram, pipe: IO[bytes]) -> bool:
        """Print the output of a program; return whether there may be more."""
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

    def _drain(self, program: SupervisedProgram) -> None:
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
        """Ask every program to end. Kill the rest after `STOP_SECONDS`, or at once at a second request."""
        running = [program for program in self.programs if program.process is not None]
        requests = self.stopping
        for program in running:
            assert program.process is not None
            with contextlib.suppress(ProcessLookupError):
                program.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        while any(program.process and program.process.poll() is None for program in running):
            if time.monotonic() > deadline or self.stopping > requests:
                break
            self._read(0.05)
        for program in running:
            program.end_group(signal.SIGKILL)
            assert program.process is not None
            program.process.wait()
            self._drain(program)
            self.say("system", f"{program.name} stopped")

    def say(self, name: str, text: str) -> None:
        """Print one line.

        If the output fails (a full disk, a closed pipe), the line is lost and the shop keeps running.
        """
        with contextlib.suppress(OSError, ValueError):
            self.out.write(f"{time.strftime('%H:%M:%S')} {name.ljust(self.width)} | {text}\n")
            self.out.flush()


def _end_with_parent() -> None:
    """Ask the kernel to end this child when the supervisor is killed, so that the port is free for the next start."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _outcome(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit {code}"
