"""Estimate what marketing caused, by holdouts, and count what was clicked, month by month.

The two differ: a click does not prove that the customer would not have bought anyway, and a message can cause an order
without a click.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from campaigns.experiments.models import Experiment, ExperimentMetric, ExperimentScope, ExperimentState
from campaigns.experiments.rules import ExperimentEffect, GroupOutcome, effect_of
from campaigns.journeys.models import Journey, JourneyState
from campaigns.journeys.selectors.results import effect_of_journey
from campaigns.reports.selectors.campaigns import DEFAULT_DAYS
from core.base import clock
from core.base.zones import shop_day, shop_midnight
from core.db.statements import statement
from crm.customers.selectors import shop_currency
from crm.orders.models import Order
from crm.orders.selectors.bought import order_counts

MONTHS = 6
ERROR = 0.05


def months_until(today: date, count: int = MONTHS) -> list[date]:
    """Return the first days of the last months, oldest first; the last one is the current month."""
    months = [today.replace(day=1)]
    while len(months) < count:
        months.append((months[-1] - timedelta(days=1)).replace(day=1))
    return months[::-1]


def caused_and_clicked() -> dict[str, Any]:
    """Return both figures by month, and those of journeys with a holdout of their own, in a form that can be kept."""
    now = clock.now()
    months = months_until(shop_day(now))
    starts = [shop_midnight(month) for month in months]
    ends = [*starts[1:], now]
    currency = shop_currency()
    clicked = _clicked(starts, ends, currency)
    holdout = _global_holdout()
    caused = _caused(holdout, starts, ends, currency) if holdout else {}
    rows = []
    for month, start in zip(months, starts, strict=True):
        orders, net = clicked.get(start, (0, 0))
        rows.append({"month": month.isoformat(), "orders": orders, "clicked": net, **caused.get(start, {})})
    return {
        "currency": currency,
        "holdout": holdout.pk if holdout else None,
        "months": rows,
        "journeys": _journeys(starts[-1]),
    }


def _global_holdout() -> Experiment | None:
    return Experiment.objects.filter(scope=ExperimentScope.EVERYTHING, state=ExperimentState.RUNNING).first()


def after_click(order: str, days: str) -> str:
    """Return the SQL condition of orders that followed a click in a message of marketing. `order` is their alias.

    The click is before the payment, and the message was sent at most as many days before it as orders count for its
    campaign; `days` is the placeholder of those of campaigns without a number of their own.
    """
    return f"""EXISTS (
        SELECT FROM campaigns_message g
        LEFT JOIN campaigns_broadcast b ON g.origin = 'broadcast:' || b.id
        LEFT JOIN campaigns_carerule r ON g.origin = 'care:' || r.id
        WHERE g.customer_id = {order}.customer_id AND g.state = 'sent' AND g.message_class = 'marketing'
              AND g.clicked_at <= {order}.paid_at
              AND g.sent_at > {order}.paid_at
                  - make_interval(days => coalesce(b.attribution_days, r.attribution_days, {days})))"""


def orders_after_click(orders: QuerySet[Order]) -> QuerySet[Order]:
    """Return these orders as far as they followed a click."""
    condition = after_click(Order._meta.db_table, "%s")
    return orders.filter(RawSQL(condition, [DEFAULT_DAYS], output_field=BooleanField()))  # noqa: S611


def _clicked(starts: list[datetime], ends: list[datetime], currency: str) -> dict[datetime, tuple[int, int]]:
    with connection.cursor() as cursor:
        parts = {"order_counts": order_counts("o"), "after_click": after_click("o", "%(days)s")}
        cursor.execute(
            statement(__package__, "clicked", **parts),
            {"starts": starts, "ends": ends, "currency": currency, "days": DEFAULT_DAYS},
        )
        return {since: (orders, net) for since, orders, net in cursor.fetchall()}


def _caused(
    experiment: Experiment, starts: list[datetime], ends: list[datetime], currency: str
) -> dict[datetime, dict[str, Any]]:
    """Return by month the revenue per customer with marketing beyond that of the held-out ones, times the former."""
    arms = [arm.pk for arm in experiment.arms.all()]
    outcomes: dict[datetime, dict[bool, list[GroupOutcome]]] = defaultdict(lambda: defaultdict(list))
    with connection.cursor() as cursor:
        cursor.execute(
            statement(__package__, "caused", order_counts=order_counts("o")),
            {"starts": starts, "ends": ends, "currency": currency, "experiment": experiment.pk},
        )
        for arm, since, count, total, squares, events in cursor.fetchall():
            outcomes[since][arm == arms[0]].append(GroupOutcome(count, total, squares, events))
    result = {}
    for since, groups in outcomes.items():
        treated, held_out = _joined(groups[False]), _joined(groups[True])
        effect = effect_of(treated, held_out, error=ERROR)
        result[since] = {"customers": treated.count, "held_out": held_out.count, **_times(effect, treated.count)}
    return result


def _joined(groups: list[GroupOutcome]) -> GroupOutcome:
    return GroupOutcome(
        sum(one.count for one in groups),
        sum(one.total for one in groups),
        sum(one.squares for one in groups),
        sum(one.events or 0 for one in groups),
    )


def _times(effect: ExperimentEffect | None, count: int) -> dict[str, Any]:
    """Return an effect per customer as the effect of all of them; without one, too few customers are counted."""
    if effect is None:
        return {}
    low, high = (None if value is None else round(value * count) for value in (effect.low, effect.high))
    return {"caused": round(effect.difference * count), "low": low, "high": high, "sure": effect.sure}


def _journeys(since: datetime) -> list[dict[str, Any]]:
    """Return what the journeys with a holdout caused with the customers whose window of days ended since then."""
    rows = []
    for journey in Journey.objects.filter(state=JourneyState.RUNNING).select_related("version").order_by("name"):
        if not journey.definition.get("holdout"):
            continue
        compared = effect_of_journey(journey, ended_since=since)
        if compared.held_out is None:
            continue
        effect = compared.effects[ExperimentMetric.REVENUE]
        rows.append(
            {
                "id": journey.pk,
                "name": journey.name,
                "customers": compared.entered.counted,
                "held_out": compared.held_out.counted,
                **_times(effect, compared.entered.counted),
            }
        )
    return rows
