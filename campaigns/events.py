"""Declare the events of campaigns. `subject_id` is always the customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.events import declare
from core.formatting import money


def _coupon(payload: Mapping[str, Any]) -> str:
    return str(payload.get("name", ""))


def _use(payload: Mapping[str, Any]) -> str:
    text = f"{payload['name']} · {money(payload['discount'], payload['currency'])}"
    reference = payload.get("reference")
    return _t("%(coupon)s · order %(order)s") % {"coupon": text, "order": reference} if reference else text


def _message(payload: Mapping[str, Any]) -> str:
    from campaigns.labels import channel_label

    return " · ".join(
        filter(None, [channel_label(payload["channel"]), payload.get("subject") or payload.get("name", "")])
    )


def _not_sent(payload: Mapping[str, Any]) -> str:
    from campaigns.labels import reason_label

    return f"{_message(payload)} · {reason_label(payload['reason'])}"


COUPON_ISSUED = declare("campaigns.coupon_issued", _("Coupon given"), icon="ticket", describe=_coupon)
COUPON_REDEEMED = declare("campaigns.coupon_redeemed", _("Coupon used"), icon="discount", describe=_use)
COUPON_RELEASED = declare("campaigns.coupon_released", _("Coupon use taken back"), icon="arrow-back", describe=_use)
MESSAGE_SENT = declare("campaigns.message_sent", _("Message sent"), icon="send", describe=_message)
MESSAGE_CLICKED = declare("campaigns.message_clicked", _("Link in a message followed"), icon="click", describe=_message)
ADDRESS_SUPPRESSED = declare(
    "campaigns.address_suppressed", _("Address no longer used"), icon="mail-off", describe=_not_sent
)
COUPON_CODES_EXPORTED = declare("campaigns.coupon_codes_exported", _("Coupon codes exported"), on_timeline=False)
CARE_RULE_ACTIVATED = declare("campaigns.care_rule_activated", _("Care rule activated"), on_timeline=False)
CARE_RULE_PAUSED = declare("campaigns.care_rule_paused", _("Care rule paused"), on_timeline=False)
EXPERIMENT_STARTED = declare("campaigns.experiment_started", _("Experiment started"), on_timeline=False)
EXPERIMENT_ENDED = declare("campaigns.experiment_ended", _("Experiment ended"), on_timeline=False)
BROADCAST_SCHEDULED = declare("campaigns.broadcast_scheduled", _("Broadcast scheduled"), on_timeline=False)
BROADCAST_PAUSED = declare("campaigns.broadcast_paused", _("Broadcast paused"), on_timeline=False)
BROADCAST_RESUMED = declare("campaigns.broadcast_resumed", _("Broadcast resumed"), on_timeline=False)
BROADCAST_STOPPED = declare("campaigns.broadcast_stopped", _("Broadcast stopped"), on_timeline=False)
BROADCAST_FINISHED = declare("campaigns.broadcast_finished", _("Broadcast finished"), on_timeline=False)
JOURNEY_PUBLISHED = declare("campaigns.journey_published", _("Journey published"), on_timeline=False)
JOURNEY_PAUSED = declare("campaigns.journey_paused", _("Journey paused"), on_timeline=False)
JOURNEY_RESUMED = declare("campaigns.journey_resumed", _("Journey resumed"), on_timeline=False)
JOURNEY_STOPPED = declare("campaigns.journey_stopped", _("Journey stopped"), on_timeline=False)
JOURNEY_STEP_REACHED = declare("campaigns.journey_step_reached", _("A journey's step was reached"), on_timeline=False)
