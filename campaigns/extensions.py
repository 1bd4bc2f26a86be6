"""Register campaigns with other apps: channels, facts, scopes, feature columns, roles, a health check."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from analytics.reach import REACH, Reach
from analytics.sources import FEATURE_SOURCES, FeatureSource
from campaigns import events, mail_events, mail_health, panels, webhooks  # noqa: F401
from campaigns.benefits import CouponBenefit
from campaigns.channels.base import CHANNELS
from campaigns.channels.email import Email
from campaigns.channels.http import HttpChannel
from campaigns.channels.inbox import Inbox
from campaigns.channels.providers import PROVIDERS
from campaigns.channels.providers.aliyun import Aliyun
from campaigns.channels.providers.gateway import Gateway
from campaigns.channels.providers.webhook import OwnSystem
from campaigns.channels.providers.wechat import OfficialAccount, WeCom
from campaigns.console import shell  # noqa: F401
from campaigns.journey_steps import deciding, experimenting, giving, telling, waiting
from campaigns.journey_steps.base import STEPS
from campaigns.reach import reach_of
from campaigns.recommending import RECOMMENDERS
from campaigns.reply_states import states_of
from campaigns.rewards import CouponReward
from campaigns.services import coupon_codes, coupon_imports, held
from campaigns.services.best_sellers import BestSellers
from core import health
from core.audit_log import LOGGED, OBJECTS, AuditedObject, Logged
from core.facts import FACTS
from core.roles import Role, grant
from core.rotation import COPIES, IndexCopy
from core.scopes import SCOPES
from core.services.jobs import WORK
from crm.deliveries import DELIVERIES
from crm.import_kinds import ImportType, register_import
from crm.models import Channel
from loyalty.benefits import BENEFITS, Occasion
from loyalty.fulfilment import FULFILMENTS

LATE_SECONDS = 300

CHANNELS.register("email", Email())
CHANNELS.register("inbox", Inbox())
CHANNELS.register("sms", HttpChannel("sms", address_kind="phone"))
CHANNELS.register("wechat", HttpChannel("wechat", address_kind="wechat_openid", needs_subject=True))
CHANNELS.register("wecom", HttpChannel("wecom", address_kind="wecom_external"))
CHANNELS.register("webhook", HttpChannel("webhook", address_kind=None))
for _provider in (Gateway(), Aliyun(), OfficialAccount(), WeCom(), OwnSystem()):
    PROVIDERS.register(_provider.name, _provider)
for _channel in CHANNELS:
    REACH.register(_channel.name, Reach(dict(Channel.choices).get(_channel.name, _channel.name), reach_of(_channel)))
DELIVERIES.register("messages", states_of)
RECOMMENDERS.register("best_sellers", BestSellers())
FULFILMENTS.register("coupon", CouponReward())
for _occasion in (Occasion.ENTRY, Occasion.MONTHLY, Occasion.BIRTHDAY):
    BENEFITS.register(
        f"coupon_on_{_occasion}" if _occasion is Occasion.ENTRY else f"coupon_{_occasion}", CouponBenefit(_occasion)
    )

STEPS.register("message", telling.SendMessage())
STEPS.register("wait", waiting.WaitTime())
STEPS.register("wait_until", waiting.WaitUntil())
STEPS.register("wait_event", waiting.WaitEvent())
STEPS.register("branch", deciding.Branch())
STEPS.register("split", deciding.Split())
STEPS.register("experiment", experimenting.ExperimentSplit())
STEPS.register("points", giving.GivePoints())
STEPS.register("coupon", giving.GiveCoupon())
STEPS.register("tag", giving.SetTag())
STEPS.register("ticket", telling.OpenTicket())
STEPS.register("webhook", telling.CallWebhook())
STEPS.register("goal", deciding.GoalStep())
STEPS.register("exit", deciding.Exit())


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


def _coupons() -> dict[str, int]:
    """Count over all coupons; `discount` is in minor units of the shop's currency."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*), coalesce(sum(issued_count), 0)::bigint, coalesce(sum(reserved_count), 0)::bigint,
                      coalesce(sum(redeemed_count), 0)::bigint, coalesce(sum(redeemed_amount), 0)::bigint
               FROM campaigns_coupon"""
        )
        return dict(zip(("campaigns", "issued", "reserved", "redeemed", "discount"), cursor.fetchone(), strict=True))


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
    return lag < LATE_SECONDS, f"{due} due, oldest {lag} s late, {uncertain} uncertain"


def _journeys_lag() -> tuple[bool, str]:
    """Check how late the oldest due run of a running journey is, and how many runs have failed."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(r.due_at)), 0)::bigint
               FROM campaigns_journey j JOIN campaigns_journeyrun r ON r.journey_id = j.id
               WHERE j.state = 'running' AND r.state = 'active' AND r.due_at <= clock_timestamp()"""
        )
        due, lag = cursor.fetchone()
        cursor.execute(
            """SELECT coalesce(sum(count), 0) FROM campaigns_journeystepcount
               WHERE step = 'end' AND outcome = 'failed'"""
        )
        (failed,) = cursor.fetchone()
    return lag < LATE_SECONDS, f"{due} due, oldest {lag} s late, {failed} given up"


FACTS.register("messages", _messages)
FACTS.register("coupons", _coupons)
SCOPES.register("coupons:read", _("Read coupons and check codes"))
SCOPES.register("coupons:write", _("Reserve, use and give coupons"))
SCOPES.register("broadcasts:read", _("Read broadcasts and their audience"))
SCOPES.register("broadcasts:write", _("Draft and change broadcasts"))
SCOPES.register("broadcasts:send", _("Schedule, pause, resume and stop broadcasts"))
SCOPES.register("journeys:write", _("Enter customers into journeys"))
SCOPES.register("messages:send", _("Send transactional messages to customers"))
SCOPES.register("messages:read", _("Read the outcome of messages"))
SCOPES.register("inbox:read", _("Read the in-app inbox"))
held.register_all()
health.register("messages", _lag)
health.register("mail", mail_health.check)
health.register("journeys", _journeys_lag)
for _kind in (
    "campaigns.coupon_codes_exported",
    "campaigns.care_rule_activated",
    "campaigns.care_rule_paused",
    "campaigns.experiment_started",
    "campaigns.experiment_ended",
    *(f"campaigns.broadcast_{_what}" for _what in ("scheduled", "paused", "resumed", "stopped")),
    *(f"campaigns.journey_{_what}" for _what in ("published", "paused", "resumed", "stopped")),
):
    LOGGED.register(_kind, Logged(lambda payload: str(payload["name"])))
for _kind, _route in (
    ("carerule", "care_rule"),
    ("coupon", "coupon"),
    ("template", "template"),
    ("experiment", "experiment"),
    ("broadcast", "broadcast"),
    ("journey", "journey"),
):
    OBJECTS.register(
        f"campaigns.{_kind}", AuditedObject(url=lambda row, route=_route: reverse(route, args=[row["id"]]))
    )
OBJECTS.register(
    "campaigns.sendingpolicy",
    AuditedObject(label=lambda row: str(_("Sending limits")), url=lambda row: reverse("sending")),
)
COPIES.register(
    "campaigns.suppression", IndexCopy("campaigns_suppression", "address_index", of="crm.identity", index="value_index")
)
WORK.register(coupon_codes.ISSUE, coupon_codes.issue_to_segment)
WORK.register(coupon_codes.GENERATE, coupon_codes.generate_codes)
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
grant("campaigns.view_channelaccount", "campaigns.change_channelaccount", to=[])

EVERYONE = [Role.AGENT, Role.LEAD, Role.MARKETER, Role.ANALYST]
grant(
    "campaigns.view_coupon",
    "campaigns.view_couponcode",
    "campaigns.view_couponuse",
    "campaigns.view_message",
    to=EVERYONE,
)
grant("campaigns.issue_coupon", to=[Role.AGENT, Role.LEAD, Role.MARKETER])
grant(
    "campaigns.view_broadcast",
    "campaigns.view_carerule",
    "campaigns.view_template",
    "campaigns.view_sendingpolicy",
    "campaigns.view_experiment",
    to=[Role.MARKETER, Role.ANALYST],
)
grant("campaigns.view_journey", "campaigns.view_journeyrun", to=[Role.LEAD, Role.MARKETER, Role.ANALYST])
grant("campaigns.view_journeyrun", to=EVERYONE)
grant("campaigns.add_journey", "campaigns.change_journey", to=[Role.MARKETER])
grant("campaigns.view_sendingpolicy", "campaigns.change_sendingpolicy", to=[Role.LEAD, Role.MARKETER])
grant(
    "campaigns.view_suppression", "campaigns.add_suppression", "campaigns.change_message", to=[Role.LEAD, Role.MARKETER]
)
grant(
    "campaigns.add_coupon", "campaigns.change_coupon", "campaigns.add_carerule", "campaigns.change_carerule",
    "campaigns.add_broadcast", "campaigns.change_broadcast",
    "campaigns.add_template", "campaigns.change_template", "campaigns.view_templatetext",
    "campaigns.change_suppression", "campaigns.add_experiment", "campaigns.change_experiment",
    to=[Role.MARKETER],
)  # fmt: skip

register_import(
    "coupons",
    ImportType(
        _("Coupons and their uses"),
        coupon_imports.CouponImport,
        coupon_imports.FIELDS,
        coupon_imports.LABELS,
        permission="campaigns.add_coupon",
        grown="campaigns_couponcode, campaigns_couponuse",
    ),
)
