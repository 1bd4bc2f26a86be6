"""Profile the sending of messages by statement and in Python, for one worker: `python -m bench.profile_messages`.

BENCH_MESSAGES sets the number (50,000 by default), BENCH_BATCH the size of a claim (1,000).
"""

from __future__ import annotations

import cProfile
import os
import pstats
import time
from collections import defaultdict

from bench.common import ROOT, sql, start_servers, vacuum

MESSAGES = int(os.environ.get("BENCH_MESSAGES", "50000"))
BATCH = int(os.environ.get("BENCH_BATCH", "1000"))


def main() -> None:
    start_servers()
    from bench.bench_messages import postgres_seconds, prepare
    from campaigns.messages.services import messages

    prepare(MESSAGES)
    vacuum()
    sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    sql("SELECT pg_stat_statements_reset()")
    python, postgres, wall = time.process_time(), postgres_seconds(), time.perf_counter()
    done = messages.send_due(seconds=3600, batch=BATCH)
    python, postgres, wall = time.process_time() - python, postgres_seconds() - postgres, time.perf_counter() - wall
    each = 1e6 / done
    print(
        f"{done:,} messages, {wall * each:.1f} µs each; "
        f"processor: Python {python * each:.1f}, PostgreSQL {postgres * each:.1f}"
    )
    rows = sql(
        """SELECT total_exec_time * 1000 / %s, wal_bytes / %s, left(regexp_replace(query, '\\s+', ' ', 'g'), 90)
           FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 12""",
        [done, done],
    )
    for microseconds, log, statement in rows:
        print(f"{microseconds:8.2f} µs {log:8.0f} B  {statement}")

    prepare(MESSAGES)
    vacuum()
    profile = cProfile.Profile()
    profile.enable()
    messages.send_due(seconds=3600, batch=BATCH)
    profile.disable()
    parts: dict[str, float] = defaultdict(float)
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    for (file, _line, name), (_calls, _all, own, _cumulative, _callers) in stats.items():
        parts[_part(file, name)] += own
    # The profiler slows down calls, so print shares instead of microseconds.
    whole = sum(parts.values()) - parts.pop("waiting", 0)
    print(
        "Python, shares: "
        + ", ".join(f"{part} {own / whole:.0%}" for part, own in sorted(parts.items(), key=lambda i: -i[1])[:8])
    )


def _part(file: str, name: str) -> str:
    if name == "wait" and "psycopg" in file:
        return "waiting"
    if str(ROOT) in file and "/.venv/" not in file:
        return os.path.relpath(file, ROOT).removesuffix(".py")
    for library in ("psycopg", "django", "liquid", "json"):
        if f"/{library}/" in file or library in name:
            return library
    return "other"


if __name__ == "__main__":
    main()
