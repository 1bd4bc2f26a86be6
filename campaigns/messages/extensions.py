"""Register campaigns with other apps: channels, facts, scopes, feature columns, roles, a health check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

import campaigns.messages.events
import campaigns.messages.handlers
import campaigns.messages.public.mail_events  # noqa: F401
from analytics.features.registry import FEATURE_SOURCES, REACH, FeatureSource, Reach
from campaigns.channels.registry import CHANNEL_HEALTH, CHANNELS
from campaigns.messages.selectors.channel_health import channel_health
from campaigns.messages.selectors.reach import reach_of
from campaigns.messages.services import mail_health
from campaigns.messages.services.messages import LATE_SECONDS
from core.audit.log import LOGGED, OBJECTS, AuditedObject, Logged
from core.base.facts import FACTS
from core.health import checks as health
from core.security.encrypted_columns import COPIES, IndexCopy
from core.security.roles import EVERYONE, Role, grant
from core.security.scopes import SCOPES
from core.text.formatting import number
from crm.customers.models import Channel

CHANNEL_HEALTH.register("messages", channel_health)
for _channel in CHANNELS:
    REACH.register(_channel.name, Reach(dict(Channel.choices).get(_channel.name, _channel.name), reach_of(_channel)))


def _messages() -> dict[str, Any]:
    """Count messages by state, and those not sent by reason."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT state, reason, count(*) FROM campaigns_message GROUP BY 1, 2 ORDER BY 1, 2")
        rows = cursor.fetchall()
    states: dict[str, int] = {}
    reasons: dict[str, int] = {}
    for state, reason, count in rows:
        states[state] = states.get(state, 0) + count
        if reason:
            reasons[reason] = reasons.get(reason, 0) + count
    return {**states, "reasons": reasons}


def _lag() -> tuple[bool, str]:
    """Check how late the oldest due message is, and how many messages only a person can settle."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(due_at)), 0)::bigint
               FROM campaigns_message WHERE state IN ('queued', 'held') AND due_at <= clock_timestamp()"""
        )
        due, lag = cursor.fetchone()
        cursor.execute("SELECT count(*) FROM campaigns_message WHERE state = 'uncertain'")
        (uncertain,) = cursor.fetchone()
    text = _t("%(due)s due, oldest %(seconds)s s late, %(uncertain)s uncertain")
    return lag < LATE_SECONDS, text % {"due": due, "seconds": lag, "uncertain": uncertain}


def _exported(payload: Mapping[str, Any]) -> str:
    text = _t("%(count)s rows, addresses in full") if payload.get("full") else _t("%(count)s rows, addresses masked")
    return text % {"count": number(payload["rows"])}


FACTS.register("messages", _messages)
SCOPES.register("suppressions:read", _("Read the suppression list"))
SCOPES.register("suppressions:write", _("Add to the suppression list, and lift entries"))
SCOPES.register("messages:read", _("Read the outcome of messages"))
SCOPES.register("inbox:read", _("Read the in-app inbox"))
health.register("messages", _lag)
health.register("mail", mail_health.check)
OBJECTS.register(
    "campaigns.sendingpolicy",
    AuditedObject(label=lambda row: str(_("Sending limits")), url=lambda row: reverse("sending")),
)
LOGGED.register("campaigns.suppression_lifted", Logged())
LOGGED.register("campaigns.suppressions_exported", Logged(_exported))
COPIES.register(
    "campaigns.suppression", IndexCopy("campaigns_suppression", "address_index", of="crm.identity", index="value_index")
)
FEATURE_SOURCES.register(
    "campaigns.engagement",
    FeatureSource(
        ("messages_90", "opened_90"),
        """SELECT customer_id, count(*) AS messages_90, count(opened_at) AS opened_90 FROM campaigns_message
           WHERE state = 'sent' AND sent_at > %(as_of)s - interval '90 days' AND sent_at <= %(as_of)s AND {scope}
           GROUP BY customer_id""",
    ),
)
grant("core.change_sendinghold", to=[Role.MARKETER])
grant("campaigns.view_message", to=EVERYONE)
grant("campaigns.view_domainday", to=[Role.MARKETER, Role.ANALYST])
grant("campaigns.view_sendingpolicy", to=[Role.ANALYST])
grant("campaigns.view_sendingpolicy", "campaigns.change_sendingpolicy", to=[Role.LEAD, Role.MARKETER])
grant("campaigns.change_suppression", to=[Role.MARKETER])
grant(
    "campaigns.view_suppression", "campaigns.add_suppression", "campaigns.change_message", to=[Role.LEAD, Role.MARKETER]
)
