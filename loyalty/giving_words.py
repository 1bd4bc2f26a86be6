"""Texts of notices about adjustments by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from core.formatting import number


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
    return reverse("customer", args=[payload["customer"]]) + "#panel-loyalty"


def _values(payload: Mapping[str, Any]) -> dict[str, str]:
    count = abs(int(payload["points"]))
    points = ngettext("%(count)s point", "%(count)s points", count) % {"count": number(count)}
    return {"by": str(payload["by"]), "points": points, "customer": str(payload["customer"])}
