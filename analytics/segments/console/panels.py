"""Panel of analytics on the customer page: stage, scores, key figures, segments."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from analytics.features import selectors as features_selectors
from analytics.features.labels import RFM_GROUPS
from analytics.features.models import Stage
from analytics.segments import selectors
from core.console.views import may
from crm.customers.models import Customer
from crm.customers.registry import TABS, Tab, panel
from crm.customers.selectors import shop_currency

TABS.register("figures", Tab(_("Figures"), order=60))
STAGE_TONES = {
    Stage.ACTIVE: "good",
    Stage.NEW: "good",
    Stage.WON_BACK: "good",
    Stage.AT_RISK: "warn",
    Stage.LAPSED: "bad",
    Stage.LOST: "bad",
}


@panel(
    "analytics",
    title=_("Figures and segments"),
    template="analytics/segments/panels/customer.html",
    permission="analytics.view_customerfeature",
    order=50,
    tab="figures",
)
def _figures(customer: Customer, request: HttpRequest) -> dict[str, Any] | None:
    features = features_selectors.features_of(customer)
    if features is None:
        return None
    scores = [
        (_("Recency"), features.rfm_r),
        (_("Frequency"), features.rfm_f),
        (pgettext_lazy("rfm", "Money"), features.rfm_m),
    ]
    return {
        "features": features,
        "currency": shop_currency(),
        "stage_tone": STAGE_TONES.get(Stage(features.stage), "off"),
        "scores": scores if features.rfm_r else [],
        "group": RFM_GROUPS.get(features.rfm_group, ""),
        "memberships": selectors.segments_of(customer) if may(request.user, "analytics.view_segment") else None,
    }
