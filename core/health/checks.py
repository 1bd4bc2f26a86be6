"""Health checks that `doctor`, /readyz and the jobs page share. Each app may register more."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import redis
from celery import current_app
from django.conf import settings
from django.core.cache import caches
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from core.base.registry import Registry
from core.db import sqlfiles
from core.webhooks.sending import lag_seconds


@dataclass(frozen=True)
class Check:
    """A registered check.

    The site can't work while an `essential` check fails. While a `degrading` check fails it works, but slower or later.
    /readyz runs both kinds. `fix` repairs safe faults and returns a description; "" when there was nothing to do.
    """

    name: str
    run: Callable[[], tuple[bool, str]]
    essential: bool = False
    degrading: bool = False
    fix: Callable[[], str] | None = None


@dataclass(frozen=True)
class HealthFinding:
    name: str
    ok: bool
    essential: bool
    detail: str
    degrading: bool = False


# More waiting tasks than this mean that no worker runs.
MOST_WAITING = 10_000
CHECKS: Registry[Check] = Registry("health check")
# Invariants of the rows, independent of the site: each proof returns its violations, one line each.
PROOFS: Registry[Callable[[], list[str]]] = Registry("proof")


def register(
    name: str,
    run: Callable[[], tuple[bool, str]],
    *,
    essential: bool = False,
    degrading: bool = False,
    fix: Callable[[], str] | None = None,
) -> None:
    CHECKS.register(name, Check(name, run, essential, degrading, fix))


def prove() -> list[str]:
    """Run every proof over the whole database. Return the violations; empty when all proofs hold."""
    return [f"{name}: {line}" for name, proof in PROOFS.items() for line in proof()]


def mend() -> list[str]:
    """Repair all faults that are safe to repair. Return the descriptions of the repairs."""
    done = [(check.name, check.fix()) for check in CHECKS if check.fix is not None]
    return [f"{name}: {text}" for name, text in done if text]


def examine(*, essential_only: bool = False) -> list[HealthFinding]:
    findings = []
    for check in CHECKS:
        if essential_only and not (check.essential or check.degrading):
            continue
        try:
            ok, detail = check.run()
        except Exception as error:
            ok, detail = False, _failure(error)
        findings.append(HealthFinding(check.name, ok, check.essential, detail, check.degrading))
    return findings


def _failure(error: Exception) -> str:
    text = str(error).strip()
    first = text.splitlines()[0] if text else ""
    return _t("the check failed: %(error)s") % {"error": f"{type(error).__name__}: {first}"}


def database() -> tuple[bool, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), pg_size_pretty(pg_database_size(current_database()))")
        version, size = cursor.fetchone()
    return True, _t("PostgreSQL %(version)s, %(size)s") % {"version": version, "size": size}


def cache() -> tuple[bool, str]:
    client = caches["default"]._cache.get_client(None, write=True)  # type: ignore[attr-defined]
    info = client.info("server")
    server = {"name": info.get("server_name", "redis"), "version": info.get("valkey_version") or info["redis_version"]}
    return bool(client.ping()), _t("%(name)s %(version)s") % server


def queue() -> tuple[bool, str]:
    """Check that the queue is reachable and not long. A queue that only grows means that no worker runs."""
    with current_app.connection_for_read() as broker:
        broker.ensure_connection(max_retries=0, timeout=2)
        client = broker.default_channel.client  # type: ignore[attr-defined]
        waiting = sum(client.llen(one.name) for one in settings.CELERY_TASK_QUEUES)
    text = ngettext("%(count)s task waiting", "%(count)s tasks waiting", waiting)
    return waiting < MOST_WAITING, text % {"count": waiting}


def queue_and_cache() -> tuple[bool, str]:
    """Check that a full cache can't stop the tasks: two servers, each with the memory policy of its purpose."""
    wrong = []
    servers = {}
    for name, url, fits, problem in (
        (
            "queue",
            settings.REDIS_URL,
            lambda policy: policy == "noeviction",
            _t("the queue's maxmemory-policy is %(policy)s"),
        ),
        (
            "cache",
            settings.CACHE_URL,
            lambda policy: policy.startswith("allkeys"),
            _t("the cache's maxmemory-policy is %(policy)s"),
        ),
    ):
        client = redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2, decode_responses=True)
        servers[name] = client.info("server")["run_id"]
        policy = client.config_get("maxmemory-policy").get("maxmemory-policy", "")
        if not fits(policy):
            wrong.append(problem % {"policy": policy or _t("unknown")})
    if servers["queue"] == servers["cache"]:
        wrong.append(_t("REDIS_URL and CACHE_URL lead to one server"))
    return not wrong, _t("; ").join(wrong) or _t("two servers, each with its policy")


