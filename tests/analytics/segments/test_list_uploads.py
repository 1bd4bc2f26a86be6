"""Uploads to fixed lists: a job with the same result after any number of crashes, and the pages that show it."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from analytics.segments.models import ListRefusal, ListUpload, Segment, SegmentMembership
from analytics.segments.services import list_uploads as services
from analytics.segments.services.lists import add_to_list, create_list
from analytics.segments.services.segments import archive_segment
from core.base.actor import SYSTEM
from core.base.errors import NotFound
from core.events.models import DomainEvent
from core.jobs import tasks
from core.jobs.models import Job
from core.jobs.services import fail_job, lost_jobs, run_job, start_job
from core.security.roles import Role
from crm.customers.models import Customer
from tests.processes import this_database
from tests.threads import at_once

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def people(store) -> list[Customer]:
    return Customer.objects.bulk_create([Customer(name=f"P{n}", number=f"U{n:03}") for n in range(30)])


@pytest.fixture
def guests(store) -> Segment:
    return create_list(name="Guests", actor=SYSTEM)


@pytest.fixture
def marketer(client, staff):
    client.force_login(staff(Role.MARKETER, "mia"))
    return client


def upload(segment: Segment, content: str, kind: str = "number") -> ListUpload:
    return services.upload_list(
        segment=segment, content=content.encode(), file_name="guests.csv", kind=kind, country="CN", actor=SYSTEM
    )


def lines_of(people: list[Customer]) -> str:
    """Return a heading, all customers, five of them repeated, and ten lines without a customer."""
    numbers = [person.number for person in people]
    return "\n".join(["number", *numbers, *numbers[:5], *(f"NOBODY{n}" for n in range(10))])


def members(segment: Segment) -> set[int]:
    return set(SegmentMembership.objects.filter(segment=segment, left_at=None).values_list("customer_id", flat=True))


def check_filled(made: ListUpload, guests: Segment, people: list[Customer]) -> None:
    """Check the result of exactly one application: two of thirty customers were on the list before."""
    made.refresh_from_db()
    assert (made.line_count, made.matched_count, made.refused_count) == (45, 35, 10)
    assert (made.added_count, made.already_count, made.done_at is not None, bytes(made.content)) == (28, 2, True, b"")
    assert members(guests) == {person.pk for person in people}
    refused = [(row.line, services.value_of(row), row.code) for row in made.refusals.order_by("line")]
    assert refused == [(37 + n, f"NOBODY{n}", "unknown_customer") for n in range(10)]
    assert DomainEvent.objects.filter(kind="analytics.segment_entered").count() == 30
    guests.refresh_from_db()
    assert guests.size == 30
    job = Job.objects.get()
    assert (job.state, job.done_count, job.total_count) == ("done", 45, 45)
    assert {name: job.result[name] for name in ("matched", "refused", "added", "already")} == {
        "matched": 35, "refused": 10, "added": 28, "already": 2,
    }  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_an_upload_killed_at_each_step_restarts_with_the_same_result(guests, people):
    add_to_list(segment=guests, customer_ids=[people[0].pk, people[1].pk], actor=SYSTEM)
    made = upload(guests, lines_of(people))
    done = subprocess.run(
        [sys.executable, "-m", "tests.analytics.segments.kill", "upload"],
        cwd=ROOT, env=this_database(), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert int(done.stdout.split()[-1]) > 20, "each statement was a place to die"
    check_filled(made, guests, people)


@pytest.mark.django_db(transaction=True)
def test_two_workers_on_one_upload_fill_the_list_once(guests, people):
    add_to_list(segment=guests, customer_ids=[people[0].pk, people[1].pk], actor=SYSTEM)
    made = upload(guests, lines_of(people))
    results = at_once([lambda: run_job(Job.objects.get())] * 4)
    assert all(isinstance(result, Job) for result in results), results
    check_filled(made, guests, people)


@pytest.mark.django_db(transaction=True)
def test_an_abandoned_upload_is_found_and_restarted(guests, people, monkeypatch):
    add_to_list(segment=guests, customer_ids=[people[0].pk, people[1].pk], actor=SYSTEM)
    made = upload(guests, lines_of(people))
    start_job(made.job)
    Job.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=6))
    assert lost_jobs() == [made.job_id]
    monkeypatch.setattr(tasks, "enqueue", lambda _task, *arguments, **_options: tasks.run_job(*arguments))
    assert tasks.restart_jobs() == [made.job_id]
    check_filled(made, guests, people)


@pytest.mark.django_db(transaction=True)
def test_two_hundred_thousand_lines(guests):
    """Every eighth customer is on the list already, and every tenth line has no customer."""
    Customer.objects.create(number="A", name="")
    copied = ", ".join(field.column for field in Customer._meta.concrete_fields if field.column not in {"id", "number"})
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO crm_customer (number, {copied})
                SELECT 'B' || n, {copied} FROM crm_customer, generate_series(1, 200000) AS n WHERE number = 'A'"""
        )
    ids = dict(Customer.objects.filter(number__startswith="B").values_list("number", "pk"))
    add_to_list(segment=guests, customer_ids=[ids[f"B{n}"] for n in range(8, 200_001, 8)], actor=SYSTEM)
    made = upload(guests, "\n".join(f"B{n}" if n % 10 else f"X{n}" for n in range(1, 200_001)))
    heard: list[tuple[int, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.jobs.services.Progress.__call__", lambda _self, *how, **_force: heard.append(how))
        run_job(made.job)
    assert heard == [(done, 200_000) for done in range(5_000, 200_001, 5_000)] + [(200_000, 200_000)]
    made.refresh_from_db()
    # 25,000 were on the list. The file does not have 5,000 of them, because their lines match no customer.
    assert (made.matched_count, made.refused_count, made.added_count, made.already_count) == (
        180_000, 20_000, 160_000, 20_000,
    )  # fmt: skip
    guests.refresh_from_db()
    assert (guests.size, ListRefusal.objects.filter(upload=made, code="unknown_customer").count()) == (185_000, 20_000)


@pytest.mark.django_db
def test_a_list_archived_during_the_upload_gets_no_customers(guests, people):
    made = upload(guests, lines_of(people))
    archive_segment(segment=guests, actor=SYSTEM)
    with pytest.raises(NotFound):
        run_job(made.job)
    made.refresh_from_db()
    assert (made.job.state, made.done_at, made.matched_count) == ("failed", None, 0)
    assert (members(guests), ListRefusal.objects.count()) == (set(), 0)


@pytest.mark.django_db
def test_a_merged_number_matches_the_remaining_customer_and_an_erased_one_none(guests, people):
    Customer.objects.filter(pk=people[0].pk).update(state="merged", merged_into=people[1])
    Customer.objects.filter(pk=people[2].pk).update(state="erased")
    made = upload(guests, f"{people[0].number}\n{people[2].number}")
    run_job(made.job)
    assert members(guests) == {people[1].pk}
    assert [(row.line, services.value_of(row)) for row in made.refusals.all()] == [(2, people[2].number)]


@pytest.mark.django_db
def test_old_uploads_are_deleted_with_their_lines(guests, people):
    old, young = (upload(guests, lines_of(people)) for _ in range(2))
    run_job(old.job)
    ListUpload.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=31))
    ListUpload.objects.filter(pk=young.pk).update(created_at=timezone.now() - timedelta(days=29))
    assert services.drop_old_uploads() == 1
    assert [row.pk for row in ListUpload.objects.all()] == [young.pk]
    assert ListRefusal.objects.count() == 0
    assert len(members(guests)) == 30


