"""Benefits of rewards."""

from __future__ import annotations

from collections.abc import Sequence

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

    def derived_words(self, tiers: Sequence[Tier]) -> dict[int, str]:
        ranks = Reward.objects.filter(
            program__in={tier.program_id for tier in tiers}, active=True, minimum_tier__isnull=False
        ).values_list("program_id", "minimum_tier__rank")
        needed = list(ranks)
        words = {}
        for tier in tiers:
            count = sum(program == tier.program_id and rank <= tier.rank for program, rank in needed)
            if count:
                text = ngettext("%(count)s exclusive reward", "%(count)s exclusive rewards", count)
                words[tier.pk] = text % {"count": number(count)}
        return words
