"""Services of tier benefits: set up, and give once per member and occasion.

One statement finds the members who are due.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.base.actor import SYSTEM, Actor
from core.base.errors import Conflict, Invalid
from core.base.zones import known_zones, shop_zone
from core.db.locks import lock_first, lock_row
from crm.customers.rules.birthdays import celebrated_on
from crm.customers.services.customers import birthday_indexes
from loyalty.program.models import Member
from loyalty.tiers.models import BenefitGrant, GrantState, Tier, TierBenefit
from loyalty.tiers.registry import BENEFITS, Benefit, Due, Occasion

log = structlog.get_logger("liuke.benefits")
CHUNK = 2000
ATTEMPTS = 10
FIRST_RETRY = timedelta(hours=1)
# A benefit is still given when nothing ran for so long.
ENTRY_LATE = timedelta(days=30)
BIRTHDAY_LATE_DAYS = 2
_NOT_YET = """NOT EXISTS (SELECT FROM loyalty_benefitgrant g
                          WHERE g.benefit_id = %(benefit)s AND g.member_id = due.member_id
                          AND g.key = due.key)"""
_MEMBERS = "loyalty_member m JOIN crm_customer c ON c.id = m.customer_id AND c.state = 'active'"
DUE: dict[str, str] = {
    # The member came up into the tier: not within it for another reason, and not down from a higher one.
    Occasion.ENTRY: f"""
        SELECT m.id AS member_id, 'entry:' || p.id AS key FROM loyalty_tierperiod p
        JOIN {_MEMBERS} ON m.id = p.member_id
        WHERE p.tier_id = %(tier)s AND m.tier_id = p.tier_id AND m.state = 'active' AND p.started_at >= %(since)s
              AND p.reason IN ('qualified', 'manual', 'paid')
              AND NOT EXISTS (SELECT FROM loyalty_tierperiod q
                              JOIN loyalty_tier t ON t.id = q.tier_id AND t.rank >= %(rank)s
                              WHERE q.member_id = p.member_id AND q.ended_at = p.started_at AND q.id <> p.id)""",  # noqa: S608 - constant fragments; values are parameters
    Occasion.MONTHLY: f"""
        SELECT m.id AS member_id, %(month)s AS key FROM {_MEMBERS}
        WHERE m.program_id = %(program)s AND m.tier_id = %(tier)s AND m.state = 'active'""",  # noqa: S608 - constant fragments; values are parameters
    Occasion.BIRTHDAY: f"""
        SELECT m.id AS member_id, 'birthday:' || to_char(b.day, 'YYYY') AS key
        FROM unnest(%(indexes)s::bytea[], %(days)s::date[]) AS b(birthday_index, day)
        JOIN {_MEMBERS} ON c.birthday_index = b.birthday_index
        CROSS JOIN LATERAL (SELECT (%(now)s::timestamptz AT TIME ZONE CASE WHEN c.time_zone = ANY(%(zones)s::text[])
                                    THEN c.time_zone ELSE %(zone)s END)::date AS today) AS z
        WHERE m.program_id = %(program)s AND m.tier_id = %(tier)s AND m.state = 'active'
              AND z.today - b.day BETWEEN 0 AND %(late)s AND b.day >= %(since)s::timestamptz::date""",  # noqa: S608 - constant fragments; values are parameters
}  # fmt: skip


def create_benefit(*, tier: Tier, kind: str, settings: dict[str, Any], actor: Actor, position: int = 0) -> TierBenefit:
    """Add a benefit to a tier. Raises Invalid naming the field."""
    benefit = _kind(kind)
    if benefit.derived:
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="kind")
    return TierBenefit.objects.create(tier=tier, kind=kind, settings=benefit.checked(settings), position=position)


def update_benefit(
    *,
    benefit: TierBenefit,
    actor: Actor,
    settings: dict[str, Any] | None = None,
    position: int | None = None,
    active: bool | None = None,
) -> TierBenefit:
    """Change a benefit or switch it. Occasions while it was off are not given. Raises Invalid naming the field."""
    with transaction.atomic():
        locked = lock_row(TierBenefit.objects.select_related("tier__program").filter(pk=benefit.pk))
        if settings is not None:
            locked.settings = _kind(locked.kind).checked(settings)
            locked.error = ""
        if position is not None:
            locked.position = position
        if active is not None and active != locked.active:
            locked.active = active
            locked.error = ""
            if active:
                locked.active_since = clock.now()
        locked.save(update_fields=["settings", "position", "active", "active_since", "error"])
    return locked


def deliver_benefits(*, now: datetime | None = None) -> tuple[int, int]:
    """Give all due benefits and retry failed ones. Idempotent, also when run in parallel. Returns (given, failed)."""
    moment = now or clock.now()
    given_count = failed_count = 0
    for benefit in TierBenefit.objects.filter(active=True).select_related("tier__program").order_by("pk"):
        kind = BENEFITS.get(benefit.kind)
        if kind is None or kind.occasion is Occasion.STANDING or not _ready(benefit, kind):
            continue
        for due in _chunks(benefit, kind, moment):
            done, wrong = _deliver(benefit, kind, due)
            given_count, failed_count = given_count + done, failed_count + wrong
    again, wrong = _retry_failed(moment)
    return given_count + again, failed_count + wrong


def retry_grant(*, grant: BenefitGrant, actor: Actor) -> BenefitGrant:
    """Retry a failed grant now. Raises Conflict `already_given`."""
    with transaction.atomic():
        locked = lock_row(BenefitGrant.objects.select_related("benefit__tier__program", "member").filter(pk=grant.pk))
        if locked.state == GrantState.GIVEN:
            raise Conflict(_("This benefit was already given."), code="already_given")
        _try(locked, locked.benefit, _kind(locked.benefit.kind), actor)
    return locked


def _kind(name: str) -> Benefit:
    kind = BENEFITS.get(name)
    if kind is None:
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="kind")
    return kind


def _ready(benefit: TierBenefit, kind: Benefit) -> bool:
    """Check whether the benefit can be given to anyone. A general error is stored once, not once for each member."""
    try:
        kind.check(benefit)
        error = ""
    except Exception as refusal:
        error = _error_text(refusal)
    if error != benefit.error:
        TierBenefit.objects.filter(pk=benefit.pk).update(error=error)
    return not error


def _chunks(benefit: TierBenefit, kind: Benefit, now: datetime) -> Iterator[list[tuple[int, str]]]:
    values = _values(benefit, kind, now)
    last = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT member_id, key FROM ({DUE[kind.occasion]}) AS due
                    WHERE {_NOT_YET} AND member_id > %(last)s ORDER BY member_id, key LIMIT %(limit)s""",  # noqa: S608 - constant fragments; values are parameters
                {**values, "last": last, "limit": CHUNK},
            )
            rows = cursor.fetchall()
        if rows:
            yield rows
        if len(rows) < CHUNK:
            return
        last = rows[-1][0]


