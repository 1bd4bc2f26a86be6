"""Texts of the reports on campaigns that several modules show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.broadcasts.models import Broadcast
from campaigns.care.models import CareRule
from campaigns.channels.registry import CHANNELS
from campaigns.coupons.models import Coupon
from campaigns.journeys.models import Journey
from campaigns.messages.labels import PAUSED, RESTORED, reason_label
from campaigns.messages.models import Message, MessageState
from campaigns.messages.rules import GateReason
from campaigns.transactional.rules import API_ORIGIN, REPLY_ORIGIN, SURVEY_ORIGIN
from core.text.formatting import when

EXPLANATIONS: dict[str, str | Promise] = {
    GateReason.CUSTOMER_NOT_ACTIVE: _("The customer was merged into another or erased before the message was due."),
    GateReason.DUPLICATE: _("The customer has already got this message, and each message is sent once."),
    GateReason.HOLDOUT:
        _("The customer belongs to the holdout, which gets no message, so that the effect can be measured."),
    GateReason.RULE_PAUSED: _("The rule was paused before the message was due."),
    GateReason.STOPPED: _("The campaign was stopped before the message was sent."),
    PAUSED: _("The campaign is paused. Due messages wait until it is resumed."),
    RESTORED: _("The message was due when the shop was restored from a backup, so it may have been sent before."),
    GateReason.LEFT_SEGMENT: _("At the moment of sending the customer no longer matched the rule."),
    "goal_reached": _("The customer reached the journey's goal before the message was due."),
    GateReason.STALE: _("The message was held for longer than the shop's limit."),
    GateReason.NO_ADDRESS: _("The customer has no address on this channel."),
    GateReason.SUPPRESSED:
        _("The customer's address is blocked on this channel: it bounced, complained, or was blocked by hand."),
    GateReason.NO_CONSENT:
        _("The customer has not consented to marketing on this channel, or has withdrawn the consent."),
    GateReason.QUIET_HOURS: _("It is quiet hours in the customer's time zone."),
    GateReason.CAP_DAY: _("The customer reached the shop's message limit for that day."),
    GateReason.CAP_WEEK: _("The customer reached the shop's message limit for that week."),
    GateReason.CAP_PURPOSE_DAY: _("The customer reached the shop's limit for messages of this kind for that day."),
    GateReason.CAP_PURPOSE_WEEK: _("The customer reached the shop's limit for messages of this kind for that week."),
    "template_error": _("The template could not be rendered for this customer. The error below has the details."),
    "refused": _("The provider did not accept this message. Its answer is below."),
    "undelivered": _("The provider accepted the message and could not deliver it. Its report is below."),
    "gave_up": _("The provider did not accept the message after several attempts."),
    "bounce": _("The address accepts no mail. It is blocked from now on."),
}  # fmt: skip


@dataclass(frozen=True)
class Origin:
    """Hold the campaign of a message by name; `url` is its page, if it has one, `permission` the right to open it."""

    label: str
    url: str = ""
    permission: str = ""


@dataclass(frozen=True)
class CampaignKind:
    """Describe a kind of campaign: `prefix` begins its origins, `permission` opens its page at `route`."""

    prefix: str
    label: str | Promise
    model: Any
    route: str
    permission: str


KINDS: dict[str, CampaignKind] = {
    kind.prefix: kind
    for kind in (
        CampaignKind("broadcast", _("Broadcast"), Broadcast, "broadcast", "campaigns.view_broadcast"),
        CampaignKind("journey", _("Journey"), Journey, "journey", "campaigns.view_journey"),
        CampaignKind("care", _("Care rule"), CareRule, "care_rule", "campaigns.view_carerule"),
        CampaignKind("coupon", _("Coupon"), Coupon, "coupon", "campaigns.view_coupon"),
    )
}
# Origins of messages that belong to no campaign.
TRANSACTIONAL: dict[str, str | Promise] = {
    SURVEY_ORIGIN: _("Satisfaction question"),
    REPLY_ORIGIN: _("Reply on a ticket"),
    API_ORIGIN: _("Sent by an API call"),
}


# The kinds whose messages name them in their origin, in the order of the choices of a form.
SENDING_KINDS = (KINDS["care"], KINDS["broadcast"], KINDS["journey"])


def newest(kind: CampaignKind, limit: int) -> list[tuple[str, str]]:
    """Return (origin, name) of the newest campaigns of a kind."""
    rows = kind.model.objects.order_by("-created_at", "-pk").values_list("pk", "name")[:limit]
    return [(f"{kind.prefix}:{pk}", name) for pk, name in rows]


def ids_of(prefix: str, origins: Iterable[str]) -> set[int]:
    """Return the ids of the campaigns of one kind among these origins; a number that no id has is left out."""
    numbers = (origin.removeprefix(f"{prefix}:") for origin in origins if origin.startswith(f"{prefix}:"))
    return {int(number) for number in numbers if number.isascii() and number.isdigit() and len(number) < 16}


def origins(values: Iterable[str]) -> dict[str, Origin]:
    """Return labels for many `Message.origin`, in one query per kind of campaign."""
    distinct = set(values)
    labels = {origin: Origin(str(label)) for origin, label in TRANSACTIONAL.items()}
    for kind in SENDING_KINDS:
        ids = ids_of(kind.prefix, distinct)
        names = kind.model.objects.filter(pk__in=ids).values_list("pk", "name") if ids else []
        labels |= {
            f"{kind.prefix}:{pk}": Origin(name, reverse(kind.route, args=[pk]), kind.permission) for pk, name in names
        }
    return {value: labels.get(value, Origin(value)) for value in distinct}


def outcome(message: Message) -> str:
    """Describe how one message ended, and why, in a sentence or two."""
    local = CHANNELS[message.channel].local if message.channel in CHANNELS else False
    if message.state == MessageState.SENT:
        if local:
            return _t("It is in the customer's inbox in the app.")
        return _t("The message was handed over to the provider, which accepted it.")
    if message.state == MessageState.QUEUED:
        if message.attempts:
            return _t("The provider has not accepted the message yet. It is tried again at %(time)s.") % {
                "time": when(message.due_at)
            }
        return _t("The message is due at %(time)s. The gate decides then.") % {"time": when(message.due_at)}
    if message.state == MessageState.HELD:
        reason = explained(message.reason)
        return _t("%(reason)s The message is checked again at %(time)s.") % {
            "reason": reason,
            "time": when(message.due_at),
        }
    if message.state == MessageState.SENDING:
        return _t("The message is being handed over now.")
    if message.state == MessageState.UNCERTAIN and message.reason == RESTORED:
        return explained(message.reason)
    if message.state == MessageState.UNCERTAIN:
        return _t(
            "The connection broke during the hand-over, so the message may or may not have arrived. Look for "
            "its ID in the provider's records before you send it again."
        )
    return explained(message.reason)


def explained(reason: str) -> str:
    return str(EXPLANATIONS.get(reason) or reason_label(reason))
