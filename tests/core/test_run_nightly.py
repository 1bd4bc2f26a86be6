"""`manage.py run_nightly`: the nightly jobs in order, each with its duration, and an exit code for scripts."""

from __future__ import annotations

import pytest
from celery import current_app
from django.core.management import call_command

from core.management.commands.run_nightly import nightly_jobs

ORDER = [
    "loyalty.end_tier_periods",
    "analytics.refresh_everything",
    "loyalty.take_snapshots",
    "loyalty.reconcile_points",
]


@pytest.fixture
def ran(monkeypatch) -> list[str]:
    """Replace the tasks by stubs and return the list of called names."""
    names: list[str] = []
    for _name, task in nightly_jobs():
        monkeypatch.setattr(current_app.tasks[task], "run", lambda task=task: names.append(task))
    return names


def test_the_jobs_of_the_night_run_in_the_order_of_their_hours(ran, capsys):
    call_command("run_nightly")
    assert [name for name in ran if name in ORDER] == ORDER
    output = capsys.readouterr().out
    assert len(output.splitlines()) == len(ran) == len(list(nightly_jobs()))
    assert "analytics: everything (analytics.refresh_everything): done, 0.0 s" in output


def test_a_failed_job_is_named_and_the_others_run(ran, monkeypatch, capsys):
    def fail() -> None:
        raise ValueError("no disk")

    monkeypatch.setattr(current_app.tasks["analytics.refresh_everything"], "run", fail)
    with pytest.raises(SystemExit) as ended:
        call_command("run_nightly")
    assert ended.value.code == 1
    assert "loyalty.reconcile_points" in ran
    captured = capsys.readouterr()
    assert "(analytics.refresh_everything): FAILED: ValueError: no disk" in captured.out
    assert captured.err == "1 of the nightly jobs failed.\n"
