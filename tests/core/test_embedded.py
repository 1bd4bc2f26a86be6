"""Embedded servers: closed to other users of the machine, restarted after any crash, queue and cache separate."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis

from core.embedded import places, postgres, processes, valkey
from core.embedded import places as embedded
from core.embedded.places import ConfigurationError

pytestmark = pytest.mark.processes
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Start servers for this module; another process holds them, as `make up` does."""
    folder = tmp_path_factory.mktemp("embedded")
    variables = {"DATABASE_URL", "REDIS_URL", "CACHE_URL"}
    environment = {name: value for name, value in os.environ.items() if name not in variables}
    keeper = subprocess.Popen(
        [sys.executable, "-c", "from core import embedded; embedded.attach(); print('up', flush=True); input()"],
        cwd=ROOT, env=environment | {"LIUKE_VAR": str(folder)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert keeper.stdout is not None
    assert keeper.stdout.readline() == "up\n"
    yield embedded.locations(folder)
    keeper.communicate("\n", timeout=60)


@pytest.fixture(autouse=True)
def _embedded(monkeypatch):
    for name in ("DATABASE_URL", "REDIS_URL", "CACHE_URL"):
        monkeypatch.delenv(name, raising=False)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_directories_and_sockets_are_closed_to_others(place):
    assert mode(place.directory) in {0o700, 0o710}
    assert mode(place.runtime) == 0o700
    assert [mode(place.runtime / name) for name in (".s.PGSQL.5432", "valkey.sock", "cache.sock")] == [0o700] * 3
    assert [mode(place.directory / name) for name in ("pg", "valkey", "cache")] == [0o700] * 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_another_user_of_the_machine_can_not_log_in(place, tmp_path_factory):
    script = (
        "import sys, psycopg\n"
        "try:\n"
        "    psycopg.connect(host=sys.argv[1], user='postgres', dbname='liuke')\n"
        "except psycopg.OperationalError as error:\n"
        "    print(error)\n"
        "else:\n"
        "    print('IN')\n"
    )

    def as_nobody() -> str:
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c", script,
             str(place.runtime)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stdout + done.stderr

    # given a shop whose directories are open, as an older version left them
    opened = [place.directory, place.runtime, *place.directory.parents]
    before = {path: mode(path) for path in opened}
    assert "IN" not in as_nobody()
    try:
        for path in opened:
            path.chmod(before[path] | 0o055)
        (place.runtime / ".s.PGSQL.5432").chmod(0o777)

        # when another user finds the socket, then PostgreSQL itself refuses, because the kernel reports the user
        assert "Peer authentication failed" in as_nobody()
    finally:
        (place.runtime / ".s.PGSQL.5432").chmod(0o700)
        for path in opened:
            path.chmod(before[path])


def test_a_runtime_directory_of_another_user_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(places.os, "geteuid", lambda: 4711)
    with pytest.raises(ConfigurationError, match="belongs to another user"):
        embedded.make_private(embedded.Locations(tmp_path, tmp_path / "run"))


def test_a_killed_postmaster_is_started_again_although_its_children_live(place):
    # given a session that is busy for a minute
    busy = psycopg.connect(place.database_url)
    child = busy.info.backend_pid
    cursor = busy.cursor()
    sleeper = subprocess.Popen(
        [sys.executable, "-c", "import sys, psycopg; psycopg.connect(sys.argv[1]).execute(sys.argv[2])",
         place.database_url, "SELECT count(*) FROM generate_series(1, 1e9::bigint)"],
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    # Otherwise a slow sleeper would connect to the new server.
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%generate_series%'"
    watching = psycopg.connect(place.database_url, autocommit=True)
    assert processes.wait_until(lambda: watching.execute(sleeping).fetchone()[0] == 2, 30)
    cursor.execute("SELECT 1")
    before = postgres.pid_of(place)
    assert before

    # when the postmaster is killed
    os.kill(before, signal.SIGKILL)
    processes.wait_until(lambda: not processes.is_alive(before), 5)
    postgres.start(place)

    # then a new one serves, and no child of the old one is left
    after = postgres.pid_of(place)
    assert after not in {None, before}
    assert psycopg.connect(place.database_url).execute("SELECT 1").fetchone() == (1,)
    assert not processes.is_alive(child)
    sleeper.wait(20)


def test_a_process_id_that_was_reused_by_another_program_does_not_count(place, tmp_path):
    (tmp_path / "valkey.pid").write_text(f"{os.getpid()}\n")
    assert processes.is_alive(os.getpid())
    assert valkey.pid_of(embedded.Locations(tmp_path, tmp_path), valkey.QUEUE) is None
    assert valkey.pid_of(place, valkey.QUEUE) is not None


def test_a_cache_filled_to_its_bound_takes_no_room_from_the_queue(place):
    queue = redis.Redis(unix_socket_path=str(place.runtime / "valkey.sock"))
    cache = redis.Redis(unix_socket_path=str(place.runtime / "cache.sock"))
    assert queue.info("server")["run_id"] != cache.info("server")["run_id"]
    assert queue.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}

    # when more is written to the cache than it can hold
    queue.rpush("celery", "task")
    block = os.urandom(1_000_000)
    for number in range(400):
        assert cache.set(f"stranger-{number}", block)

    # then it has evicted the oldest entries, and the queue still takes tasks
    assert cache.info("stats")["evicted_keys"] > 100
    assert cache.get("stranger-399") == block
    assert queue.rpush("celery", "task") == 2
    cache.flushall()
    queue.delete("celery")
