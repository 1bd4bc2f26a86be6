"""Pytest plugin (`-p tests.services`): real PostgreSQL and Valkey for the tests, started before Django reads settings.

DATABASE_URL, REDIS_URL and CACHE_URL of the caller are used as they are; else embedded servers run under var/test.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def _start() -> None:
    if "PYTEST_XDIST_WORKER" in os.environ or os.environ.get("LIUKE_TEST_SERVICES"):
        return
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    os.environ.setdefault("LIUKE_VAR", os.environ.get("LIUKE_TEST_VAR") or str(ROOT / "var" / "test"))
    os.environ["LIUKE_EMBEDDED_FSYNC"] = "off"
    from core import embedded
    from core.embedded import places
    from tests import prepared

    place = places.locations()
    urls = places.urls(place)
    if "DATABASE_URL" in urls:
        prepared.renew(place)
    embedded.attach()
    if "DATABASE_URL" in urls:
        os.environ["LIUKE_TEST_TEMPLATE"] = prepared.template(place)
    os.environ.update(urls)
    os.environ["LIUKE_TEST_SERVICES"] = "1"


_start()
