"""Environment for separate processes that work in the database of the test."""

from __future__ import annotations

import os

from django.conf import settings
from django.db import connection


def database_url(name: str = "") -> str:
    """Return the address of the database of the test, or of another one on the same server."""
    database = connection.settings_dict
    place = database["HOST"].replace("/", "%2F")
    name = name or database["NAME"]
    if database.get("PORT"):
        return f"postgresql://{database['USER']}:{database['PASSWORD']}@{place}:{database['PORT']}/{name}"
    return f"postgresql://{database['USER']}@{place}/{name}"


def this_database() -> dict[str, str]:
    """Return the environment of such a process."""
    return {**os.environ, "DATABASE_URL": database_url(), "SECRET_KEY": settings.SECRET_KEY}
