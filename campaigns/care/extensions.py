"""Registrations of care rules."""

import campaigns.care.events
import campaigns.care.handlers  # noqa: F401
from campaigns.care import selectors
from campaigns.care.services import template_fit
from campaigns.messages.registry import CAMPAIGN_COUPONS
from campaigns.templates.registry import TEMPLATE_USERS, TemplateUser

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
