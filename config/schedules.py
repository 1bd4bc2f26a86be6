"""The schedule: the tasks that beat starts, and their intervals. Each entry names a task of an app's `tasks` module.

`expires` drops a run that waited longer than its interval, so that a worker does not catch up for hours after an
outage.
"""

from celery.schedules import crontab

SHORT, LONG = "celery", "long"
# Tasks that may run for minutes; all others end within a minute.
LONG_TASKS = (
    "crm.run_import",
    "core.run_job",
    "analytics.refresh_everything",
    "loyalty.end_tier_periods",
    "loyalty.reconcile_points",
    "loyalty.take_snapshots",
    "loyalty.announce_expiries",
    "loyalty.advance_tasks",
    "campaigns.keep_results",
    "core.keep_figures",
)


def every(seconds: float, task: str) -> dict:
    return {"task": task, "schedule": float(seconds), "options": {"expires": seconds}}


def work_left_behind() -> list[dict]:
    """Return the entries that look every few seconds for work which an ended process left behind."""
    return [entry for entry in SCHEDULE.values() if isinstance(entry["schedule"], float) and entry["schedule"] <= 10]


def nightly(hour: int, minute: int, task: str) -> dict:
    return {"task": task, "schedule": crontab(hour=str(hour), minute=str(minute))}


SCHEDULE: dict[str, dict] = {
    "outbox: send what was left behind": every(10, "core.sweep_outbox"),
    "jobs: what no worker works on": every(10, "core.restart_jobs"),
    "imports: what no worker applies": every(10, "crm.restart_imports"),
    "sending: notice a database that was put back": every(60, "core.notice_restore"),
    "webhooks: retries and what was left behind": every(10, "core.sweep_webhooks"),
    "webhooks: forget old deliveries": nightly(1, 40, "core.drop_old_webhook_deliveries"),
    "notices: forget old ones": nightly(1, 45, "core.drop_old_notices"),
    "points: release holds that ran out": every(30, "loyalty.sweep_holds"),
    "rewards: deliver what waits, end what ran out": every(30, "loyalty.sweep_redemptions"),
    "points: confirm and expire lots": every(300, "loyalty.sweep_lots"),
    "points: snapshot": nightly(2, 10, "loyalty.take_snapshots"),
    "points: tell what will expire": nightly(1, 15, "loyalty.announce_expiries"),
    "benefits: give what is due": every(3600, "loyalty.deliver_benefits"),
    "tiers: end of periods": nightly(0, 30, "loyalty.end_tier_periods"),
    "tasks: what no event told of": nightly(0, 50, "loyalty.advance_tasks"),
    "points: prove the ledger": nightly(3, 30, "loyalty.reconcile_points"),
    "analytics: changed customers": every(10, "analytics.refresh_changed"),
    "analytics: rules about time": every(3600, "analytics.refresh_time_based_segments"),
    "analytics: everything": nightly(2, 0, "analytics.refresh_everything"),
    "activity: make partitions ahead": nightly(1, 0, "crm.make_activity_partitions"),
    "imports: drop files that nobody ran": nightly(1, 30, "crm.drop_stale_uploads"),
    "lists: forget old uploads": nightly(1, 35, "analytics.drop_old_uploads"),
    "care: who is due": every(60, "campaigns.run_care_rules"),
    "broadcasts: start, finish": every(10, "campaigns.run_broadcasts"),
    "journeys: who enters by date or timetable": every(60, "campaigns.enter_journeys"),
    "journeys: move what is due": every(10, "campaigns.advance_journeys"),
    "campaigns: keep slow results": every(300, "campaigns.keep_results"),
    "home: count its figures": every(300, "core.keep_figures"),
    "messages: send what is due": every(10, "campaigns.send_due"),
    "messages: leases that ran out": every(30, "campaigns.sweep_leases"),
    "messages: forget old counts by domain": nightly(1, 50, "campaigns.drop_old_domain_counts"),
    "coupons: reservations that ran out": every(60, "campaigns.sweep_reservations"),
}
