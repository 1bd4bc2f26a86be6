"""Registrations of rewards in the console shell: their pages, and cards for rewards to send and pools that run low."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.audit.log import LOGGED, OBJECTS, AuditedObject, Logged
from core.base import clock
from core.console import home, navigation, settings_cards
from core.console.home import Card
from core.lists.columns import current
from core.text.formatting import number
from loyalty.rewards.console.listing import FEW_CODES, short_of_codes
from loyalty.rewards.models import RedemptionState, Reward, RewardRedemption

SOON = timedelta(days=2)
navigation.register(
    "rewards", _("Rewards"), url="rewards", icon="gift", permission="loyalty.view_reward", section="loyalty", order=30
)
navigation.register(
    "redemptions",
    _("Redeemed rewards"),
    url="redemptions",
    icon="truck-delivery",
    permission="loyalty.view_rewardredemption",
    section="loyalty",
    order=40,
)
settings_cards.register(
    "reward_categories",
    _("Reward categories"),
    _("Groups of rewards in the storefront, and their order"),
    url="reward_categories",
    icon="stack-2",
    permission="loyalty.change_rewardcategory",
    group="loyalty",
    order=40,
)
LOGGED.register("loyalty.reward_address_seen", Logged())
OBJECTS.register(
    "loyalty.reward",
    AuditedObject(label=lambda row: str(row.get("name", "")), url=lambda row: reverse("reward", args=[row["id"]])),
)


@home.card("redemptions", place="needs", permission="loyalty.handle_redemptions", order=35)
def redemptions(_request: HttpRequest) -> Card | None:
    """Show the rewards to send, and how many of them expire within two days."""
    counts = RewardRedemption.objects.filter(state=RedemptionState.PLACED).aggregate(
        placed=Count("pk"), soon=Count("pk", filter=Q(hold__expires_at__lte=clock.now() + SOON))
    )
    if not counts["placed"]:
        return None
    return Card(
        _("Rewards to send"),
        number(counts["placed"]),
        url=reverse("redemptions"),
        detail=_t("%(count)s expire within 2 days") % {"count": number(counts["soon"])} if counts["soon"] else "",
        tone="warn" if counts["soon"] else "",
    )


@home.card("reward_codes", place="needs", permission="loyalty.add_rewardcode", order=45)
def reward_codes(_request: HttpRequest) -> Card | None:
    short = len(short_of_codes(Reward.objects.filter(current(), archived_at=None)))
    if not short:
        return None
    detail = _t("fewer than %(count)s left") % {"count": number(FEW_CODES)}
    return Card(
        _("Rewards low on codes"), number(short), url=f"{reverse('rewards')}?codes=few", detail=detail, tone="warn"
    )
