"""Activity endpoint, the hot path: one msgspec pass and one statement for a batch, no serializer per event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.structs import StructParser
from core.api.views import ApiView
from core.base.errors import Invalid
from crm.activity.api import serializers as shapes
from crm.activity.services.activity import ActivityInput, record_activity
from crm.customers.api.lookup import shop_country
from crm.customers.models import IdentityKind
from crm.customers.rules.identities import SOFT_KINDS, normalise
from crm.customers.services.identities import REASONS

Text = Annotated[str, msgspec.Meta(max_length=80, pattern=r"^[^\x00]*$")]
Kind = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
LIMIT = 1000


class Identity(msgspec.Struct, forbid_unknown_fields=True):
    kind: str
    value: Annotated[str, msgspec.Meta(max_length=200)]
    verified: bool | None = None


class ActivityItem(msgspec.Struct, forbid_unknown_fields=True):
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=80, pattern=r"^[^\x00]*$")]
    kind: Kind
    occurred_at: Annotated[datetime, msgspec.Meta(tz=True)]
    customer: Annotated[str, msgspec.Meta(max_length=20, pattern=r"^[^\x00]*$")] = ""
    identity: Identity | None = None
    anonymous_id: Text = ""
    sku: Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[^\x00]*$")] = ""
    properties: dict | None = None


class ActivityBatch(msgspec.Struct, forbid_unknown_fields=True):
    events: Annotated[list[ActivityItem], msgspec.Meta(min_length=1, max_length=LIMIT)]


class ActivityBatchParser(StructParser):
    struct = ActivityBatch
    shape = shapes.ActivityBatchIn
    root = "events"


class ActivityView(ApiView):
    scopes = {"post": "activity:write"}
    bodies = {"post": "batch"}
    parser_classes = [ActivityBatchParser]

    @extend_schema(request=shapes.ActivityBatchIn, responses={202: shapes.ActivityBatchOut})
    def post(self, request: Request) -> Response:
        """Record up to 1,000 events, all or none. Sending them again is harmless."""
        batch = request.data
        if not isinstance(batch, ActivityBatch):
            raise Invalid(_("Send the events in a JSON body."), code="required", field="events")
        country = shop_country() if any(item.identity for item in batch.events) else ""
        latest = datetime.now(UTC) + timedelta(minutes=10)
        items = [_checked(index, item, country, latest) for index, item in enumerate(batch.events)]
        recorded = record_activity(items=items, source=self.source_of(request), actor=self.actor_of(request))
        return Response({"accepted": recorded.accepted, "repeated": recorded.repeated}, status=202)


def _checked(index: int, item: ActivityItem, country: str, latest: datetime) -> ActivityInput:
    if item.occurred_at > latest or item.occurred_at.year < 1990:
        raise Invalid(_("This time is out of range."), code="out_of_range", field=f"events.{index}.occurred_at")
    identity = None
    if item.identity:
        if item.identity.kind not in IdentityKind.values or item.identity.kind in SOFT_KINDS:
            raise Invalid(_("Unknown kind of identity."), code="unknown_kind", field=f"events.{index}.identity.kind")
        try:
            identity = (item.identity.kind, normalise(item.identity.kind, item.identity.value, country))
        except ValueError as error:
            raise Invalid(REASONS[str(error)], code=str(error), field=f"events.{index}.identity.value") from None
    return ActivityInput(
        item.id, item.kind, item.occurred_at, identity, item.customer, item.anonymous_id, item.sku, item.properties
    )
