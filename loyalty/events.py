"""Domain events of points and tiers. `subject_id` is always the customer."""

from datetime import date, datetime

from django.core.cache import cache
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.events import declare
from core.formatting import day, in_chinese, in_language, number
from loyalty.reference_words import reference_words


def _points(payload) -> str:
    count = int(payload.get("points", 0))
    text = ngettext("%(count)s point", "%(count)s points", abs(count)) % {"count": number(count)}
    reference = payload.get("reference")
    return f"{text} · {reference_words(reference)}" if reference else text


def _adjusted(payload) -> str:
    """Return the points with the note; the timeline is for staff."""
    return " · ".join(part for part in (_points(payload), payload.get("note", "")) if part)


def _tier(name: str | None) -> str:
    """Return the tier's name in the viewer's language.

    An event stores the name that the tier had then, in the shop's first language.
    """
    if not name or not in_chinese():
        return name or ""
    names: dict[str, str] = cache.get_or_set("loyalty:tier-names-zh", _names_in_chinese, 60) or {}
    return names.get(name, name)


def _names_in_chinese() -> dict[str, str]:
    from loyalty.models import Tier

    return dict(Tier.objects.exclude(name_zh="").values_list("name", "name_zh"))


def _tiers(payload) -> str:
    before, after = _tier(payload.get("from")), _tier(payload.get("to")) or "–"
    return _t("%(from)s to %(to)s") % {"from": before, "to": after} if before else after


def _tier_set(payload) -> str:
    """Return the tier, its end and the reason in one line."""
    from loyalty.services.given_tiers import REASONS

    until = datetime.fromisoformat(payload["until"]) if payload.get("until") else None
    parts = [
        _tier(payload.get("tier")),
        _t("until %(day)s") % {"day": day(until)} if until else "",
        _t("locked") if payload.get("locked") else "",
        str(REASONS.get(payload.get("reason", ""), "")),
        payload.get("note", ""),
    ]
    return " · ".join(part for part in parts if part)


def _suspension(payload) -> str:
    from loyalty.models import SuspensionReason

    reason = payload.get("reason", "")
    label = str(dict(SuspensionReason.choices).get(reason, reason))
    return " · ".join(filter(None, [label, payload.get("note", "")]))


MEMBER_ENROLLED = declare("loyalty.member_enrolled", _("Became a member"), icon="id-badge")
MEMBER_SUSPENDED = declare("loyalty.member_suspended", _("Member suspended"), icon="user-off", describe=_suspension)
MEMBER_RESUMED = declare("loyalty.member_resumed", _("Member resumed"), icon="user-check", describe=_suspension)
POINTS_EARNED = declare("loyalty.points_earned", _("Points earned"), icon="coins", describe=_points)
POINTS_HELD = declare("loyalty.points_held", _("Points held"), icon="lock", describe=_points)
POINTS_REDEEMED = declare("loyalty.points_redeemed", _("Points spent"), icon="gift", describe=_points)
HOLD_RELEASED = declare("loyalty.hold_released", _("Hold released"), icon="lock-open", describe=_points)
POINTS_RETURNED = declare("loyalty.points_returned", _("Points given back"), icon="arrow-back-up", describe=_points)
POINTS_TAKEN_BACK = declare("loyalty.points_taken_back", _("Points taken back"), icon="arrow-back", describe=_points)
POINTS_ADJUSTED = declare("loyalty.points_adjusted", _("Points adjusted"), icon="adjustments", describe=_adjusted)
POINTS_SENT = declare("loyalty.points_sent", _("Points given to another member"), icon="send", describe=_points)
POINTS_RECEIVED = declare(
    "loyalty.points_received", _("Points received from another member"), icon="gift", describe=_points
)
POINTS_EXPIRED = declare("loyalty.points_expired", _("Points expired"), icon="hourglass", describe=_points)
POINTS_EXPIRING = declare(
    "loyalty.points_expiring",
    _("Points about to expire"),
    icon="hourglass",
    describe=lambda p: f"{_points(p)} · {day(date.fromisoformat(p['on']))}",
)
TIER_CHANGED = declare("loyalty.tier_changed", _("Tier changed"), icon="trophy", describe=_tiers)
TIER_SET = declare("loyalty.tier_set", _("Tier set by hand"), icon="lock", describe=_tier_set)
TIER_RELEASED = declare("loyalty.tier_released", _("Tier set by hand was ended"), icon="lock-open", describe=_tier_set)
TIER_BOUGHT = declare("loyalty.tier_bought", _("Tier bought"), icon="credit-card", describe=_tier_set)
TIER_REFUNDED = declare("loyalty.tier_refunded", _("Bought tier refunded"), icon="receipt-refund", describe=_tier_set)
ACCOUNTS_CHANGED = declare("loyalty.accounts_changed", _("Points accounts changed"), on_timeline=False)


def _reward(payload) -> str:
    name = str(payload.get("name", ""))
    rest = payload.get("reason") or payload.get("tracking") or payload.get("reference")
    points = _points({"points": payload["points"]}) if payload.get("points") else ""
    return " · ".join(part for part in (name, points, rest) if part)


REWARD_REDEEMED = declare("loyalty.reward_redeemed", _("Reward redeemed"), icon="gift", describe=_reward)
REWARD_FULFILLED = declare("loyalty.reward_fulfilled", _("Reward delivered"), icon="package", describe=_reward)
REWARD_CANCELLED = declare("loyalty.reward_cancelled", _("Reward cancelled"), icon="x", describe=_reward)
REWARD_FAILED = declare("loyalty.reward_failed", _("Reward not delivered"), icon="alert-triangle", describe=_reward)
REWARD_ADDRESS_SEEN = declare(
    "loyalty.reward_address_seen", _("Address of a gift shown in full"), icon="eye", describe=_reward
)


def _level(payload) -> str:
    """Return the reached level in words. The event stores both names as they were then."""
    name = in_language(str(payload.get("name", "")), str(payload.get("name_zh", "")))
    level, levels = payload.get("level", 0), payload.get("levels", 0)
    reached = _t("level %(level)s of %(levels)s") % {"level": level, "levels": levels} if levels > 1 else ""
    points = _points({"points": payload["points"]}) if payload.get("points") else ""
    growth = _t("%(count)s growth value") % {"count": number(payload["growth"])} if payload.get("growth") else ""
    return " · ".join(part for part in (name, reached, points, growth) if part)


def _badge(payload) -> str:
    return in_language(str(payload.get("name", "")), str(payload.get("name_zh", "")))


TASK_LEVEL_REACHED = declare("loyalty.task_level_reached", _("Task level reached"), icon="target", describe=_level)
BADGE_AWARDED = declare("loyalty.badge_awarded", _("Badge awarded"), icon="medal", describe=_badge)
