"""Domain events of growth."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.events.bus import declare
from core.text.formatting import in_language, number
from loyalty.ledger.events import points_text


def _level(payload: Mapping[str, Any]) -> str:
    """Return the reached level in words. The event stores both names as they were then."""
    name = in_language(str(payload.get("name", "")), str(payload.get("name_zh", "")))
    level, levels = payload.get("level", 0), payload.get("levels", 0)
    reached = _t("level %(level)s of %(levels)s") % {"level": level, "levels": levels} if levels > 1 else ""
    points = points_text({"points": payload["points"]}) if payload.get("points") else ""
    growth = _t("%(count)s growth value") % {"count": number(payload["growth"])} if payload.get("growth") else ""
    return " · ".join(part for part in (name, reached, points, growth) if part)


def _badge(payload: Mapping[str, Any]) -> str:
    return in_language(str(payload.get("name", "")), str(payload.get("name_zh", "")))


TASK_LEVEL_REACHED = declare("loyalty.task_level_reached", _("Task level reached"), icon="target", describe=_level)
BADGE_AWARDED = declare("loyalty.badge_awarded", _("Badge awarded"), icon="medal", describe=_badge)
