"""Subscriptions of earning to activity triggers."""

from __future__ import annotations

from collections.abc import Iterable

from core.db.cached_names import CachedNames
from loyalty.earning.models import EarningRule
from loyalty.triggers.registry import Listener


def _of_rules() -> Iterable[str]:
    # Orders are awarded as they arrive, without a trigger.
    return EarningRule.objects.filter(active=True).exclude(trigger="order").values_list("trigger", flat=True)


RULES = Listener("loyalty.award_happenings", CachedNames("loyalty:earning-triggers", _of_rules))
