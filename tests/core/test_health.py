"""Checks of `doctor`: database, keys, files, servers."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection
from django.utils import timezone

from core.backup import programs
from core.base.actor import SYSTEM
from core.embedded.places import ConfigurationError
from core.health import checks as health
from core.health import database as health_database
from core.health import machine as health_machine
from core.health.labels import TEXTS
from core.processes import startup
from core.security import pii_check
from core.security.roles import Role
from crm.activity.services import partitions as activity_partitions
from crm.customers.models import Identity
from loyalty.ledger.models import Reconciliation
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.ledger.services.sweeps import sweep_lots
from loyalty.tiers.models import TierPeriod
from loyalty.tiers.services import proof as tier_proof
from tests.processes import this_database

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.django_db(transaction=True)
def test_an_index_whose_build_failed_is_named(make_customer):
    make_customer("Ann"), make_customer("Bob")
    assert health.indexes() == (True, "all valid")
    with connection.cursor() as cursor:
        try:
            # Both customers have the same language, so the unique index fails and stays half-built.
            with pytest.raises(IntegrityError):
                cursor.execute("CREATE UNIQUE INDEX CONCURRENTLY half_built ON crm_customer (language)")
            assert health.indexes() == (False, "not valid: half_built")
        finally:
            cursor.execute("DROP INDEX half_built")
    assert health.indexes() == (True, "all valid")


@pytest.mark.django_db
def test_a_sequence_behind_its_table_is_named_and_repaired(make_customer):
    customer = make_customer("Ann")
    assert health_database.sequences() == (True, "all ahead of their tables")
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('crm_customer_id_seq', 1, false)")
    assert health_database.sequences() == (
        False,
        f"behind their tables: crm_customer_id_seq (crm_customer.id is at {customer.pk})",
    )
    assert health_database.fix_sequences() == f"crm_customer_id_seq set to {customer.pk}"
    assert health_database.sequences()[0]
    make_customer("Bob")


@pytest.mark.django_db
def test_months_without_a_partition_are_named_and_made_with_their_rows(store):
    activity_partitions.fix()
    assert activity_partitions.check() == (True, "none missing")
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO crm_activityevent (source, sender_id, kind, occurred_at)
               VALUES ('shop', 'e1', 'view', '2019-03-05 10:00Z'), ('shop', 'e2', 'view', '2019-05-05 10:00Z')"""
        )
        cursor.execute("SELECT count(*) FROM crm_activityevent_default")
        assert cursor.fetchone() == (2,)
        assert activity_partitions.check() == (False, "missing: 2019-03, 2019-05 (run doctor --fix to create them)")
        assert activity_partitions.fix() == "made 2019-03, 2019-05"
        cursor.execute("SELECT count(*), (SELECT count(*) FROM crm_activityevent_default) FROM crm_activityevent")
        assert cursor.fetchone() == (2, 0)
    assert activity_partitions.check() == (True, "none missing")


@pytest.mark.django_db
def test_tier_periods_that_overlap_are_named(program, make_customer):
    member = enrol_member(customer=make_customer("Ann"), program=program, actor=SYSTEM)
    member = getattr(member, "member", member)
    now = timezone.now()
    with connection.cursor() as cursor:
        # Bypass the trigger, as a repair by hand would.
        cursor.execute("ALTER TABLE loyalty_tierperiod DISABLE TRIGGER USER")
        TierPeriod.objects.filter(member=member).delete()
        for start, end in ((40, 20), (30, 10)):
            TierPeriod.objects.create(
                member=member,
                reason="manual",
                started_at=now - timedelta(days=start),
                ended_at=now - timedelta(days=end),
            )
    assert tier_proof.check() == (False, f"member {member.pk} has periods that overlap")
    assert f"tier_periods: member {member.pk} has periods that overlap" in health.prove()
    TierPeriod.objects.filter(started_at__lt=now - timedelta(days=35)).update(ended_at=now - timedelta(days=30))
    assert tier_proof.check() == (True, "none overlap")


