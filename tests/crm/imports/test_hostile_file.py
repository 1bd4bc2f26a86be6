"""Hostile files, imported by real processes that are killed half-way (F12)."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection

from bench.hostile import write_hostile
from core.base.actor import SYSTEM
from core.events.models import DomainEvent
from crm.customers.models import Customer, Identity
from crm.imports.models import ImportRun
from crm.imports.services import running as imports
from crm.imports.services.refusals import open_row
from tests.processes import this_database

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]
ROWS = 100_000


@pytest.mark.parametrize(("encoding", "rows"), [("utf-8", ROWS), ("gb18030", 20_000)])
def test_every_row_is_accounted_for(store, tmp_path: Path, encoding: str, rows: int):
    path = tmp_path / "hostile.csv"
    read, expected = write_hostile(path, rows, encoding)
    run = imports.run_import(run=imports.create_import(kind="customers", source="shop", path=str(path), actor=SYSTEM))
    assert run.options["encoding"] == encoding
    assert run.read_count == read == rows
    assert run.accepted_count + run.refused_count == read
    refused = dict(run.refusals.values_list("row_number", "code"))
    assert refused == expected
    assert all(run.refusals.values_list("reason", flat=True))
    assert Customer.objects.count() == Identity.objects.count() == rows - len(expected)
    assert Customer.objects.filter(name="=1+HYPERLINK(9)").count() == rows // 1000
    assert Customer.objects.filter(name="好😀👩‍👩‍👧").count() == rows // 1000
    assert Customer.objects.filter(name='two\r\nlines, "quoted"').count() == rows // 1000
    first_bad = run.refusals.get(
        code="not_a_phone", row_number=min(n for n, c in expected.items() if c == "not_a_phone")
    )
    assert open_row(first_bad)[0] == "not a number"
    emitted = DomainEvent.objects.filter(kind="crm.customers_changed", payload__run=run.pk)
    assert sum(len(event.payload["customers"]) for event in emitted) == rows - len(expected)

    again = imports.run_import(run=imports.create_import(kind="customers", source="shop", path=str(path), actor=SYSTEM))
    assert (again.accepted_count, again.unchanged_count, again.refused_count) == (
        0,
        rows - len(expected),
        len(expected),
    )
    assert Customer.objects.count() == rows - len(expected)


def _backends(application: str = "liuke") -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s
               AND pid <> pg_backend_pid() AND xact_start IS NOT NULL""",
            [application],
        )
        return cursor.fetchone()[0]


@pytest.mark.parametrize("reached", [10, 60, 80])
def test_a_killed_import_leaves_nothing_and_then_completes(store, tmp_path: Path, reached: int):
    """`reached` is the progress in percent at the time of kill -9: while rows are read, checked, and written."""
    path = tmp_path / "hostile.csv"
    rows, expected = write_hostile(path, ROWS // 2)
    run = imports.create_import(kind="customers", source="shop", path=str(path), actor=SYSTEM)
    script = (
        "import django; django.setup()\n"
        "from crm.models import ImportRun; from crm.imports.services import running as imports\n"
        f"imports.run_import(run=ImportRun.objects.get(pk={run.pk}))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], env=this_database() | {"DJANGO_SETTINGS_MODULE": "config.settings.test"}
    )
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            run.refresh_from_db()
            if run.job_id and run.job.done_count >= reached:
                break
            assert process.poll() is None, "the import ended before it could be killed"
            time.sleep(0.005)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    while _backends() and time.monotonic() < deadline:
        time.sleep(0.05)
    run.refresh_from_db()
    assert run.state == "running"
    assert not Customer.objects.exists()
    assert not Identity.objects.exists()
    assert not run.refusals.exists()
    assert not DomainEvent.objects.exists()

    done = imports.run_import(run=ImportRun.objects.get(pk=run.pk))
    assert (done.state, done.read_count, done.refused_count) == ("done", rows, len(expected))
    assert Customer.objects.count() == done.accepted_count == rows - len(expected)
