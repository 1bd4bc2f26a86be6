"""What analytics lets the merchant's own systems hear of."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from analytics import events as kinds
from core.webhooks import publish
from crm.webhooks import about_customer, picking

publish("segment.entered", kinds.SEGMENT_ENTERED, _("Entered a segment"), about_customer(picking("segment", "name")))
publish("segment.left", kinds.SEGMENT_LEFT, _("Left a segment"), about_customer(picking("segment", "name")))
publish("stage.changed", kinds.STAGE_CHANGED, _("Lifecycle stage changed"), about_customer(picking("from", "to")))
