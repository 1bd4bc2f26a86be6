"""The database matches the models: a migration may drop an index that it does not name."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("app", ["core", "crm", "loyalty", "analytics", "campaigns"])
def test_the_database_has_every_constraint_and_index_that_the_models_name(app):
    with connection.cursor() as cursor:
        cursor.execute("SELECT conname FROM pg_constraint UNION SELECT relname FROM pg_class WHERE relkind = 'i'")
        there = {name for (name,) in cursor.fetchall()}
    named = {
        one.name
        for model in apps.get_app_config(app).get_models()
        for one in (*model._meta.constraints, *model._meta.indexes)
    }
    assert len(named) >= 9
    assert named - there == set()
