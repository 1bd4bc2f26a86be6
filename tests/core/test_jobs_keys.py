"""Jobs, deliveries and health; API keys: permissions, a secret shown once, new attempts."""

from __future__ import annotations

import re
from hashlib import sha256

import pytest
from django.db import OperationalError, connection
from django.urls import reverse
from django.utils import timezone

from core.events.models import DomainEvent, EventDelivery
from core.jobs import selectors, tasks
from core.jobs import services as jobs
from core.jobs.models import Job
from core.jobs.services import WORK, Progress, create_job, fail_job, lost_jobs, run_job, start_job
from core.security.api_keys import create_api_key, identify
from core.security.models import ApiKey
from core.security.roles import Role

pytestmark = pytest.mark.django_db
HANDLER = "analytics.mark_changed"


@pytest.fixture
def admin(client, staff):
    client.force_login(staff(Role.ADMINISTRATOR, "admin"))
    return client


def owe(handler: str = HANDLER, *, dead: bool = False, error: str = "") -> EventDelivery:
    event = DomainEvent.objects.create(kind="crm.tags_changed", subject_id=None, occurred_at=timezone.now())
    return EventDelivery.objects.create(
        event_id=event.pk,
        handler=handler,
        attempts=12 if dead else 0,
        dead_at=timezone.now() if dead else None,
        last_error=error,
    )


def test_jobs_show_progress_and_errors(admin):
    job = create_job(kind="crm.import", label="customers.csv", total=200)
    start_job(job)
    type(job).objects.filter(pk=job.pk).update(done_count=50)
    fail_job(create_job(kind="crm.import", label="orders.csv"), "the file is not text")
    page = admin.get(reverse("jobs")).content.decode()
    assert 'value="25" max="100"' in " ".join(page.split())
    assert "50 of 200" in page
    assert "the file is not text" in page
    # A job runs, so the table reloads itself.
    assert 'hx-trigger="every 3s"' in page
    type(job).objects.update(state="done")
    assert 'hx-trigger="every 3s"' not in admin.get(reverse("jobs")).content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_slow_worker_does_not_change_a_finished_job(admin, monkeypatch):
    """Given two workers on one job, when one finishes while the other is half way, then the job stays done."""

    def work(job, progress):
        progress(1, 2, force=True)
        if job.attempts == 1:
            run_job(type(job).objects.get(pk=job.pk))
            progress(1, 2, force=True)
            raise RuntimeError("too late")
        progress(2, 2, force=True)
        return {"by": job.attempts}

    monkeypatch.setitem(WORK._items, "test.work", work)
    job = create_job(kind="test.work", total=2, plan={"of": "it"})
    with pytest.raises(RuntimeError):
        run_job(job)
    Progress(job)(1, 2, force=True)
    job.refresh_from_db()
    assert (job.state, job.done_count, job.error, job.result) == ("done", 2, "", {"of": "it", "by": 2})
    assert run_job(job).attempts == 2


def test_a_job_without_a_heartbeat_is_restarted_ten_times(admin, monkeypatch):
    monkeypatch.setitem(WORK._items, "test.work", lambda job, progress: {})
    begun = []
    monkeypatch.setattr(tasks, "enqueue", lambda _task, *arguments, **_options: begun.extend(arguments))
    never, silent, alive, weary = (create_job(kind="test.work") for _ in range(4))
    other = create_job(kind="crm.import")
    for job in (silent, alive, weary):
        start_job(job)
    long_ago = timezone.now() - timezone.timedelta(minutes=6)
    Job.objects.filter(pk__in=[never.pk, other.pk]).update(created_at=long_ago)
    Job.objects.filter(pk__in=[silent.pk, weary.pk]).update(heartbeat_at=long_ago)
    Job.objects.filter(pk=weary.pk).update(attempts=10)
    assert tasks.restart_jobs() == lost_jobs() == begun == [never.pk, silent.pk]
    weary.refresh_from_db()
    assert (weary.state, weary.error) == ("failed", "The worker process ended 10 times before the job finished.")


@pytest.mark.django_db(transaction=True)
def test_a_job_is_lost_as_soon_as_the_database_session_of_its_worker_ends(monkeypatch):
    # given a job whose heartbeat is older than allowed
    monkeypatch.setitem(WORK._items, "test.work", lambda job, progress: seen.append(lost_jobs()) or {})
    seen: list[list[int]] = []
    job = create_job(kind="test.work")
    quiet = timezone.now() - timezone.timedelta(seconds=11)
    start = jobs.start_job
    monkeypatch.setattr(
        jobs, "start_job", lambda job: start(job) and Job.objects.filter(pk=job.pk).update(heartbeat_at=quiet)
    )

    # when it runs, then other processes see that a worker has it
    run_job(job)
    assert seen == [[]]

    # when its session has ended without finishing, then it is lost at once
    Job.objects.filter(pk=job.pk).update(state="running", heartbeat_at=quiet)
    assert lost_jobs() == [job.pk]