@pytest.mark.django_db
def test_keys_that_do_not_fit_the_database_are_refused_with_what_to_do(settings, make_customer, monkeypatch):
    pii_check.refuse_wrong_keys()
    make_customer("Ann", phone="13800138000")
    make_customer("Bob", phone="13800138001")
    pii_check.refuse_wrong_keys()
    right = dict(settings.PII_KEYS)

    settings.PII_KEYS = {1: b"x" * 32}
    with pytest.raises(ConfigurationError, match=r"The key with the id 1 in PII_KEYS is not the one .*crm.identity"):
        pii_check.refuse_wrong_keys()
    assert health.CHECKS["keys"].run()[0] is False
    monkeypatch.setattr("core.processes.startup.connections.close_all", lambda: None)
    with pytest.raises(SystemExit) as stopped:
        startup.check_or_exit()
    assert "The key with the id 1" in str(stopped.value)

    settings.PII_KEYS = {2: right[1]}
    with pytest.raises(ConfigurationError, match=r"PII_KEYS has no key with the id 1, .*Add it as 1:BASE64"):
        pii_check.refuse_wrong_keys()

    # A single damaged value is not a wrong key: the site starts, and the proof names the column.
    settings.PII_KEYS = {3: b"n" * 32, **right}
    identity = Identity.objects.order_by("pk").first()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE crm_identity SET value = set_byte(value, 20, 255 - get_byte(value, 20)) WHERE id = %s",
            [identity.pk],
        )
    pii_check.refuse_wrong_keys()


def test_a_missing_static_manifest_fails_the_check_in_production(settings, tmp_path):
    assert health_machine.collected_files() == (True, "served from the source")
    settings.STATIC_ROOT = str(tmp_path)
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
    }
    assert health_machine.collected_files() == (
        False,
        f"{tmp_path}/staticfiles.json is missing: run `make static`, which collects the static files.",
    )
    (tmp_path / "staticfiles.json").write_text(
        '{"paths": {"css/console.css": "css/console.1.css"}, "version": "1.1", "hash": "a"}'
    )
    settings.STORAGES = {**settings.STORAGES}
    assert health_machine.collected_files() == (True, f"collected in {tmp_path}")


def test_files_that_others_may_read_are_named(monkeypatch, tmp_path, settings):
    monkeypatch.setenv("LIUKE_VAR", str(tmp_path))
    tmp_path.chmod(0o711)
    (tmp_path / "secrets.json").write_text("{}")
    (tmp_path / "secrets.json").chmod(0o600)
    assert health_machine.file_modes() == (True, f"{tmp_path} is private")
    (tmp_path / "secrets.json").chmod(0o644)
    assert health_machine.file_modes() == (False, f"open to others: {tmp_path}/secrets.json (chmod 600)")
    settings.MEDIA_ROOT = str(tmp_path / "secrets.json")
    assert health_machine.media()[0] is False
    settings.MEDIA_ROOT = str(tmp_path / "media")
    assert health_machine.media() == (True, f"{tmp_path}/media can be written")


def test_data_of_another_postgresql_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("LIUKE_VAR", str(tmp_path))
    (tmp_path / "pg").mkdir()
    (tmp_path / "pg" / "PG_VERSION").write_text("15\n")
    ok, detail = health_machine.embedded_servers()
    assert not ok
    assert detail.startswith("the data is from PostgreSQL 15, but ")


@pytest.mark.django_db
def test_clock_connections_and_programs_are_looked_at(monkeypatch):
    assert health_database.clock()[0]
    assert health_database.connections_left()[0]
    monkeypatch.setattr("core.health.database.time.time", lambda: 1_000_000.0)
    assert health_database.clock()[0] is False
    monkeypatch.setattr(health_database, "LEAST_CONNECTIONS", 100_000)
    assert health_database.connections_left()[0] is False
    assert health_machine.dump_programs()[0]
    monkeypatch.setattr(programs, "_folders", lambda: iter([]))
    ok, detail = health_machine.dump_programs()
    assert (ok, "installed: none" in detail) == (False, True)


@pytest.fixture
def no_valkey(settings, tmp_path, monkeypatch):
    settings.CACHES = {
        "default": {**settings.CACHES["default"], "LOCATION": f"unix://{tmp_path}/none.sock?db=1"},
    }
    from celery import current_app

    url = f"redis+socket://{tmp_path}/none.sock?virtual_host=0"
    monkeypatch.setattr(current_app.conf, "broker_url", url)
    monkeypatch.setattr(current_app.conf, "broker_read_url", url)
    yield
    current_app.pool.force_close_all() if getattr(current_app, "_pool", None) else None


