"""Domain events of features."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from analytics.features.models import Stage
from core.events.bus import declare


def _stages(payload: Mapping[str, Any]) -> str:
    names = dict(Stage.choices)
    return f"{names.get(payload.get('from', ''), '–')} → {names.get(payload.get('to', ''), '–')}"


STAGE_CHANGED = declare(
    "analytics.stage_changed", _("Lifecycle stage changed"), icon="arrows-exchange", describe=_stages
)
