"""Reads of broadcasts."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Count
from django.urls import reverse

from campaigns.broadcasts.labels import BROADCAST_STATES, BROADCAST_TONES
from campaigns.broadcasts.models import Broadcast
from campaigns.templates.models import Template
from campaigns.templates.registry import TemplateUse

USES_SHOWN = 10


def template_counts(templates: Collection[int]) -> dict[int, int]:
    """By template id: how many broadcasts send it."""
    rows = Broadcast.objects.filter(template__in=templates).values_list("template_id").annotate(Count("pk"))
    return dict(rows.order_by())


def template_uses(template: Template) -> list[TemplateUse]:
    """Return the newest broadcasts that send this template."""
    return [
        TemplateUse(
            row.name,
            reverse("broadcast", args=[row.pk]),
            row.state,
            BROADCAST_STATES[row.state],
            BROADCAST_TONES.get(row.state, ""),
        )
        for row in template.broadcasts.order_by("-created_at")[:USES_SHOWN]
    ]
