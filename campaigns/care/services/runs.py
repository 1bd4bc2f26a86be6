"""Make the pending messages of care rules: set-based, once per occurrence; the holdout is stored with its reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction

from campaigns.care.models import CareRule, CareState, CareTrigger
from campaigns.care.services import audiences
from campaigns.experiments.services.queueing import queue_selected
from core.base import clock
from core.db.cached_names import CachedNames
from core.db.locks import lock_row
from core.sending import services as sending_hold
from crm.imports.models import ImportRun

log = structlog.get_logger("liuke.care")
CHUNK = 20_000


def run_care_rules(*, though_held: bool = False) -> dict[int, int]:
    """Run every active rule with a time trigger. Return how many messages each made; none while sending is held.

    One failing rule does not stop the others; the next run tries it again.
    """
    made: dict[int, int] = {}
    if sending_hold.is_held() and not though_held:
        return made
    rules = CareRule.objects.filter(
        state=CareState.ACTIVE,
        trigger__in=[
            CareTrigger.BIRTHDAY,
            CareTrigger.NO_ORDER,
            CareTrigger.POINTS_EXPIRING,
            CareTrigger.OCCASION,
        ],
    ).values_list("pk", flat=True)
    for pk in rules:
        try:
            made[pk] = run_care_rule(rule_id=pk)
        except Exception as error:
            log.exception("care_rule_failed", rule=pk, error=str(error)[:300])
    return made


def run_care_rule(*, rule_id: int, now: datetime | None = None) -> int:
    """Make the messages that one rule has pending at `now` (default: the database's clock).

    Concurrent calls make each once.
    """
    at = now or clock.now()
    rule = CareRule.objects.select_related("template", "segment").get(pk=rule_id)
    if rule.segment is not None and not rule.segment.is_current:
        # A segment that is not computed yet has no customers in the tables: `last_run_at` stays, so that no customer is
        # missed.
        return 0
    # Check all customers once a day: an import may bring orders that make a customer long lapsed.
    everyone = rule.last_run_at is None or rule.last_run_at.date() != at.date()
    made = 0
    if rule.trigger == CareTrigger.BIRTHDAY:
        made = _make(rule_id, at, lambda fresh: audiences.birthday(fresh, at))
    elif rule.trigger == CareTrigger.NO_ORDER:
        made = _make(rule_id, at, lambda fresh: audiences.lapsed(fresh, at, everyone=everyone))
    elif rule.trigger == CareTrigger.POINTS_EXPIRING:
        made = _make(rule_id, at, lambda fresh: audiences.expiring(fresh, at))
    elif rule.trigger == CareTrigger.OCCASION:
        made = _make(rule_id, at, lambda fresh: audiences.occasion(fresh, at))
    CareRule.objects.filter(pk=rule_id, version=rule.version).update(last_run_at=at)
    return made


def awaited_segments() -> list[int]:
    """Return the segments that active rules wait for. A segment whose computation failed waits for the hourly run."""
    rules = CareRule.objects.filter(state=CareState.ACTIVE, segment__error="").select_related("segment")
    return sorted({rule.segment.pk for rule in rules if rule.segment is not None and not rule.segment.is_current})


def care_for_orders(*, order_ids: Sequence[int]) -> int:
    """Queue the messages of after-purchase rules for paid orders, due that many days later. The wait is a row."""
    now = clock.now()
    return sum(
        _make(pk, now, lambda rule: audiences.bought(rule, now, order_ids))
        for pk in _active(CareTrigger.AFTER_PURCHASE)
    )


def care_for_import(*, run: ImportRun | int) -> int:
    """Make the messages of all purchase rules for the orders of an import. Return their number."""
    now = clock.now()
    run_id = run if isinstance(run, int) else run.pk
    return sum(
        _make(pk, now, lambda rule: audiences.bought_in_import(rule, now, run_id))
        for pk in _active(CareTrigger.AFTER_PURCHASE)
    )


def care_for_entering(*, event_ids: Sequence[int], segment_ids: Sequence[int]) -> int:
    """Queue messages for customers who entered segments: once per entry, for rules that were active then."""
    now = clock.now()
    rules = _active(CareTrigger.SEGMENT_ENTERED, segment_id__in=set(segment_ids))
    return sum(_make(pk, now, lambda rule: audiences.entered(rule, now, event_ids)) for pk in rules)


# Most shops have no rule for entering a segment, and many customers enter: the event is queued only when a rule needs
# it.
active_triggers = CachedNames(
    "care:triggers", lambda: CareRule.objects.filter(state=CareState.ACTIVE).values_list("trigger", flat=True)
)


def wants_entering(_kind: str) -> bool:
    """Return whether any active rule has the trigger of entering a segment. The answer may be some seconds old."""
    return CareTrigger.SEGMENT_ENTERED in active_triggers()


def _active(trigger: str, **filters: Any) -> list[int]:
    return list(
        CareRule.objects.filter(state=CareState.ACTIVE, trigger=trigger, **filters)
        .order_by("pk")
        .values_list("pk", flat=True)
    )


def _make(rule_id: int, now: datetime, audience: Callable[[CareRule], audiences.Select | None]) -> int:
    """Make messages in chunks of customers, each in its own transaction. The rule's lock keeps versions in order."""
    made, last = 0, 0
    while True:
        with transaction.atomic():
            rule = lock_row(CareRule.objects.select_related("template", "segment").filter(pk=rule_id), weak=True)
            if rule.state != CareState.ACTIVE:
                break
            audience_now = audience(rule)
            if audience_now is None:
                break
            select, params = audience_now
            customers = queue_selected(
                select=select,
                params=params,
                origin=audiences.origin_of(rule),
                origin_version=rule.version,
                template=rule.template,
                holdout_percent=rule.holdout_percent,
                experiment=rule.experiment,
                where=audiences.in_segment(rule),
                after=last,
                limit=CHUNK,
            )
        made += len(customers)
        if len(customers) < CHUNK:
            break
        # One customer may have several occurrences, which the limit may have split.
        last = max(customers) - 1
    return made