def migrations() -> tuple[bool, str]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        text = ngettext("%(count)s migration to apply", "%(count)s migrations to apply", len(plan))
        return False, text % {"count": len(plan)}
    files = sqlfiles.changed()
    if not files:
        return True, _t("up to date")
    text = ngettext("%(count)s SQL file to load: %(names)s", "%(count)s SQL files to load: %(names)s", len(files))
    return False, text % {"count": len(files), "names": ", ".join(files)}


def indexes() -> tuple[bool, str]:
    """Check for invalid indexes: an interrupted build slows down writes and serves no query. See docs/operations.md."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
               JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE NOT i.indisvalid AND n.nspname = current_schema() AND NOT EXISTS (
                   SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)
               ORDER BY c.relname"""
        )
        broken = [name for (name,) in cursor.fetchall()]
    return not broken, _t("not valid: %(names)s") % {"names": ", ".join(broken)} if broken else _t("all valid")


def outbox() -> tuple[bool, str]:
    """Check for late deliveries and for those that were given up."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FILTER (WHERE dead_at IS NULL), count(*) FILTER (WHERE dead_at IS NOT NULL),
                      coalesce(extract(epoch FROM now() - min(due_at) FILTER (WHERE dead_at IS NULL)), 0)
               FROM core_eventdelivery"""
        )
        pending, dead, lag = cursor.fetchone()
    text = _t("deliveries: %(pending)s pending, the oldest for %(seconds)s s, %(dead)s given up")
    return lag < 120 and not dead, text % {"pending": pending, "seconds": int(max(lag, 0)), "dead": dead}


def webhooks() -> tuple[bool, str]:
    """Check for late webhook deliveries, and for endpoints that were switched off by failure."""
    due, lag, off = lag_seconds()
    text = _t("%(due)s due, oldest %(seconds)s s late, %(off)s switched off by failure")
    return lag < 600 and not off, text % {"due": due, "seconds": int(max(lag, 0)), "off": off}


def worker() -> tuple[bool, str]:
    alive = current_app.control.ping(timeout=1.0)
    count = len(alive or [])
    return bool(alive), ngettext("%(count)s worker answers", "%(count)s workers answer", count) % {"count": count}


def configuration() -> tuple[bool, str]:
    embedded = [
        name
        for name, external in (("PostgreSQL", "DATABASE_URL"), (_t("queue"), "REDIS_URL"), (_t("cache"), "CACHE_URL"))
        if not _set(external)
    ]
    servers = _t(", ").join(embedded) or _t("none")
    return True, _t("embedded: %(servers)s; site: %(address)s") % {"servers": servers, "address": settings.SITE_URL}


def _set(name: str) -> bool:
    return bool(os.environ.get(name))


register("configuration", configuration)
register("database", database, essential=True)
register("cache", cache, degrading=True)
register("queue", queue, degrading=True)
register("queue_and_cache", queue_and_cache)
register("migrations", migrations, essential=True)
register("indexes", indexes)
PROOFS.register("indexes", lambda: [] if indexes()[0] else [indexes()[1]])
register("outbox", outbox)
register("webhooks", webhooks)
register("worker", worker)
