"""Caches of this process: a test, or a shop that was emptied, must not see the rows of the one before."""

from __future__ import annotations

from django.core.cache import cache

from campaigns.care.services import runs as care_runs
from campaigns.journeys.services import engine as journey_engine
from campaigns.journeys.services import entries as journey_entries
from core.api import throttling
from core.base import zones
from core.security import api_keys
from core.sending.services import shown as sending_shown
from core.text import currencies
from core.webhooks import registry as webhooks
from loyalty.triggers import registry as triggers


def forget() -> None:
    """Empty all of them."""
    cache.clear()
    zones.forget()
    currencies.use_own_currency("")
    webhooks.forget()
    sending_shown.forget()
    api_keys.forget()
    throttling.leases.forget()
    throttling.failures.forget()
    triggers.forget()
    journey_entries.wanted_kinds.forget()
    care_runs.active_triggers.forget()
    journey_engine.plan_of.cache_clear()
