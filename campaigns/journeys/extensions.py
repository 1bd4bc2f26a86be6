"""Registrations of journeys."""

from __future__ import annotations

from django.db import connection
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

import campaigns.journeys.console.listing
import campaigns.journeys.events
import campaigns.journeys.handlers
import campaigns.journeys.webhooks  # noqa: F401
from analytics.segments.registry import SEGMENT_ACTIONS, SegmentAction
from campaigns.journeys.kinds import ArmsKind, EventKind, EventWhereKind, RuleKind
from campaigns.journeys.registry import STEPS
from campaigns.journeys.services import held, tag_uses, template_fit
from campaigns.journeys.steps import branches, experiments, gifts, messages, waits
from campaigns.messages.services.messages import LATE_SECONDS
from campaigns.templates.registry import TEMPLATE_USERS, TemplateUser
from core.audit.log import BY_NAME, LOGGED, OBJECTS, by_route
from core.base.facts import FACTS, count_of
from core.fields import FIELD_KINDS
from core.health import checks as health
from core.security.roles import EVERYONE, Role, grant
from core.security.scopes import SCOPES
from crm.customers.registry import TAG_USES, TagUse

FIELD_KINDS.register("event", EventKind())
FIELD_KINDS.register("event_where", EventWhereKind())
FIELD_KINDS.register("rule", RuleKind())
FIELD_KINDS.register("arms", ArmsKind())
STEPS.register("message", messages.SendMessage())
STEPS.register("wait", waits.WaitTime())
STEPS.register("wait_until", waits.WaitUntil())
STEPS.register("wait_event", waits.WaitEvent())
STEPS.register("branch", branches.Branch())
STEPS.register("split", branches.Split())
STEPS.register("experiment", experiments.ExperimentSplit())
STEPS.register("points", gifts.GivePoints())
STEPS.register("coupon", gifts.GiveCoupon())
STEPS.register("tag", gifts.SetTag())
STEPS.register("ticket", messages.OpenTicket())
STEPS.register("webhook", messages.CallWebhook())
STEPS.register("goal", branches.GoalStep())
STEPS.register("exit", branches.Exit())


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
    text = _t("%(due)s due, oldest %(seconds)s s late, %(failed)s given up")
    return lag < LATE_SECONDS, text % {"due": due, "seconds": lag, "failed": failed}


SCOPES.register("journeys:write", _("Enter customers into journeys"))
FACTS.register("journeys", count_of("SELECT count(*) FROM campaigns_journey WHERE state <> 'draft'"))
FACTS.register("journey_runs", count_of("SELECT count(*) FROM campaigns_journeyrun"))
health.register("journeys", _journeys_lag)
OBJECTS.register("campaigns.journey", by_route("journey"))
for _act in ("published", "paused", "resumed", "stopped"):
    LOGGED.register(f"campaigns.journey_{_act}", BY_NAME)
grant("campaigns.view_journey", "campaigns.view_journeyrun", to=[Role.LEAD, Role.MARKETER, Role.ANALYST])
grant("campaigns.view_journeyrun", to=EVERYONE)
grant("campaigns.add_journey", "campaigns.change_journey", to=[Role.MARKETER])

TEMPLATE_USERS.register(
    "journeys", TemplateUser(permission="campaigns.view_journey", check_texts=template_fit.check_texts)
)
TAG_USES.register("journeys", TagUse(tag_uses.journeys_with))
held.register_all()
SEGMENT_ACTIONS.register(
    "journey",
    SegmentAction(
        _("Start a journey"), "route", lambda segment: f"{reverse('journey_new')}?segment={segment.pk}",
        "campaigns.add_journey",
    ),
)  # fmt: skip
