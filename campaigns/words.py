"""Rules, campaigns and outcomes in sentences that a colleague can read out to a customer."""

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
from campaigns.rules.gate import Reason
from core.formatting import day, number, when

EXPLANATIONS: dict[str, str | Promise] = {
    Reason.CUSTOMER_NOT_ACTIVE: _("The customer was merged into another or erased before it was due."),
    Reason.DUPLICATE: _("The customer has had this message already, and each is sent once."),
    Reason.HOLDOUT: _("The customer belongs to the share that gets nothing, so that the effect can be measured."),
    Reason.RULE_PAUSED: _("The rule was paused before the message was due."),
    Reason.STOPPED: _("The campaign was stopped before the message was sent."),
    PAUSED: _("The campaign is paused; what is due waits until it goes on."),
    RESTORED: _("It was due when the shop was restored from a backup, so it may have been sent before."),
    Reason.LEFT_SEGMENT: _("At the moment of sending the customer no longer matched the rule."),
    "goal_reached": _("The customer had reached the journey's goal before it was due."),
    Reason.STALE: _("It was held for longer than the shop's limit, and would have come too late."),
    Reason.NO_ADDRESS: _("The customer has no address on this channel."),
    Reason.SUPPRESSED: _("The customer's address is blocked on this channel: it bounced, complained, or was blocked by hand."),
    Reason.NO_CONSENT: _("The customer has not agreed to marketing on this channel, or has withdrawn it."),
    Reason.QUIET_HOURS: _("It is quiet hours where the customer is."),
    Reason.CAP_DAY: _("The customer had as many messages that day as the shop allows."),
    Reason.CAP_WEEK: _("The customer had as many messages that week as the shop allows."),
    Reason.CAP_PURPOSE_DAY: _("The customer had as many messages of this kind that day as the shop allows."),
    Reason.CAP_PURPOSE_WEEK: _("The customer had as many messages of this kind that week as the shop allows."),
    "template_error": _("The template could not be filled in for this customer; the error below says where."),
    "refused": _("The provider did not take this message; its answer is below."),
    "undelivered": _("The provider took it and could not deliver it; what it said is below."),
    "gave_up": _("The provider did not take it, however often it was tried."),
    "bounce": _("The address takes no mail. It is blocked from now on."),
}  # fmt: skip

STATES: dict[str, str | Promise] = dict(MessageState.choices)
RULE_STATES: dict[str, str | Promise] = dict(CareState.choices)
BROADCAST_STATES: dict[str, str | Promise] = dict(BroadcastState.choices)
BROADCAST_TONES: dict[str, str] = {BroadcastState.DRAFT: "off", BroadcastState.STOPPED: "off"}
# Not being sent is mostly how it should be: no consent, held out. Only what went wrong is red.
TONES = {MessageState.SUPPRESSED: "off", MessageState.FAILED: "bad", MessageState.UNCERTAIN: "warn"}


@dataclass(frozen=True)
class Badge:
    """How a message's state is shown; `reason` says why it was not sent, or not yet."""

    label: str
    tone: str
    reason: str


def badge(message: Message) -> Badge:
    reason = reason_label(message.reason) if message.reason else ""
    return Badge(str(STATES[message.state]), tone(message.state), reason)


def tone(state: str) -> str:
    return TONES.get(MessageState(state), "")


def trigger_words(rule: CareRule) -> str:
    """When it acts and for whom: "90 days without an order, only in “VIP”, at 10:00"."""
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
    """When it goes out: "at 10:00 on Dec 24, 2026, in each customer's time zone, at most 500 a minute"."""
    if broadcast.send_on and broadcast.send_time:
        figures = {"day": day(broadcast.send_on), "time": f"{broadcast.send_time:%H:%M}"}
        parts = [_t("%(day)s at %(time)s") % figures]
        if broadcast.customer_zone:
            parts.append(_t("in each customer's time zone"))
    elif broadcast.state == BroadcastState.DRAFT:
        parts = [_t("As soon as it is started")]
    else:
        parts = [when(broadcast.starts_at)]
    if broadcast.per_minute:
        parts.append(_t("at most %(count)s a minute") % {"count": number(broadcast.per_minute)})
    return _t(", ").join(parts)


@dataclass(frozen=True)
class Origin:
    """What a message belongs to, by name; `url` is its page and `permission` who may open it, where it has one."""

    label: str
    url: str = ""
    permission: str = ""


SURVEY = "survey:ticket"
REPLY = "ticket:reply"
BY_CALL = "api"
# How the origin of a message begins, what it is one of, and where that is shown.
CAMPAIGNS: list[tuple[str, Any, str, str]] = [
    ("care:", CareRule, "care_rule", "campaigns.view_carerule"),
    ("broadcast:", Broadcast, "broadcast", "campaigns.view_broadcast"),
    ("journey:", Journey, "journey", "campaigns.view_journey"),
]


def origins(values: Iterable[str]) -> dict[str, Origin]:
    """Labels for many `Message.origin`, in one query per kind of campaign."""
    wanted = set(values)
    known = {
        SURVEY: Origin(_t("Satisfaction question")),
        REPLY: Origin(_t("Reply on a ticket")),
        BY_CALL: Origin(_t("Sent by a call of the API")),
    }
    for prefix, model, route, permission in CAMPAIGNS:
        ids = {
            int(value[len(prefix) :]) for value in wanted if value.startswith(prefix) and value[len(prefix) :].isdigit()
        }
        names = model.objects.filter(pk__in=ids).values_list("pk", "name") if ids else []
        known |= {f"{prefix}{pk}": Origin(name, reverse(route, args=[pk]), permission) for pk, name in names}
    return {value: known.get(value, Origin(value)) for value in wanted}


def outcome(message: Message) -> str:
    """How one message ended, and why, in a sentence or two."""
    local = CHANNELS[message.channel].local if message.channel in CHANNELS else False
    if message.state == MessageState.SENT:
        if local:
            return _t("It is in the customer's inbox in the app.")
        return _t("It was handed over to the provider, who took it.")
    if message.state == MessageState.QUEUED:
        if message.attempts:
            return _t("The provider did not take it yet; it is tried again at %(time)s.") % {
                "time": when(message.due_at)
            }
        return _t("It waits for its time: %(time)s. The gate decides then.") % {"time": when(message.due_at)}
    if message.state == MessageState.HELD:
        reason = explained(message.reason)
        return _t("%(reason)s It is looked at again at %(time)s.") % {"reason": reason, "time": when(message.due_at)}
    if message.state == MessageState.SENDING:
        return _t("It is being handed over now.")
    if message.state == MessageState.UNCERTAIN and message.reason == RESTORED:
        return explained(message.reason)
    if message.state == MessageState.UNCERTAIN:
        return _t(
            "The connection broke while it was being handed over, so it may have arrived or not. Look for its id in the "
            "provider's records before you send it again."
        )
    return explained(message.reason)


def explained(reason: str) -> str:
    return str(EXPLANATIONS.get(reason) or reason_label(reason))