@pytest.mark.django_db
def test_the_pages_from_the_upload_to_its_result(marketer, guests, people, monkeypatch):
    started: list[int] = []
    monkeypatch.setattr(
        "analytics.segments.console.uploads.enqueue_after_commit", lambda _task, job: started.append(job)
    )
    file = SimpleUploadedFile("guests.csv", f"{lines_of(people)}\n=HYPERLINK(1)".encode())
    sent = marketer.post(reverse("segment_upload", args=[guests.pk]), {"kind": "number", "file": file})
    made = ListUpload.objects.get()
    here = [guests.pk, made.pk]
    assert (sent["Location"], started) == (reverse("list_upload", args=here), [made.job_id])
    # while the upload waits and runs, the page polls by itself
    waiting = marketer.get(sent["Location"]).content.decode()
    assert "Waiting for a worker." in waiting
    start_job(made.job)
    Job.objects.update(done_count=23)
    part = marketer.get(reverse("list_upload_progress", args=here), HTTP_HX_REQUEST="true").content.decode()
    assert 'hx-trigger="every 1s"' in part
    assert "23 of 46 lines read" in part
    assert 'value="50"' in part
    # when the upload is done, the page leads to the result
    Job.objects.update(state="queued")
    run_job(Job.objects.get())
    over = marketer.get(reverse("list_upload_progress", args=here), HTTP_HX_REQUEST="true")
    assert (over.status_code, over["HX-Redirect"]) == (204, reverse("list_upload", args=here))
    shown = " ".join(marketer.get(reverse("list_upload", args=here)).content.decode().split())
    for figure in ("Lines read", "Matched", "Added to the list", "5 lines repeat a customer", "Not found"):
        assert figure in shown
    assert "NOBODY9" in shown
    assert "There is no such customer." in shown
    # and the lines that were not found can be downloaded, which is recorded
    answer = marketer.get(reverse("list_upload_refused", args=here))
    rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    assert rows[0] == ["number", "line", "reason"]
    assert rows[1] == ["NOBODY0", "37", "There is no such customer."]
    assert (len(rows), rows[11][0]) == (12, "'=HYPERLINK(1)")
    told = DomainEvent.objects.get(kind="crm.refused_rows_exported")
    assert told.payload == {"list_upload": made.pk, "rows": 11, "file": "guests.csv"}
    listed = marketer.get(reverse("segment", args=[guests.pk])).content.decode()
    assert reverse("list_upload", args=here) in listed
    assert "35 / 46" in listed