@pytest.mark.django_db
def test_without_valkey_the_site_is_degraded_and_redeems_and_reads(
    no_valkey, client, api, program, make_customer, make_order, settle
):
    customer = make_customer("Ann")
    make_order(customer, 50_000, days_ago=30)
    settle()
    sweep_lots()
    response = client.get("/readyz", HTTP_HOST="localhost")
    assert response.status_code == 200
    assert (response.json()["ready"], response.json()["degraded"]) == (True, ["cache", "queue"])

    url = f"/api/v1/members/{customer.number}/points"
    balance = api.get(url)
    assert balance.status_code == 200
    redeemed = api.post(f"{url}/redemptions", {"points": 5}, format="json", HTTP_IDEMPOTENCY_KEY="k1")
    assert redeemed.status_code in {200, 201}, redeemed.content


@pytest.mark.django_db
def test_not_ready_without_migrations_and_strangers_learn_no_details(client, monkeypatch, settings):
    response = client.get("/readyz", HTTP_HOST="shop.example", REMOTE_ADDR="203.0.113.9")
    assert response.status_code == 200
    assert response.json()["checks"]["database"] == {"ok": True}
    assert "PostgreSQL" not in response.content.decode()
    assert "PostgreSQL" in client.get("/readyz", HTTP_HOST="localhost").content.decode()
    forwarded = client.get("/readyz", HTTP_HOST="localhost", HTTP_X_FORWARDED_FOR="203.0.113.9")
    assert "PostgreSQL" not in forwarded.content.decode()
    settings.METRICS_TOKEN = "a token"
    authorized = client.get(
        "/readyz", HTTP_HOST="shop.example", REMOTE_ADDR="203.0.113.9", HTTP_AUTHORIZATION="Bearer a token"
    )
    assert "PostgreSQL" in authorized.content.decode()

    monkeypatch.setitem(
        health.CHECKS._items,
        "migrations",
        health.Check("migrations", lambda: (False, "1 migrations to apply"), essential=True),
    )
    response = client.get("/readyz", HTTP_HOST="shop.example", REMOTE_ADDR="203.0.113.9")
    assert response.status_code == 503
    assert (response.json()["ready"], response.json()["checks"]["migrations"]) == (False, {"ok": False})


@pytest.mark.django_db
def test_doctor_repairs_safe_faults_and_runs_the_proofs(make_customer, capsys):
    make_customer("Ann")
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('crm_customer_id_seq', 1, false)")
    with pytest.raises(SystemExit):
        call_command("doctor", fix=True, prove=True)
    out = capsys.readouterr().out
    assert "done  sequences: crm_customer_id_seq set to" in out
    assert "ok    sequences        all ahead of their tables" in out
    assert "FAIL" not in out


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "command",
    [
        ["-c", "import config.wsgi"],
        ["-m", "celery", "--quiet", "-A", "config.celery", "worker", "--concurrency", "1"],
        ["-m", "celery", "--quiet", "-A", "config.celery", "beat", "--pidfile=", "--schedule", "/dev/null"],
    ],
    ids=["web", "worker", "beat"],
)
def test_no_process_starts_with_keys_that_do_not_fit(command, make_customer):
    make_customer("Ann", phone="13800138000")
    environment = {
        **this_database(),
        "PII_KEYS": "1:" + "eHh4" * 10 + "eHg",
        "DJANGO_SETTINGS_MODULE": "config.settings.base",
    }
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode != 0
    assert "The key with the id 1 in PII_KEYS is not the one" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_queue_and_a_cache_in_one_server_or_with_a_wrong_policy_are_named(settings):
    assert health.queue_and_cache() == (True, "two servers, each with its policy")
    settings.CACHE_URL = settings.REDIS_URL
    assert health.queue_and_cache() == (
        False,
        "the cache's maxmemory-policy is noeviction; REDIS_URL and CACHE_URL lead to one server",
    )


class Marked:
    """Mark every text that passes through gettext, so that a text that does not is seen."""

    def __init__(self, monkeypatch) -> None:
        for name in ("gettext", "pgettext", "ngettext"):
            monkeypatch.setattr(f"django.utils.translation._trans.{name}", getattr(self, name))

    @staticmethod
    def gettext(text: str) -> str:
        return f"«{text}»"

    @staticmethod
    def pgettext(_context: str, text: str) -> str:
        return f"«{text}»"

    @staticmethod
    def ngettext(one: str, many: str, count: int) -> str:
        return f"«{one if count == 1 else many}»"