def test_a_lost_database_does_not_fail_a_job(monkeypatch):
    def interrupted(job, progress):
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setitem(WORK._items, "test.work", interrupted)
    job = create_job(kind="test.work")
    with pytest.raises(OperationalError):
        run_job(job)
    job.refresh_from_db()
    assert (job.state, job.attempts, job.error) == ("running", 1, "")

    # the last attempt stores the error
    Job.objects.filter(pk=job.pk).update(attempts=9)
    job.refresh_from_db()
    with pytest.raises(OperationalError):
        run_job(job)
    job.refresh_from_db()
    assert (job.state, job.error) == ("failed", "OperationalError: server closed the connection unexpectedly")


def test_dead_deliveries_are_shown_and_retried(admin, monkeypatch):
    poked = []
    monkeypatch.setattr("core.events.outbox.poke", lambda names: poked.extend(names))
    dead, other, owed = owe(dead=True, error="KeyError: 'x'"), owe("gone.handler", dead=True), owe()
    assert [(row.handler, row.owed, row.dead, row.last_error) for row in selectors.backlogs()] == [
        (HANDLER, 1, 1, "KeyError: 'x'"),
        ("gone.handler", 0, 1, ""),
    ]
    page = admin.get(reverse("jobs")).content.decode()
    assert "KeyError: &#x27;x&#x27;" in page
    assert page.count("no longer exists") == 1
    page = admin.post(reverse("jobs_retry"), {"handler": HANDLER}, follow=True).content.decode()
    assert "Retrying 1 delivery." in page
    assert poked == [HANDLER]
    for delivery in (dead, other, owed):
        delivery.refresh_from_db()
    assert (dead.dead_at, dead.attempts) == (None, 0)
    assert other.dead_at is not None


def test_health_is_a_part_and_a_page(admin):
    part = admin.get(reverse("jobs_health"), headers={"HX-Request": "true"}).content.decode()
    assert "PostgreSQL" in part
    assert "<html" not in part
    assert admin.get(reverse("jobs_health")).url == "/jobs/?health=1"
    assert "PostgreSQL" in admin.get("/jobs/?health=1").content.decode()


def test_a_key_s_secret_is_shown_once_and_only_its_digest_is_kept(admin):
    data = {"name": "Shop", "source": "storefront", "scopes": ["orders:write", "orders:read"]}
    made = admin.post(reverse("key_new"), data)
    secret = re.search(r'value="(lk_[^"]+)"', made.content.decode())[1]
    assert made["Cache-Control"] == "no-store"
    key = ApiKey.objects.get()
    assert (key.name, key.source, key.scopes, key.created_by.username) == (
        "Shop",
        "storefront",
        ["orders:read", "orders:write"],
        "admin",
    )
    assert bytes(key.digest) == sha256(secret.encode()).digest()
    assert secret not in admin.get(reverse("keys")).content.decode()
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(k::text, ' ') FROM core_apikey k")
        assert secret not in cursor.fetchone()[0]
        cursor.execute("SELECT coalesce(string_agg(s.session_data, ' '), '') FROM django_session s")
        assert secret not in cursor.fetchone()[0]
    assert identify(secret).scopes == {"orders:read", "orders:write"}


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"source": "a b"}, {"scopes": []}, {"scopes": ["orders:burn"]}, {"name": "x" * 81}]
)
def test_a_wrong_key_is_not_made(admin, wrong):
    data = {"name": "Shop", "source": "storefront", "scopes": ["orders:read"], **wrong}
    assert "field-error" in admin.post(reverse("key_new"), data).content.decode()
    assert ApiKey.objects.count() == 0


def test_a_revoked_key_opens_nothing(admin):
    key, secret = create_api_key(name="Shop", scopes=["orders:read"])
    assert identify(secret) is not None
    assert "lose access at once" in admin.get(reverse("keys")).content.decode()
    assert admin.post(reverse("key_revoke", args=[key.pk])).url == reverse("keys")
    assert identify(secret) is None
    assert admin.post(reverse("key_revoke", args=[key.pk])).status_code == 404


@pytest.mark.parametrize(
    ("role", "jobs", "keys"),
    [
        (Role.AGENT, False, False),
        (Role.LEAD, True, False),
        (Role.MARKETER, True, False),
        (Role.ANALYST, False, False),
        (Role.ADMINISTRATOR, True, True),
    ],
)
def test_roles_that_see_jobs_and_roles_that_manage_keys(role, jobs, keys, client, staff):
    """P4: permissions of the roles."""
    key, _secret = create_api_key(name="Shop", scopes=["orders:read"])
    client.force_login(staff(role))
    assert client.get(reverse("jobs")).status_code == (200 if jobs else 403)
    for name in ("jobs_running", "jobs_health"):
        assert client.get(reverse(name)).status_code == (302 if jobs else 403)
    assert client.post(reverse("jobs_retry")).status_code == (302 if jobs else 403)
    assert client.get(reverse("keys")).status_code == (200 if keys else 403)
    assert client.get(reverse("key_new")).status_code == (200 if keys else 403)
    assert client.post(reverse("key_revoke", args=[key.pk])).status_code == (302 if keys else 403)
    key.refresh_from_db()
    assert (key.revoked_at is not None) == keys
