"""The migrations build the reviewed schema and the schema of the models.

`tests/core/schema.txt` holds one line a table, column, index, constraint, trigger and function.
"""

from __future__ import annotations

import subprocess
import sys
from difflib import unified_diff
from pathlib import Path

import pgtrigger
import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from tests.baselines import how_to_update, updating
from tests.core.schema import describe
from tests.processes import database_url, this_database

ROOT = Path(__file__).resolve().parents[2]
FILE = Path(__file__).with_name("schema.txt")
pytestmark = pytest.mark.django_db


@pytest.fixture
def migrated():
    """Return a connection to a database of its own: created empty, then migrated by a process as in production."""
    name = f"{connection.settings_dict['NAME']}_schema"
    # A second connection, because a database is not created inside the transaction of a test.
    server = connection.copy()
    with server.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    try:
        command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        environment = {**this_database(), "DATABASE_URL": database_url(name)}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        fresh = connection.copy()
        fresh.settings_dict = {**connection.settings_dict, "NAME": name}
        try:
            yield fresh
        finally:
            fresh.close()
    finally:
        with server.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
        server.close()


def test_the_migrations_build_the_reviewed_schema(migrated):
    lines = describe(migrated)
    for kind in ("extension", "table", "column", "index", "constraint", "trigger", "function"):
        assert any(line.startswith(f"{kind} ") for line in lines), f"the description has no {kind}"
    if updating():
        FILE.write_text("\n".join(lines) + "\n")
    difference = list(unified_diff(FILE.read_text().splitlines(), lines, "schema.txt", "migrations", lineterm="", n=0))
    assert not difference, "\n".join([*difference, how_to_update(FILE, "tests/core/test_schema_dump.py")])


def test_the_database_of_the_tests_has_the_same_schema():
    # Other tests may stand on it only then. With --reuse-db an older database fails here: drop it with --create-db.
    assert describe(connection) == FILE.read_text().splitlines()


def test_no_model_differs_from_its_migrations():
    loader = MigrationLoader(None)
    changes = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps)).changes(graph=loader.graph)
    ours = {label: migrations for label, migrations in changes.items() if label in settings.OUR_APPS}
    assert ours == {}


def test_every_trigger_of_the_models_is_there_and_no_other():
    lines = [line.split()[1] for line in FILE.read_text().splitlines() if line.startswith("trigger ")]
    there = {name for name in lines if ".pgtrigger_" in name}
    models = {
        f"{model._meta.db_table}.{trigger.get_pgid(model)}"
        for model, trigger in pgtrigger.registered()
        if model._meta.app_label in settings.OUR_APPS
    }
    assert there == models
