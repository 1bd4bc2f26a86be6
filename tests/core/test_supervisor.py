"""The supervisor: ended programs are restarted, pauses grow and shrink, only a signal ends it."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from core.embedded.processes import is_alive, wait_until
from core.processes import supervisor
from core.processes.supervisor import Pause, SupervisedProgram, Supervisor, WatchedServer

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_pause_doubles_up_to_its_limit_and_starts_small_after_a_steady_run():
    pause = Pause()
    assert [pause.begin(ran=1) for _ in range(6)] == [1, 2, 4, 5, 5, 5]
    assert pause.begin(ran=supervisor.STEADY_SECONDS) == 0.5


def run_until(keeper: Supervisor, ready, seconds: float = 20) -> None:
    """Run the supervisor in this thread and send it a signal when `ready` returns true."""
    deadline = time.monotonic() + seconds
    read = keeper._read

    def watched(pause: float) -> None:
        read(pause)
        if ready() or time.monotonic() > deadline:
            os.kill(os.getpid(), signal.SIGTERM)

    keeper._read = watched  # type: ignore[method-assign]
    keeper.run()
    assert ready()


def test_a_program_that_ends_is_started_again_and_its_children_end_with_it(tmp_path):
    # given a program that starts a child, writes both process ids, and crashes
    script = textwrap.dedent("""
        import os, subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        print("ready", flush=True)
        with open(sys.argv[1], "a") as file:
            file.write(f"{os.getpid()} {child.pid}\\n")
        if len(open(sys.argv[1]).readlines()) < 3:
            os.abort()
        time.sleep(60)
    """)
    ids = tmp_path / "ids"
    ids.touch()
    out = io.StringIO()
    keeper = Supervisor([SupervisedProgram("crasher", [sys.executable, "-c", script, str(ids)], os.environ)], out=out)

    # when it runs
    run_until(keeper, lambda: len(ids.read_text().splitlines()) == 3)

    # then it was started three times, and neither it nor its children are left
    lines = out.getvalue()
    assert lines.count("crasher started") == 3
    assert lines.count("crasher | ready") == 3
    assert lines.count("crasher ended (killed by SIGABRT); starting it again in") == 2
    assert lines.count("crasher stopped") == 1
    assert wait_until(lambda: not any(is_alive(int(pid)) for pid in ids.read_text().split()), 5)


def test_a_program_that_can_not_be_started_holds_up_no_other(tmp_path):
    out = io.StringIO()
    missing = SupervisedProgram("missing", [str(tmp_path / "nothing")], os.environ)
    sound = SupervisedProgram(
        "sound", [sys.executable, "-c", "import time; print('on', flush=True); time.sleep(60)"], os.environ
    )
    run_until(
        Supervisor([missing, sound], out=out),
        lambda: "sound   | on" in out.getvalue() and out.getvalue().count("missing did not start") >= 2,
    )


def test_a_server_is_started_again_and_a_failing_start_is_repeated():
    running, starts = [False], []

    def start() -> None:
        starts.append(time.monotonic())
        if len(starts) < 3:
            raise RuntimeError("no space left on device")
        running[0] = True

    out = io.StringIO()
    idle = SupervisedProgram("idle", [sys.executable, "-c", "import time; time.sleep(60)"], os.environ)
    run_until(Supervisor([idle], [WatchedServer("database", lambda: running[0], start)], out=out), lambda: running[0])
    assert out.getvalue().count("database ended; starting it again") == 1
    assert out.getvalue().count("database did not start (no space left on device); again in") == 2


class Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_failing_output_does_not_end_the_supervisor(tmp_path):
    ids = tmp_path / "ids"
    script = f"open({str(ids)!r}, 'a').write('x'); print('line')"
    keeper = Supervisor([SupervisedProgram("short", [sys.executable, "-c", script], os.environ)], out=Full())
    run_until(keeper, lambda: ids.exists() and len(ids.read_text()) >= 2)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals children when their parent dies")
def test_programs_end_when_the_supervisor_is_killed(tmp_path):
    ids = tmp_path / "pid"
    script = textwrap.dedent(f"""
        import os, sys
        from core.processes.supervisor import SupervisedProgram, Supervisor
        child = "import os, time; open({str(ids)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
        Supervisor([SupervisedProgram("one", [sys.executable, "-c", child], os.environ)]).run()
    """)
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while not (ids.exists() and ids.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    pid = int(ids.read_text())
    process.kill()
    process.wait()
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()