def break_all(monkeypatch, settings, tmp_path) -> None:
    """Break everything that a check looks at without touching a server."""
    monkeypatch.setattr("core.health.checks.current_app.control.ping", lambda timeout: [])
    monkeypatch.setattr("core.health.checks.MOST_WAITING", -1)
    monkeypatch.setattr("core.health.checks.sqlfiles.changed", lambda: ["points.sql"])
    monkeypatch.setattr("core.health.checks.lag_seconds", lambda: (3, 900, 1))
    monkeypatch.setattr(health_database, "MOST_CLOCK_SECONDS", -1.0)
    monkeypatch.setattr(health_database, "LEAST_CONNECTIONS", 100_000)
    lagging = health_database.LaggingSequence("a_seq", "a", "id", 7)
    monkeypatch.setattr(health_database, "sequences_behind", lambda: [lagging])
    monkeypatch.setattr(programs, "_folders", lambda: iter([]))
    monkeypatch.setattr("core.health.machine.static_files.manifest_problem", lambda: "missing")
    monkeypatch.setattr("core.health.machine.static_files.needs_manifest", lambda: True)
    monkeypatch.setattr("core.security.pii_check._configured", lambda: {9: b"x" * 32})
    monkeypatch.setattr("core.sending.services.is_held", lambda: True)
    monkeypatch.setattr("crm.activity.services.partitions.missing", lambda: [timezone.now().date()])
    monkeypatch.setattr("loyalty.tiers.services.proof.overlaps", lambda: ["«member 1 has periods that overlap»"])
    monkeypatch.setattr("campaigns.journeys.extensions.LATE_SECONDS", -1)
    monkeypatch.setattr("campaigns.messages.extensions.LATE_SECONDS", -1)
    monkeypatch.setenv("LIUKE_VAR", str(tmp_path))
    tmp_path.chmod(0o777)
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    settings.MEDIA_ROOT = str(blocked)
    settings.CACHE_URL = settings.REDIS_URL
    settings.EMAIL_UNUSED_KEYS = ["POSTMARK_SERVER_TOKEN"]


# These fail only together with their server, whose error is then the detail.
SERVERS = {"configuration", "database", "cache", "embedded_servers", "indexes", "outbox", "ledger", "benefits"}


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["as it is", "broken"])
def test_every_detail_is_a_translated_text_in_both_states(state, monkeypatch, settings, tmp_path, make_customer):
    # given the checks as they are, and with everything broken that they look at
    make_customer("Ann", phone="13800138000")
    Marked(monkeypatch)
    if state == "broken":
        break_all(monkeypatch, settings, tmp_path)
    # when all of them run
    findings = health.examine()
    # then each detail consists of translated texts, and each check says what to do
    plain = {one.name: one.detail for one in findings if not (one.detail.startswith("«") and one.detail.endswith("»"))}
    assert plain == {}
    assert {one.name for one in findings} == set(health.CHECKS.names())
    assert [name for name in health.CHECKS.names() if not (TEXTS[name].about and TEXTS[name].remedy)] == []
    if state == "broken":
        assert {one.name for one in findings if one.ok} <= SERVERS
        # The broker's pool may still hold the address that an earlier test broke.
        raised = {one.name for one in findings if one.detail.startswith("«the check failed")}
        assert raised <= {"queue"}


@pytest.mark.django_db
def test_the_other_state_of_checks_of_servers_is_translated_too(monkeypatch, program, make_customer):
    Marked(monkeypatch)

    def refuse() -> tuple[bool, str]:
        raise OSError("no route to host")

    monkeypatch.setitem(health.CHECKS._items, "cache", health.Check("cache", refuse))
    found = {one.name: one for one in health.examine()}
    assert found["cache"].detail == "«the check failed: OSError: no route to host»"
    Reconciliation.objects.create(ran_at=timezone.now(), account_count=5, difference_count=2, seconds=1)
    assert health.CHECKS["ledger"].run()[1].startswith("«2 of 5 accounts differ, ")
    assert health.CHECKS["outbox"].run()[1].startswith("«deliveries: ")
    assert health.CHECKS["benefits"].run() == (True, "«0 failing, 0 not given»")


@pytest.mark.django_db
def test_the_page_says_what_a_failing_check_means_and_what_to_do(client, staff, monkeypatch):
    monkeypatch.setitem(health.CHECKS._items, "worker", health.Check("worker", lambda: (False, "0 workers answer")))
    client.force_login(staff(Role.ADMINISTRATOR))
    page = client.get("/jobs/?health=1").content.decode()
    assert "Workers send messages, compute segments and run imports." in page
    assert "0 workers answer" in page
    assert "What to do: Start a worker: manage.py up, or celery worker." in " ".join(page.split())
