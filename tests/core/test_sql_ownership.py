"""Ownership in SQL: one place for keys and outbox rows, one INSERT of messages; every statement file fits its parts."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest
from django.conf import settings

from core.db import sqlfiles, statements

OWNED = re.compile(r"(?:INTO|UPDATE) (core_idempotencyrecord|core_domainevent|core_eventdelivery)\b")
# These two write the rows within the statement of the redemption; core/sql/commands.sql has the reason.
WITHIN_THEIR_STATEMENT = {"loyalty/ledger/batch.sql", "loyalty/ledger/ledger.sql"}


def sources(pattern: str) -> list[Path]:
    return [
        path
        for app in settings.OUR_APPS
        for path in (sqlfiles.ROOT / app).rglob(pattern)
        if "migrations" not in path.parts
    ]


def test_only_core_writes_keys_and_outbox_rows():
    writers = {name for name, path in sqlfiles.paths().items() if OWNED.search(path.read_text())}
    assert writers == {"core/commands.sql", *WITHIN_THEIR_STATEMENT}
    in_python = {str(path.relative_to(sqlfiles.ROOT)) for path in sources("*.py") if OWNED.search(path.read_text())}
    assert in_python == {"core/db/idempotency.py", "core/events/bus.py", "core/events/outbox.py"}


def test_messages_are_inserted_in_one_place():
    insert = re.compile(r"INTO campaigns_message\b")
    places = [path for kind in ("*.py", "*.sql") for path in sources(kind) if insert.search(path.read_text())]
    assert [str(path.relative_to(sqlfiles.ROOT)) for path in places] == ["campaigns/messages/sql/statements/insert.sql"]


def test_statements_are_not_loaded_as_functions():
    assert not [path for path in sqlfiles.paths().values() if path.parent.name == "statements"]


@pytest.mark.parametrize("path", sources("sql/statements/*.sql"), ids=lambda path: path.stem)
def test_a_statement_names_its_parts(path):
    package = ".".join(path.relative_to(sqlfiles.ROOT).parts[:2]) + ".services"
    parts = {name for _text, name, _spec, _way in Formatter().parse(path.read_text()) if name}
    # when
    filled = statements.statement(package, path.stem, **dict.fromkeys(parts, "1"))
    # then
    assert not re.search(r"\{[a-z_]+\}", filled)
    with pytest.raises(KeyError) if parts else pytest.raises(FileNotFoundError):
        statements.statement(package, path.stem if parts else "no_such_statement")