def _values(benefit: TierBenefit, kind: Benefit, now: datetime) -> dict[str, Any]:
    values = {
        "benefit": benefit.pk,
        "tier": benefit.tier_id,
        "rank": benefit.tier.rank,
        "program": benefit.tier.program_id,
        "now": now,
        "since": benefit.active_since,
    }
    zones = known_zones()
    if kind.occasion is Occasion.ENTRY:
        values["since"] = max(benefit.active_since, now - ENTRY_LATE)
    elif kind.occasion is Occasion.MONTHLY:
        zone = benefit.tier.program.time_zone
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_char(%s::timestamptz AT TIME ZONE %s, 'YYYY-MM')", [now, zone])
            values["month"] = cursor.fetchone()[0]
    elif kind.occasion is Occasion.BIRTHDAY:
        today = now.date()
        days = [today + timedelta(days=offset) for offset in range(-BIRTHDAY_LATE_DAYS - 1, 2)]
        pairs = [
            (index, day)
            for day in days
            for month, number in celebrated_on(day)
            for index in birthday_indexes(month, number)
        ]
        values |= {
            "indexes": [index for index, _day in pairs],
            "days": [day for _index, day in pairs],
            "zones": sorted(zones),
            "zone": shop_zone(),
            "late": BIRTHDAY_LATE_DAYS,
        }
    return values


