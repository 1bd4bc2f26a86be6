"""Domain events of the loyalty program."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.events.bus import declare
from loyalty.program.models import SuspensionReason


def _suspension(payload: Mapping[str, Any]) -> str:
    reason = payload.get("reason", "")
    label = str(dict(SuspensionReason.choices).get(reason, reason))
    return " · ".join(filter(None, [label, payload.get("note", "")]))


MEMBER_ENROLLED = declare("loyalty.member_enrolled", _("Became a member"), icon="id-badge")
MEMBER_SUSPENDED = declare("loyalty.member_suspended", _("Member suspended"), icon="user-off", describe=_suspension)
MEMBER_LEFT = declare("loyalty.member_left", _("Membership ended"), icon="user-x", describe=lambda p: p.get("note", ""))
MEMBER_RESUMED = declare("loyalty.member_resumed", _("Member resumed"), icon="user-check", describe=_suspension)
