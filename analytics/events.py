"""What the figures say has changed about a customer."""

from django.utils.translation import gettext_lazy as _

from core.events import declare

SEGMENT_ENTERED = declare(
    "analytics.segment_entered", _("Entered a segment"), icon="users-plus", describe=lambda p: p.get("name", "")
)
SEGMENT_LEFT = declare(
    "analytics.segment_left", _("Left a segment"), icon="users-minus", describe=lambda p: p.get("name", "")
)


def _stages(payload) -> str:
    from analytics.models import Stage

    names = dict(Stage.choices)
    return f"{names.get(payload.get('from'), '–')} → {names.get(payload.get('to'), '–')}"


STAGE_CHANGED = declare(
    "analytics.stage_changed", _("Lifecycle stage changed"), icon="arrows-exchange", describe=_stages
)
