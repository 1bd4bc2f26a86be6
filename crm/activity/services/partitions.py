"""Health check of the monthly activity partitions: those of coming months and those of existing rows."""

from __future__ import annotations

from datetime import date

from django.db import connection
from django.utils.translation import gettext as _t

from core.base import clock

AHEAD = 4


def missing() -> list[date]:
    """Return the months without a partition: this month, the next ones, and months that have rows already.

    A data-only restore leaves rows without a partition.
    """
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
    """Split months since year 0 into (year, month)."""
    year, month = divmod(months, 12)
    return year, month + 1


def check() -> tuple[bool, str]:
    """Return whether all monthly partitions exist, and a text for `doctor`."""
    months = [f"{month:%Y-%m}" for month in missing()]
    if not months:
        return True, _t("none missing")
    return False, _t("missing: %(months)s (run doctor --fix to create them)") % {"months": ", ".join(months)}


def fix() -> str:
    """Create the missing partitions; rows in the default partition move to their own."""
    months = missing()
    with connection.cursor() as cursor:
        for month in months:
            cursor.execute("SELECT crm_make_activity_partition(%s)", [month])
    return f"made {', '.join(f'{month:%Y-%m}' for month in months)}" if months else ""
