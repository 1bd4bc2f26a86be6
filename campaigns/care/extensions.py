"""Registrations of care rules."""

import campaigns.care.console.listing
import campaigns.care.events
import campaigns.care.handlers  # noqa: F401
from campaigns.care import selectors
from campaigns.care.services import template_fit
from campaigns.messages.registry import CAMPAIGN_COUPONS
from campaigns.templates.registry import TEMPLATE_USERS, TemplateUser
from core.audit.log import BY_NAME, LOGGED, OBJECTS, by_route
from core.security.roles import Role, grant

TEMPLATE_USERS.register(
    "care",
    TemplateUser(
        permission="campaigns.view_carerule",
        check_texts=template_fit.check_texts,
        counts=selectors.template_counts,
        uses=selectors.template_uses,
        check_transactional=template_fit.check_transactional,
    ),
)
CAMPAIGN_COUPONS.register("care", selectors.coupons_of)
grant("campaigns.view_carerule", to=[Role.MARKETER, Role.ANALYST])
grant("campaigns.add_carerule", "campaigns.change_carerule", to=[Role.MARKETER])
OBJECTS.register("campaigns.carerule", by_route("care_rule"))
LOGGED.register("campaigns.care_rule_activated", BY_NAME)
LOGGED.register("campaigns.care_rule_paused", BY_NAME)
