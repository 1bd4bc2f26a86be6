"""Registrations of analytics: segment conditions and templates, facts, audiences, scopes, roles."""

from __future__ import annotations

from collections.abc import Collection

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

import analytics.segments.console.home
import analytics.segments.console.listing
import analytics.segments.console.panels
import analytics.segments.console.shell
import analytics.segments.events
import analytics.segments.webhooks  # noqa: F401
from analytics.features.services.scoring import RESCORE
from analytics.segments import conditions, selectors
from analytics.segments.models import Segment
from analytics.segments.registry import SEGMENT_ACTIONS, SegmentAction
from analytics.segments.services import list_uploads, rescoring, tag_uses
from analytics.segments.services import presets as segment_templates
from analytics.segments.services.following import bring_figures_up_to_date
from core.audit.log import OBJECTS, AuditedObject
from core.base.facts import FACTS
from core.jobs.labels import name_work
from core.jobs.services import WORK
from core.security.encrypted_columns import ENCRYPTED, EncryptedColumn
from core.security.roles import EVERYONE, Role, grant
from core.security.scopes import SCOPES
from crm.customers.registry import TAG_USES, TagUse
from crm.imports.services.following import FOLLOWING, FollowingStep
from loyalty.program.registry import AUDIENCES, Audience

name_work({
    "analytics.mark_changed": _("Mark changed customers for the figures"),
    "analytics.mark_changed_in_batch": _("Mark changed customers for the figures, many at once"),
    "analytics.mark_imported": _("Mark imported customers for the figures"),
    "analytics.fill_list": _("Fill a list from a file"),
    "analytics.rescore": _("Compute stages and scores by the new limits"),
    "analytics.scoring_preview": _("Preview new limits of stages and scores"),
})  # fmt: skip
conditions.register()
WORK.register(RESCORE, rescoring.rescore)
TAG_USES.register("segments", TagUse(tag_uses.segments_with, tag_uses.follow_tag))
segment_templates.register_all()
FOLLOWING.register("analytics.figures", FollowingStep(_("Figures, scores and segments"), bring_figures_up_to_date))


def _segments() -> list[dict]:
    return [
        {
            "id": row.pk,
            "name": row.name,
            "size": row.size,
            "computed_at": row.computed_at and row.computed_at.isoformat(),
        }
        for row in Segment.objects.active()
    ]


def _segments_of(customer_id: int) -> frozenset[int]:
    """Return the segments that a customer is in. An archived segment has no members."""
    return frozenset(selectors.inside_of([customer_id]).get(customer_id, ()))


def _segment_choices() -> list[tuple[int, str]]:
    return list(Segment.objects.active().order_by("name").values_list("pk", "name"))


def _members_of(segments: Collection[int], customers: Collection[int]) -> set[tuple[int, int]]:
    inside = selectors.inside_of(customers)
    return {(segment, customer) for customer, held in inside.items() for segment in held if segment in segments}


SEGMENT_ACTIONS.register(
    "customers",
    SegmentAction(
        _("Open as a customer list"), "users", lambda segment: f"{reverse('customers')}?segment={segment.pk}",
        "crm.view_customer",
    ),
)  # fmt: skip
SEGMENT_ACTIONS.register(
    "export",
    SegmentAction(
        _("Export members"), "download", lambda segment: f"{reverse('customers_export')}?segment={segment.pk}",
        "crm.export_customer",
    ),
)  # fmt: skip
AUDIENCES.register("segments", Audience(_segments_of, _segment_choices, _members_of))
FACTS.register("segments", _segments)
SCOPES.register("segments:read", _("Read segments and their customers"))
SCOPES.register("segments:write", _("Create and change segments and fixed lists"))
WORK.register(list_uploads.FILL, list_uploads.fill_list)
ENCRYPTED.register("analytics.listupload", EncryptedColumn("analytics_listupload", "content", list_uploads.CONTENT))
ENCRYPTED.register("analytics.listrefusal", EncryptedColumn("analytics_listrefusal", "value", list_uploads.VALUE))
OBJECTS.register("analytics.segment", AuditedObject(url=lambda row: reverse("segment", args=[row["id"]])))
grant("analytics.view_segment", "analytics.view_customerfeature", to=EVERYONE)
grant("analytics.add_segment", "analytics.change_segment", to=[Role.MARKETER, Role.ANALYST])
