"""Fixtures of the tests that replay a demo shop."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.db import connection

END = datetime(2025, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def own_database(request, django_test_environment, django_db_blocker) -> Iterator[None]:
    """Create a database of its own for a file: the replay commits, and runs in no test's transaction."""
    name = connection.settings_dict["NAME"]
    connection.close()
    before = connection.settings_dict["TEST"].get("NAME")
    connection.settings_dict["TEST"]["NAME"] = request.module.__name__.rpartition(".")[2]
    with django_db_blocker.unblock():
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        yield
        connection.creation.destroy_test_db(name, verbosity=0)
    connection.settings_dict["TEST"]["NAME"] = before
