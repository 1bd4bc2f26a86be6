"""Conditions on computed figures: lifecycle stage, RFM, responses to messages."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from analytics.conditions.registry import CONDITIONS, choice, number
from analytics.features.labels import RFM_GROUPS
from analytics.features.models import Stage

GROUP = _("Scores")


def register() -> None:
    for condition in (
        choice("stage", _("Lifecycle stage"), GROUP, "f.stage", lambda: Stage.choices),
        choice("rfm_group", _("RFM group"), GROUP, "f.rfm_group", lambda: list(RFM_GROUPS.items())),
        number("rfm_r", _("Recency score"), GROUP, "coalesce(f.rfm_r, 0)"),
        number("rfm_f", _("Frequency score"), GROUP, "coalesce(f.rfm_f, 0)"),
        number("rfm_m", _("Monetary score"), GROUP, "coalesce(f.rfm_m, 0)"),
        number("messages_90", _("Messages sent in the last 90 days"), GROUP, "f.messages_90", time_based=True),
        number("opened_90", _("Messages opened in the last 90 days"), GROUP, "f.opened_90", time_based=True),
    ):
        CONDITIONS.register(condition.name, condition)
