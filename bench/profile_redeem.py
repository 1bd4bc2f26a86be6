"""Profile redemptions in Python and by statement of their function: `python -m bench.profile_redeem`.

Redemptions run one after the other in this process. synchronous_commit is off, to leave out the wait for the disk.
"""

from __future__ import annotations

import io
import sys
import time
import uuid

from bench.common import sql, start_servers, vacuum

CALLS = 2000


def main() -> None:
    start_servers()
    from django.core.wsgi import get_wsgi_application

    from bench.bench_redeem import prepare
    from core.security.api_keys import create_api_key
    from core.security.models import ApiKey
    from core.security.scopes import SCOPES

    numbers = prepare()
    ApiKey.objects.filter(name="bench").delete()
    secret = create_api_key(name="bench", scopes=SCOPES.names())[1]
    application = get_wsgi_application()
    sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    vacuum()

    def redeem(turn: int) -> None:
        body = b'{"points": 1}'
        number = numbers[turn * 7919 % len(numbers)]
        environ = {
            "REQUEST_METHOD": "POST", "PATH_INFO": f"/api/v1/members/{number}/points/redemptions",
            "SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "localhost",
            "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(body), "wsgi.errors": sys.stderr,
            "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)),
            "HTTP_AUTHORIZATION": f"Bearer {secret}", "HTTP_IDEMPOTENCY_KEY": uuid.uuid4().hex,
            "REMOTE_ADDR": "127.0.0.1", "QUERY_STRING": "",
        }  # fmt: skip
        statuses: list[str] = []
        answer = application(environ, lambda status, headers, error=None: statuses.append(status))
        b"".join(answer)
        answer.close()
        if statuses != ["201 Created"]:
            raise RuntimeError(statuses)

    for turn in range(300):
        redeem(turn)
    sql("SET synchronous_commit = off")
    sql("SET pg_stat_statements.track = 'all'")
    sql("SELECT pg_stat_statements_reset()")
    began, used = time.perf_counter(), time.process_time()
    for turn in range(CALLS):
        redeem(turn)
    wall, python = time.perf_counter() - began, time.process_time() - used
    print(f"{wall / CALLS * 1e6:,.0f} µs a call, of it {python / CALLS * 1e6:,.0f} µs of this process")
    rows = sql(
        """SELECT total_exec_time * 1000 / %s, wal_bytes / %s, left(regexp_replace(query, '\\s+', ' ', 'g'), 100)
           FROM pg_stat_statements WHERE calls >= %s ORDER BY total_exec_time DESC LIMIT 20""",
        [CALLS, CALLS, CALLS],
    )
    for microseconds, log, statement in rows:
        print(f"{microseconds:8.1f} µs {log:8.0f} B  {statement}")


if __name__ == "__main__":
    main()
