"""Domain events about changes of a customer's segments and stage."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.events.bus import declare


def _names(payload: Mapping[str, Any]) -> str:
    return gettext(", ").join(payload["names"])


# One event per customer and computation: `segments` are the ids, `names` the names at that time.
SEGMENT_ENTERED = declare("analytics.segment_entered", _("Entered a segment"), icon="users-plus", describe=_names)
SEGMENT_LEFT = declare("analytics.segment_left", _("Left a segment"), icon="users-minus", describe=_names)
