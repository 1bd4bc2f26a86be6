"""Describe rules, campaigns and outcomes in sentences that staff can read out to a customer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from campaigns.channels import CHANNELS
from campaigns.labels import PAUSED, RESTORED, reason_label
from campaigns.models import (
    Broadcast,
    BroadcastState,
    CareRule,
    CareState,
    CareTrigger,
    Journey,
    Message,
    MessageState,
)
from campaigns.rules.gate import GateReason
from core.formatting import day, number, when

EXPLANATIONS: dict[str, str | Promise] = {
    GateReason.CUSTOMER_NOT_ACTIVE: _("The customer was merged into another or erased before the message was due."),
    GateReason.DUPLICATE: _("The customer has already got this message, and each message is sent once."),
    GateReason.HOLDOUT: _("The customer belongs to the holdout, which gets no message, so that the effect can be measured."),
    GateReason.RULE_PAUSED: _("The rule was paused before the message was due."),
    GateReason.STOPPED: _("The campaign was stopped before the message was sent."),
    PAUSED: _("The campaign is paused. Due messages wait until it is resumed."),
    RESTORED: _("The message was due when the shop was restored from a backup, so it may have been sent before."),
    GateReason.LEFT_SEGMENT: _("At the moment of sending the customer no longer matched the rule."),
    "goal_reached": _("The customer reached the journey's goal before the message was due."),
    GateReason.STALE: _("The message was held for longer than the shop's limit."),
    GateReason.NO_ADDRESS: _("The customer has no address on this channel."),
    GateReason.SUPPRESSED: _("The customer's address is blocked on this channel: it bounced, complained, or was blocked by hand."),
    GateReason.NO_CONSENT: _("The customer has not consented to marketing on this channel, or has withdrawn the consent."),
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

STATES: dict[str, str | Promise] = dict(MessageState.choices)
RULE_STATES: dict[str, str | Promise] = dict(CareState.choices)
BROADCAST_STATES: dict[str, str | Promise] = dict(BroadcastState.choices)
BROADCAST_TONES: dict[str, str] = {BroadcastState.DRAFT: "off", BroadcastState.STOPPED: "off"}
# Most messages that are not sent are in order: no consent, held out. Only failures are red.
TONES = {MessageState.SUPPRESSED: "off", MessageState.FAILED: "bad", MessageState.UNCERTAIN: "warn"}


@dataclass(frozen=True)
class MessageBadge:
    """Hold how a message's state is shown; `reason` says why it was not sent, or not yet."""

    label: str
    tone: str
    reason: str


def badge(message: Message) -> MessageBadge:
    reason = reason_label(message.reason) if message.reason else ""
    return MessageBadge(str(STATES[message.state]), tone(message.state), reason)


def tone(state: str) -> str:
    return TONES.get(MessageState(state), "")


def trigger_words(rule: CareRule) -> str:
    """Describe trigger and audience of a rule: "90 days without an order, only in “VIP”, at 10:00"."""
    days = rule.days
    if rule.trigger == CareTrigger.BIRTHDAY:
        text = (
            ngettext("%(days)s day before the birthday", "%(days)s days before the birthday", days)
            if days
            else _t("On the birthday")
        )
    elif rule.trigger == CareTrigger.AFTER_PURCHASE:
        text = (
            ngettext("%(days)s day after a purchase", "%(days)s days after a purchase", days)
            if days
            else _t("Right after a purchase")
        )
    elif rule.trigger == CareTrigger.NO_ORDER:
        text = ngettext("%(days)s day without an order", "%(days)s days without an order", days)
    elif rule.trigger == CareTrigger.POINTS_EXPIRING:
        text = (
            ngettext("%(days)s day before points expire", "%(days)s days before points expire", days)
            if days
            else _t("On the last day of points")
        )
    else:
        text = _t("Enters “%(segment)s”")
    parts = [text % {"days": days, "segment": rule.segment or ""}]
    if rule.segment and rule.trigger != CareTrigger.SEGMENT_ENTERED:
        parts.append(_t("only in “%(segment)s”") % {"segment": rule.segment})
    if rule.send_at:
        parts.append(_t("at %(time)s") % {"time": f"{rule.send_at:%H:%M}"})
    return _t(", ").join(parts)


def schedule_words(broadcast: Broadcast) -> str:
    """Describe the schedule: "at 10:00 on Dec 24, 2026, in each customer's time zone, at most 500 per minute"."""
    if broadcast.send_on and broadcast.send_time:
        figures = {"day": day(broadcast.send_on), "time": f"{broadcast.send_time:%H:%M}"}
        parts = [_t("%(day)s at %(time)s") % figures]
        if broadcast.customer_zone:
            parts.append(_t("in each customer's time zone"))
    elif broadcast.state == BroadcastState.DRAFT:
        parts = [_t("As soon as the broadcast is started")]
    else:
        parts = [when(broadcast.starts_at)]
    if broadcast.per_minute:
        parts.append(_t("at most %(count)s per minute") % {"count": number(broadcast.per_minute)})
    return _t(", ").join(parts)


@dataclass(frozen=True)
class Origin:
    """Hold the campaign of a message by name; `url` is its page and `permission` the right to open it, if it has one."""

    label: str
    url: str = ""
    permission: str = ""


SURVEY = "survey:ticket"
REPLY = "ticket:reply"
BY_CALL = "api"
# Prefix of a message's origin, the model of the campaign, its page and the permission to see it.
CAMPAIGNS: list[tuple[str, Any, str, str]] = [
    ("care:", CareRule, "care_rule", "campaigns.view_carerule"),
    ("broadcast:", Broadcast, "broadcast", "campaigns.view_broadcast"),
    ("journey:", Journey, "journey", "campaigns.view_journey"),
]


def origins(values: Iterable[str]) -> dict[str, Origin]:
    """Return labels for many `Message.origin`, in one query per kind of campaign."""
    distinct = set(values)
    labels = {
        SURVEY: Origin(_t("Satisfaction question")),
        REPLY: Origin(_t("Reply on a ticket")),
        BY_CALL: Origin(_t("Sent by an API call")),
    }
    for prefix, model, route, permission in CAMPAIGNS:
        ids = {
            int(value[len(prefix) :])
            for value in distinct
            if value.startswith(prefix) and value[len(prefix) :].isdigit()
        }
        names = model.objects.filter(pk__in=ids).values_list("pk", "name") if ids else []
        labels |= {f"{prefix}{pk}": Origin(name, reverse(route, args=[pk]), permission) for pk, name in names}
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
