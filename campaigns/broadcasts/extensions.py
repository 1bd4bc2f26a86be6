"""Registrations of broadcasts."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

import campaigns.broadcasts.console.listing
import campaigns.broadcasts.events  # noqa: F401
from analytics.segments.registry import SEGMENT_ACTIONS, SegmentAction
from campaigns.broadcasts import selectors
from campaigns.broadcasts.services import template_fit
from campaigns.templates.registry import TEMPLATE_USERS, TemplateUser
from core.audit.log import BY_NAME, LOGGED, OBJECTS, by_route
from core.base.facts import FACTS, count_of
from core.security.roles import Role, grant
from core.security.scopes import SCOPES

SCOPES.register("broadcasts:read", _("Read broadcasts and their audience"))
SCOPES.register("broadcasts:write", _("Draft and change broadcasts"))
SCOPES.register("broadcasts:send", _("Schedule, pause, resume and stop broadcasts"))
FACTS.register("broadcasts", count_of("SELECT count(*) FROM campaigns_broadcast WHERE prepared_at IS NOT NULL"))
grant("campaigns.view_broadcast", to=[Role.MARKETER, Role.ANALYST])
grant("campaigns.add_broadcast", "campaigns.change_broadcast", to=[Role.MARKETER])
OBJECTS.register("campaigns.broadcast", by_route("broadcast"))
for _act in ("scheduled", "paused", "resumed", "stopped"):
    LOGGED.register(f"campaigns.broadcast_{_act}", BY_NAME)

SEGMENT_ACTIONS.register(
    "broadcast",
    SegmentAction(
        _("Start a broadcast"), "speakerphone", lambda segment: f"{reverse('broadcast_new')}?segment={segment.pk}",
        "campaigns.add_broadcast",
    ),
)  # fmt: skip
TEMPLATE_USERS.register(
    "broadcasts",
    TemplateUser(
        permission="campaigns.view_broadcast",
        # New texts need no check: a draft is checked when it is scheduled, and a scheduled one keeps its texts.
        counts=selectors.template_counts,
        uses=selectors.template_uses,
        check_transactional=template_fit.check_transactional,
    ),
)
