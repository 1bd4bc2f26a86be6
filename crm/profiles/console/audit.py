"""Parts that crm adds to the audit log: unmasked contacts, exports, and links to changed rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from core.audit.log import LOGGED, OBJECTS, AuditedObject, Logged
from core.console.views import link
from core.text.formatting import number
from crm.customers.models import Customer, IdentityKind
from crm.profiles.console import listing


def _exported(payload: Mapping[str, Any]) -> str:
    rows = ngettext("%(count)s customer", "%(count)s customers", payload["rows"]) % {"count": number(payload["rows"])}
    if payload["chosen"]:
        how = [_t("picked by hand")]
    else:
        how = [_filter(name, value) for name, value in payload["filters"].items()] or [_t("without a filter")]
    return " · ".join([rows, *how])


def _filter(name: str, value: str) -> str:
    if name == "q":
        return _t("search “%(words)s”") % {"words": value}
    item = listing.FILTERS.get(name)
    if item is None:
        return f"{name}: {value}"
    labels = {str(code): str(label) for code, label in item.choices(HttpRequest())}
    return _t("%(filter)s: %(value)s") % {"filter": item.label, "value": labels.get(value, value)}


def _unmasked(payload: Mapping[str, Any]) -> str:
    return str(dict(IdentityKind.choices).get(payload["kind"], payload["kind"]))


def _of_customer(row: Mapping[str, Any]) -> str:
    """Return the address of the row's customer; the history tables keep only the customer's id."""
    customer_number = Customer.objects.filter(pk=row.get("customer_id")).values_list("number", flat=True).first()
    return reverse("customer", args=[customer_number]) if customer_number else ""


LOGGED.register("crm.customers_exported", Logged(_exported))
LOGGED.register("crm.identity_unmasked", Logged(_unmasked))
for _contact in ("crm.identity_verified", "crm.identity_removed"):
    LOGGED.register(_contact, Logged(_unmasked))
LOGGED.register(
    "crm.duplicate_dismissed", Logged(lambda payload: _t("of customer %(number)s") % {"number": payload["number"]})
)
OBJECTS.register(
    "crm.customer",
    AuditedObject(
        label=lambda row: " · ".join(filter(None, [row.get("name"), row.get("number")])),
        url=lambda row: reverse("customer", args=[row["number"]]),
    ),
)
OBJECTS.register("crm.ticket", AuditedObject(url=lambda row: link("ticket", row["number"])))
for _kind in ("crm.identity", "crm.note"):
    OBJECTS.register(_kind, AuditedObject(url=_of_customer))
