"""Define the labels of reasons, channels and states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from campaigns.messages.models import Message, MessageState
from campaigns.messages.rules import GateReason
from core.console.rows import CountedLink

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


def reason_label(reason: str) -> str:
    return str(REASONS.get(reason, reason))


STATES: dict[str, str | Promise] = dict(MessageState.choices)
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


def outcome_rows(states: Mapping[str, int], reasons: Mapping[str, int], listed: str) -> dict[str, list[CountedLink]]:
    """Return the `states` and the `reasons`, most first, of a campaign's messages; `listed` is its list of messages."""
    by_count = sorted(reasons.items(), key=lambda item: -item[1])
    return {
        "states": [
            CountedLink(STATES[state], states[state], f"{listed}&state={state}", tone(state))
            for state in MessageState.values
            if states.get(state)
        ],
        "reasons": [CountedLink(reason_label(reason), n, f"{listed}&reason={reason}") for reason, n in by_count],
    }


def tone(state: str) -> str:
    return TONES.get(MessageState(state), "")


# Why a message that may still go has not gone yet. Reasons of the gate have their own labels above.
WAITS: dict[str, str | Promise] = {
    "handing_over": _("Being handed over"),
    "due": _("Next in line"),
    "pace": _("Limit per minute"),
    "zone": _("Until the hour in the customer's time zone"),
    "retry": _("The provider did not accept it and is asked again"),
    "all_held": _("Sending is held for the whole shop"),
    PAUSED: _("Paused"),
}


def wait_label(reason: str) -> str:
    return str(WAITS.get(reason) or reason_label(reason))
