"""Proofs over the whole database that `doctor` and a verified backup run."""

from __future__ import annotations

from django.db import connection
from django.utils.translation import gettext as _t

SHOWN = 20


def overlaps() -> list[str]:
    """Return members with overlapping tier periods. A restore or a repair by hand can bypass the trigger against it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT DISTINCT member_id FROM (
                   SELECT member_id, started_at,
                          max(coalesce(ended_at, 'infinity')) OVER (PARTITION BY member_id ORDER BY started_at, id
                              ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
                   FROM loyalty_tierperiod WHERE ended_at IS DISTINCT FROM started_at) AS p
               WHERE started_at < before ORDER BY 1 LIMIT %s""",
            [SHOWN],
        )
        return [_t("member %(id)s has periods that overlap") % {"id": pk} for (pk,) in cursor.fetchall()]


def check() -> tuple[bool, str]:
    """Return whether no tiers of a member overlap, and a text for `doctor`."""
    wrong = overlaps()
    return not wrong, _t("; ").join(wrong) if wrong else _t("none overlap")
