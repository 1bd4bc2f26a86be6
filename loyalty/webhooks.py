"""Events of loyalty for the merchant's own systems. Points are whole numbers, negative when they were taken."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy as _

from core.events import Event
from core.webhooks import Payload, publish
from crm.webhooks import about_customer, numbers_of, picking
from loyalty import events as kinds
from loyalty.models import Tier


def _tiers(events: Sequence[Event]) -> list[Payload | None]:
    """Return the payloads of tier changes.

    `from` and `to` are the tiers' names at that time, null below the first tier. `tier` is the new tier's code,
    `reason` a value of TierReason.
    """
    numbers = numbers_of(events)
    ids = {event.payload.get("tier") for event in events} - {None}
    codes = dict(Tier.objects.filter(pk__in=ids).values_list("pk", "code"))
    return [
        {
            "customer": numbers[event.subject_id],
            "tier": codes.get(event.payload.get("tier") or 0),
            "from": event.payload.get("from"),
            "to": event.payload.get("to"),
            "up": event.payload.get("up"),
            "reason": event.payload.get("reason", ""),
        }
        if event.subject_id and event.subject_id in numbers
        else None
        for event in events
    ]


_OF_ORDER = about_customer(picking("points", order="reference"))
_SPENT = about_customer(picking("points", "reference"))

publish("member.enrolled", kinds.MEMBER_ENROLLED, _("Became a member"), about_customer())
publish("member.suspended", kinds.MEMBER_SUSPENDED, _("Member suspended"), about_customer(picking("reason")))
publish("member.resumed", kinds.MEMBER_RESUMED, _("Member resumed"), about_customer())
publish("tier.changed", kinds.TIER_CHANGED, _("Tier changed"), _tiers)
publish("points.earned", kinds.POINTS_EARNED, _("Points earned"), _OF_ORDER)
publish("points.held", kinds.POINTS_HELD, _("Points held"), _SPENT)
publish("points.redeemed", kinds.POINTS_REDEEMED, _("Points spent"), _SPENT)
publish("points.released", kinds.HOLD_RELEASED, _("Hold released"), _SPENT)
publish("points.returned", kinds.POINTS_RETURNED, _("Points given back"), _SPENT)
publish("points.taken_back", kinds.POINTS_TAKEN_BACK, _("Points taken back"), _OF_ORDER)
publish(
    "points.adjusted",
    kinds.POINTS_ADJUSTED,
    _("Points adjusted"),
    about_customer(picking("points", "reason", "reference")),
)
publish("points.expired", kinds.POINTS_EXPIRED, _("Points expired"), about_customer(picking("points")))
publish(
    "points.expiring",
    kinds.POINTS_EXPIRING,
    _("Points about to expire"),
    about_customer(picking("points", last_day="on")),
)
publish(
    "points.transferred",
    kinds.POINTS_SENT,
    _("Points given to another member"),
    about_customer(picking("points", to="other")),
)

_REWARD = about_customer(picking("reward", "redemption", "points"))

publish("reward.redeemed", kinds.REWARD_REDEEMED, _("Reward redeemed"), _REWARD)
publish(
    "reward.fulfilled",
    kinds.REWARD_FULFILLED,
    _("Reward delivered"),
    about_customer(picking("reward", "redemption", "tracking")),
)
publish("reward.cancelled", kinds.REWARD_CANCELLED, _("Reward cancelled"), _REWARD)
publish("reward.failed", kinds.REWARD_FAILED, _("Reward not delivered"), _REWARD)


def _completed(events: Sequence[Event]) -> list[Payload | None]:
    """Return payloads for completed tasks.

    Only the last level completes a task; `period` is the first day of its period.
    """
    built = about_customer(picking("task", "level", "points", "growth", "period"))(events)
    return [payload if event.payload.get("completed") else None for event, payload in zip(events, built, strict=True)]


publish(
    "task.level_reached",
    kinds.TASK_LEVEL_REACHED,
    _("Task level reached"),
    about_customer(picking("task", "level", "points", "growth", "period")),
)
publish("task.completed", kinds.TASK_LEVEL_REACHED, _("Task completed"), _completed)
publish("badge.awarded", kinds.BADGE_AWARDED, _("Badge awarded"), about_customer(picking("badge")))
