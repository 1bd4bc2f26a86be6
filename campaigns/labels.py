"""Define the labels of reasons, channels and states."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from campaigns.rules.gate import GateReason
from crm.models import Channel

# Not a reason of the gate: a paused broadcast keeps its due messages until it is resumed.
PAUSED = "paused"
# Due when the database was restored from a backup, so it may have been sent after that backup.
RESTORED = "restored"

REASONS: dict[str, str | Promise] = {
    GateReason.CUSTOMER_NOT_ACTIVE: _("The customer was merged or erased"),
    GateReason.DUPLICATE: _("Already sent"),
    GateReason.HOLDOUT: _("Held out to measure the effect"),
    GateReason.RULE_PAUSED: _("The rule was paused"),
    GateReason.STOPPED: _("The campaign was stopped"),
    PAUSED: _("Paused"),
    RESTORED: _("Due at the time of a restore"),
    GateReason.LEFT_SEGMENT: _("No longer matches the rule"),
    "goal_reached": _("The goal was reached before"),
    GateReason.STALE: _("Waited too long"),
    GateReason.NO_ADDRESS: _("No address on this channel"),
    GateReason.SUPPRESSED: _("The address must not be used"),
    GateReason.NO_CONSENT: _("No consent"),
    GateReason.QUIET_HOURS: _("Quiet hours"),
    GateReason.CAP_DAY: _("The day's limit is reached"),
    GateReason.CAP_WEEK: _("The week's limit is reached"),
    GateReason.CAP_PURPOSE_DAY: _("The day's limit of this kind is reached"),
    GateReason.CAP_PURPOSE_WEEK: _("The week's limit of this kind is reached"),
    "template_error": _("The template failed"),
    "refused": _("The provider refused it"),
    "undelivered": _("Not delivered"),
    "gave_up": _("Failed too often"),
    "bounce": _("Bounced"),
    "complaint": _("Complained"),
    "unsubscribe": _("Unsubscribed"),
    "manual": _("By hand"),
}

REFUSALS: dict[str, str | Promise] = {
    "unknown_code": _("This code does not exist."),
    "not_started": _("This coupon is not valid yet."),
    "expired": _("This coupon is no longer valid."),
    "wrong_customer": _("This code belongs to another customer."),
    "condition_failed": _("The cart does not meet the coupon's conditions."),
    "not_stackable": _("This order already has a coupon."),
    "code_limit": _("This code has been used."),
    "customer_limit": _("You have reached the use limit of this coupon."),
    "campaign_limit": _("This coupon has run out."),
    "budget_spent": _("This coupon has run out."),
}


def reason_label(reason: str) -> str:
    return str(REASONS.get(reason, reason))


def channel_label(channel: str) -> str:
    return str(dict(Channel.choices).get(channel, channel))
