"""Shared parts of all benchmarks: the report, a separate database, and a small HTTP client with little overhead."""

from __future__ import annotations

import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analytics.segments.models import Segment

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"


def start_servers(name: str = "bench") -> None:
    """Start separate servers under var/bench unless DATABASE_URL, REDIS_URL and CACHE_URL name others, then migrate."""
    os.environ.setdefault("LIUKE_VAR", str(ROOT / "var" / name))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.base")
    os.environ.setdefault("API_RATE_LIMIT", "1000000000")
    sys.path.insert(0, str(ROOT))
    from core import embedded
    from core.embedded import places

    embedded.attach()
    place = places.locations()
    os.environ.update(places.urls(place))
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def timed(work: Callable[[], object]) -> float:
    """Run `work` and return the seconds that it took."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def sql(statement: str, params: list | None = None) -> list:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.fetchall() if cursor.description else []


def report(
    name: str,
    figure: float,
    unit: str,
    floor: float | None = None,
    ratio: float | None = None,
    extra: dict[str, Any] | None = None,
) -> None:
    """Print our figure, the floor of the same run and their ratio, and write them to bench/results/<name>.json."""
    if ratio is None and floor:
        ratio = figure / floor
    RESULTS.mkdir(parents=True, exist_ok=True)
    row = {
        "name": name,
        "figure": round(figure, 3),
        "unit": unit,
        "floor": None if floor is None else round(floor, 3),
        "ratio": None if ratio is None else round(ratio, 3),
        **(extra or {}),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "measured": time.strftime("%Y-%m-%d"),
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(row, indent=1, ensure_ascii=False) + "\n")
    beside = "" if floor is None else f"   floor {floor:,.1f}   ratio {ratio:.2f}"
    more = "".join(f"   {key} {value}" for key, value in (extra or {}).items() if not isinstance(value, dict | list))
    print(f"{name:<34} {figure:>12,.1f} {unit:<18}{beside}{more}", flush=True)


def interleaved(rounds: int, *sides: Callable[[], float]) -> list[float]:
    """Return the median of each side, measured in turns so that other load of the machine affects all sides equally."""
    figures: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for results, side in zip(figures, sides, strict=True):
            results.append(side())
    return [statistics.median(results) for results in figures]


def segment_of(source: str, count: int) -> Segment:
    """Create a segment with the first `count` customers of a source."""
    from django.db import transaction

    from analytics.segments.models import Segment
    from analytics.segments.services import memberships

    segment = Segment.objects.create(name=f"Bench {time.time_ns()}", rule={"op": "and", "children": []})
    with transaction.atomic():
        memberships.fill(
            "SELECT id AS customer_id, ARRAY[%s::bigint] AS inside FROM crm_customer WHERE source = %s "
            "ORDER BY id LIMIT %s",
            [segment.pk, source, count],
            at=memberships.lock_memberships(),
        )
    return segment


def vacuum() -> None:
    """Vacuum between the cases, because pending autovacuum work alone moves a figure by a quarter."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def pgbench(script: str, *, clients: int = 16, seconds: int = 4, variables: dict[str, int] | None = None) -> float:
    """Return the transactions a second of a pgbench script against the benchmark's database."""
    import dj_database_url

    from core.embedded.postgres import binaries

    parts = dj_database_url.parse(os.environ["DATABASE_URL"])
    defines = [flag for name, value in (variables or {}).items() for flag in ("-D", f"{name}={value}")]
    environment = {
        **os.environ,
        "PGHOST": parts["HOST"],
        "PGPORT": str(parts["PORT"] or 5432),
        "PGUSER": parts["USER"],
        "PGPASSWORD": parts["PASSWORD"],
    }
    done = subprocess.run(
        [str(binaries() / "pgbench"), "-n", "-f", "-", "-c", str(clients), "-j", "2", "-T", str(seconds),
         "-M", "prepared", *defines, parts["NAME"]],
        input=script, capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    for line in done.stdout.splitlines():
        if line.startswith("tps ="):
            return float(line.split()[2])
    raise RuntimeError(done.stderr[-800:])


@dataclass
class Load:
    """The figures of a client: requests a second, and latencies in milliseconds."""

    rate: float
    p50: float
    p99: float
    statuses: dict[int, int]


class RawClient:
    """HTTP/1.1 with keep-alive over one socket: a few microseconds a request, so that only the server is measured."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def send(self, method: str, path: str, headers: str, body: bytes = b"") -> tuple[int, bytes]:
        self.socket.sendall(
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        while (end := self.buffer.find(b"\r\n\r\n")) < 0:
            self._more()
        head = self.buffer[:end].lower()
        mark = head.index(b"content-length:") + 15
        length = int(head[mark : head.find(b"\r", mark) if b"\r" in head[mark:] else len(head)])
        while len(self.buffer) < end + 4 + length:
            self._more()
        answer = self.buffer[end + 4 : end + 4 + length]
        self.buffer = self.buffer[end + 4 + length :]
        return int(head[9:12]), answer

    def _more(self) -> None:
        part = self.socket.recv(65536)
        if not part:
            raise ConnectionError("the server closed the connection")
        self.buffer += part


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class BenchServer:
    """A granian server for a WSGI application with two workers, as `make up` starts it."""

    def __init__(self, application: str = "config.wsgi:application") -> None:
        self.port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(self.port),
             "--workers", "2", "--blocking-threads", "4", "--log-level", "critical", application],
            cwd=ROOT, env={**os.environ, "LOG_LEVEL": "ERROR"},
        )  # fmt: skip
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                if RawClient(self.port).send("GET", "/healthz", "")[0] in {200, 404}:
                    return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("the server did not start")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


_CLIENT = """
import json, sys, threading, time
sys.path.insert(0, {root!r})
from bench.common import RawClient
port, threads, seconds, seed = map(int, sys.argv[1:5])
spec = json.load(sys.stdin)
headers = spec["headers"]
latencies, statuses, lock = [], {{}}, threading.Lock()
start = time.time() + 0.3
def run(number):
    client, mine, seen, turn = RawClient(port), [], {{}}, 0
    time.sleep(max(0, start - time.time()))
    end = time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        turn += 1
        unique = f"{{seed}}-{{number}}-{{turn}}"
        place = turn * 7919 + number * 104729 + seed * 31
        path = spec["paths"][place % len(spec["paths"])]
        body = spec["bodies"][place % len(spec["bodies"])].replace("UNIQUE", unique).encode()
        status, _ = client.send("POST", path, headers.replace("UNIQUE", unique), body)
        mine.append(time.perf_counter() - began)
        seen[status] = seen.get(status, 0) + 1
    with lock:
        latencies.extend(mine)
        for status, count in seen.items():
            statuses[status] = statuses.get(status, 0) + count
workers = [threading.Thread(target=run, args=(n,)) for n in range(threads)]
[w.start() for w in workers]; [w.join() for w in workers]
json.dump([latencies, statuses], sys.stdout)
"""


def load(
    port: int, *, paths: list[str], headers: str, body: str | list[str], clients: int = 16, seconds: int = 5
) -> Load:
    """Send POST requests from two client processes; UNIQUE in headers and body is replaced by a new text each time."""
    bodies = [body] if isinstance(body, str) else body
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _CLIENT.format(root=str(ROOT)), str(port), str(clients // 2), str(seconds),
             str(seed)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for seed in (int(time.time() * 1000) % 1_000_000_000, int(time.time() * 1000) % 1_000_000_000 + 1)
    ]  # fmt: skip
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(json.dumps({"paths": paths, "headers": headers, "bodies": bodies}))
        process.stdin.close()
        process.stdin = None
    latencies: list[float] = []
    statuses: dict[int, int] = {}
    for process in processes:
        output, _ = process.communicate(timeout=seconds + 60)
        mine, counts = json.loads(output)
        latencies += mine
        for status, count in counts.items():
            statuses[int(status)] = statuses.get(int(status), 0) + count
    latencies.sort()
    return Load(
        len(latencies) / seconds,
        latencies[len(latencies) // 2] * 1000,
        latencies[int(len(latencies) * 0.99)] * 1000,
        statuses,
    )
