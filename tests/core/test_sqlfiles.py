"""The SQL files of the apps: loaded only when their text changes; the schema matches models and files."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from core.db import sqlfiles
from core.health import checks as health

pytestmark = pytest.mark.django_db


def answer() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT core_answer()")
        return cursor.fetchone()[0]


@pytest.fixture
def one_file(tmp_path, monkeypatch):
    """Add a file to the product's SQL files and return its path."""
    path = tmp_path / "answer.sql"
    path.write_text("CREATE OR REPLACE FUNCTION core_answer() RETURNS integer LANGUAGE sql AS 'SELECT 41 % 42';")
    names = sqlfiles.paths()
    monkeypatch.setattr(sqlfiles, "paths", lambda: {**names, "core/answer.sql": path})
    return path


def test_after_migrate_every_file_is_loaded():
    assert len(sqlfiles.paths()) >= 18
    assert sqlfiles.changed() == []
    assert health.migrations() == (True, "up to date")


def test_a_changed_file_is_reported_and_the_next_migrate_loads_it(one_file):
    # given a file that the database has not loaded
    assert health.migrations() == (False, "1 SQL file to load: core/answer.sql")
    # when
    call_command("migrate", verbosity=0)
    # then
    assert answer() == 41
    assert sqlfiles.changed() == []
    # and again when its text changes
    one_file.write_text(one_file.read_text().replace("41", "40"))
    assert sqlfiles.changed() == ["core/answer.sql"]
    call_command("migrate", verbosity=0)
    assert (answer(), sqlfiles.changed()) == (40, [])


def test_a_file_with_an_error_changes_nothing(one_file):
    call_command("migrate", verbosity=0)
    one_file.write_text(one_file.read_text().replace("41", "40") + "\nSELECT no_such_function();")
    with pytest.raises(Exception, match="no_such_function"), connection.cursor() as cursor:
        cursor.execute("SAVEPOINT before_load")
        try:
            call_command("migrate", verbosity=0)
        finally:
            cursor.execute("ROLLBACK TO SAVEPOINT before_load")
    assert answer() == 41
    assert sqlfiles.changed() == ["core/answer.sql"]


def test_every_table_and_column_of_the_models_is_there_and_no_other():
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT c.relname, array_agg(a.attname::text ORDER BY a.attname) FROM pg_class c
               JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
               WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
                     AND a.attnum > 0 AND NOT a.attisdropped GROUP BY 1"""
        )
        tables = dict(cursor.fetchall())
    models = {
        model._meta.db_table: sorted(field.column for field in model._meta.local_concrete_fields if field.column)
        for label in settings.OUR_APPS
        for model in apps.get_app_config(label).get_models(include_auto_created=True)
        if not model._meta.proxy
    }
    ours = {name: columns for name, columns in tables.items() if name.split("_")[0] in settings.OUR_APPS}
    # The receipts of activity have no model: only SQL reads and writes them.
    assert ours.pop("crm_activityreceipt") == ["sender_id", "source"]
    assert ours == models