@pytest.mark.django_db
def test_a_failed_upload_shows_its_error_and_is_tried_again(marketer, guests, people, monkeypatch):
    started: list[int] = []
    monkeypatch.setattr(
        "analytics.segments.console.uploads.enqueue_after_commit", lambda _task, job: started.append(job)
    )
    made = upload(guests, lines_of(people))
    here = [guests.pk, made.pk]
    # a waiting upload is not started a second time
    marketer.post(reverse("list_upload_again", args=here))
    assert started == []
    fail_job(made.job, "OperationalError: the disk is full")
    page = marketer.get(reverse("list_upload", args=here)).content.decode()
    assert "OperationalError: the disk is full" in page
    assert "No customers were added to the list." in page
    assert marketer.post(reverse("list_upload_again", args=here))["Location"] == reverse("list_upload", args=here)
    assert started == [made.job_id]
    run_job(Job.objects.get())
    assert len(members(guests)) == 30


@pytest.mark.django_db
def test_an_upload_is_shown_only_on_its_list_and_to_roles_that_change_lists(marketer, staff, client, guests, people):
    made = upload(guests, lines_of(people))
    other = create_list(name="Others", actor=SYSTEM)
    assert marketer.get(reverse("list_upload", args=[other.pk, made.pk])).status_code == 404
    client.force_login(staff(Role.AGENT, "ann"))
    for route in ("list_upload", "list_upload_progress", "list_upload_refused"):
        assert client.get(reverse(route, args=[guests.pk, made.pk])).status_code == 403
    assert client.post(reverse("list_upload_again", args=[guests.pk, made.pk])).status_code == 403
