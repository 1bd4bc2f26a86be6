"""Texts of notices about adjustments by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.cache import cache
from django.urls import reverse
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.text.formatting import number
from loyalty.ledger.models import REVERSAL, AdjustmentReason
from loyalty.ledger.registry import REFERENCE_NAMES

REASON_LABELS = {**dict(AdjustmentReason.choices), REVERSAL: _("Reversal")}


def asked(payload: Mapping[str, Any]) -> str:
    if payload["points"] < 0:
        text = _t("%(by)s asks to take %(points)s from customer %(customer)s.")
    else:
        text = _t("%(by)s asks to give %(points)s to customer %(customer)s.")
    return text % _values(payload)


def decided(payload: Mapping[str, Any]) -> str:
    if payload["state"] == "approved":
        text = _t("%(by)s approved your adjustment of %(points)s for customer %(customer)s.")
    else:
        text = _t("%(by)s declined your adjustment of %(points)s for customer %(customer)s.")
    return text % _values(payload)


def reversed_(payload: Mapping[str, Any]) -> str:
    text = _t("%(by)s reversed your adjustment of %(points)s for customer %(customer)s.")
    return text % _values(payload)


def customer_url(payload: Mapping[str, Any]) -> str:
    return reverse("customer", args=[payload["customer"]]) + "?tab=points#panel-loyalty"


def _values(payload: Mapping[str, Any]) -> dict[str, str]:
    count = abs(int(payload["points"]))
    points = ngettext("%(count)s point", "%(count)s points", count) % {"count": number(count)}
    return {"by": str(payload["by"]), "points": points, "customer": str(payload["customer"])}


CACHED_SECONDS = 60


def reference_words(reference: str) -> str:
    """Return the words of a reference; a text of the shop's own, such as an order number, stays as it is.

    `task:first-review` gives the task's name, `birthday:2026` the birthday, `reward:tea` the reward's name.
    """
    kind, colon, code = reference.partition(":")
    if not colon:
        return reference
    if kind == "birthday":
        return _t("Birthday")
    return _names(kind).get(code, reference)


def _names(kind: str) -> dict[str, str]:
    read = REFERENCE_NAMES.get(kind)
    if read is None:
        return {}
    names: dict[str, str] | None = cache.get_or_set(f"loyalty:names:{kind}:{get_language()}", read, CACHED_SECONDS)
    return names or {}
