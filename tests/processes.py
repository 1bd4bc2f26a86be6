"""Environment for separate processes that work in the database of the test."""

from __future__ import annotations

import os

from django.conf import settings
from django.db import connection


def this_database() -> dict[str, str]:
    """Return the environment of such a process."""
    database = connection.settings_dict
    place = database["HOST"].replace("/", "%2F")
    if database.get("PORT"):
        url = f"postgresql://{database['USER']}:{database['PASSWORD']}@{place}:{database['PORT']}/{database['NAME']}"
    else:
        url = f"postgresql://{database['USER']}@{place}/{database['NAME']}"
    return {**os.environ, "DATABASE_URL": url, "SECRET_KEY": settings.SECRET_KEY}
