"""The monthly partitions of activity: which are missing, for the months to come and for rows that are there already."""

from __future__ import annotations

from datetime import date

from django.db import connection

from core import clock

AHEAD = 4


def missing() -> list[date]:
    """Months without a partition that have rows (a data-only restore leaves such), and this month and the next ones."""
    this = clock.now().date()
    months = [date(*divmod_month(this.year * 12 + this.month - 1 + offset), 1) for offset in range(AHEAD)]
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT m FROM (
                   SELECT DISTINCT date_trunc('month', occurred_at)::date AS m FROM crm_activityevent_default
                   UNION SELECT unnest(%s::date[])) AS months
               WHERE to_regclass('crm_activityevent_' || to_char(m, 'YYYYMM')) IS NULL ORDER BY m""",
            [months],
        )
        return [month for (month,) in cursor.fetchall()]


def divmod_month(months: int) -> tuple[int, int]:
    """Months since year 0 as (year, month)."""
    year, month = divmod(months, 12)
    return year, month + 1


def check() -> tuple[bool, str]:
    months = [f"{month:%Y-%m}" for month in missing()]
    return not months, f"missing: {', '.join(months)} (doctor --fix makes them)" if months else "all there"


def fix() -> str:
    """Make them; rows that wait in the default partition move into theirs."""
    months = missing()
    with connection.cursor() as cursor:
        for month in months:
            cursor.execute("SELECT crm_make_activity_partition(%s)", [month])
    return f"made {', '.join(f'{month:%Y-%m}' for month in months)}" if months else ""
