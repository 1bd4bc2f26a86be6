"""Benefits of rewards."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.text.formatting import number
from loyalty.rewards.models import Reward
from loyalty.tiers.models import Tier
from loyalty.tiers.registry import Benefit


class ExclusiveRewards(Benefit):
    """Derived benefit: each reward names the lowest tier that can have it."""

    label = _("Exclusive rewards")
    icon = "lock-open"
    derived = True

    def derived_words(self, tier: Tier) -> str:
        count = Reward.objects.filter(
            program_id=tier.program_id, active=True, minimum_tier__rank__lte=tier.rank
        ).count()
        if not count:
            return ""
        return ngettext("%(count)s exclusive reward", "%(count)s exclusive rewards", count) % {"count": number(count)}
