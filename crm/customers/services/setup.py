"""Setup of the shop: its default store."""

from __future__ import annotations

import zoneinfo

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.base.errors import Invalid
from core.db.locks import lock_name
from crm.customers.models import Store


def ensure_store(*, name: str, currency: str, time_zone: str, country: str, language: str) -> Store:
    """Return the default store. When there is none, create it with these values; an existing store is not changed."""
    if time_zone not in zoneinfo.available_timezones():
        raise Invalid(_("Use a zone such as Asia/Shanghai."), code="unknown_time_zone", field="time_zone")
    with transaction.atomic():
        lock_name("crm.default-store")
        store = Store.objects.default_or_none()
        if store is None:
            store = Store.objects.create(
                code="main",
                name=name,
                currency=currency,
                time_zone=time_zone,
                country=country,
                language=language,
                is_default=True,
            )
    return store