def _deliver(benefit: TierBenefit, kind: Benefit, rows: Sequence[tuple[int, str]]) -> tuple[int, int]:
    """Give one batch in one transaction: the rows that ensure each is given once, and the benefit itself."""
    try:
        with transaction.atomic():
            grants = _claim(benefit, rows)
            if grants:
                members = Member.objects.in_bulk([grant.member_id for grant in grants])
                due = [_due(benefit, grant, members[grant.member_id]) for grant in grants]
                _note(grants, kind.give(benefit, due, SYSTEM))
        return len(grants), 0
    except Exception as error:
        if len(rows) > 1:
            log.warning("benefits_one_by_one", benefit=benefit.pk, error=_error_text(error))
    given_count = failed_count = 0
    for row in rows:
        with transaction.atomic():
            for grant in _claim(benefit, [row]):
                if _try(grant, benefit, kind, SYSTEM):
                    given_count += 1
                else:
                    failed_count += 1
    return given_count, failed_count


def _claim(benefit: TierBenefit, rows: Sequence[tuple[int, str]]) -> list[BenefitGrant]:
    """Insert the rows that no other worker has, and wait for rows being written.

    Sorted, so that two workers can't deadlock.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO loyalty_benefitgrant (benefit_id, member_id, key, state, outcome, error, attempts,
                                                 granted_at)
               SELECT %s, g.member, g.key, 'given', '{}', '', 1, clock_timestamp()
               FROM unnest(%s::bigint[], %s::text[]) AS g(member, key) ORDER BY g.member, g.key
               ON CONFLICT (benefit_id, member_id, key) DO NOTHING RETURNING id, member_id, key""",
            [benefit.pk, [member for member, _key in rows], [key for _member, key in rows]],
        )
        claimed = cursor.fetchall()
    return [BenefitGrant(pk=pk, benefit=benefit, member_id=member, key=key) for pk, member, key in sorted(claimed)]


def _note(grants: Sequence[BenefitGrant], outcomes: Sequence[dict[str, Any]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE loyalty_benefitgrant b SET outcome = g.outcome::jsonb
               FROM unnest(%s::bigint[], %s::text[]) AS g(id, outcome) WHERE b.id = g.id""",
            [[grant.pk for grant in grants], [json.dumps(outcome) for outcome in outcomes]],
        )


def _due(benefit: TierBenefit, grant: BenefitGrant, member: Member) -> Due:
    return Due(member, grant.key, f"benefit:{benefit.pk}:{grant.key}")


def _try(grant: BenefitGrant, benefit: TierBenefit, kind: Benefit, actor: Actor) -> bool:
    """Give one benefit in the caller's transaction.

    A failed grant stays as failed, with its error and the next attempt.
    """
    grant.refresh_from_db()
    try:
        with transaction.atomic():
            [outcome] = kind.give(benefit, [_due(benefit, grant, grant.member)], actor)
    except Exception as error:
        over = grant.attempts >= ATTEMPTS
        grant.state = GrantState.GIVEN_UP if over else GrantState.FAILED
        grant.error, grant.granted_at = _error_text(error), None
        grant.next_try_at = None if over else clock.now() + FIRST_RETRY * 2 ** (grant.attempts - 1)
        grant.attempts += 1
        grant.save(update_fields=["state", "error", "granted_at", "next_try_at", "attempts"])
        return False
    grant.state, grant.outcome, grant.error = GrantState.GIVEN, outcome, ""
    grant.granted_at, grant.next_try_at = clock.now(), None
    grant.save(update_fields=["state", "outcome", "error", "granted_at", "next_try_at"])
    return True


def _retry_failed(now: datetime) -> tuple[int, int]:
    given_count = failed_count = 0
    ids = BenefitGrant.objects.filter(state=GrantState.FAILED, next_try_at__lte=now, benefit__active=True)
    for pk in list(ids.order_by("next_try_at").values_list("pk", flat=True)[:CHUNK]):
        with transaction.atomic():
            rows = BenefitGrant.objects.select_related("benefit__tier__program", "member").filter(
                pk=pk, state=GrantState.FAILED
            )
            grant = lock_first(rows, skip_locked=True)
            kind = BENEFITS.get(grant.benefit.kind) if grant else None
            if grant is None or kind is None:
                continue
            if _try(grant, grant.benefit, kind, SYSTEM):
                given_count += 1
            else:
                failed_count += 1
    return given_count, failed_count


def _error_text(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:400]
