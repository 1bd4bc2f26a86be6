"""The list of tiers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.console.list_columns import Cell
from core.console.views import may
from core.lists.declaration import Column, Empty, ObjectList, RowAction, TopAction, register
from core.text.formatting import money, number
from loyalty.program.models import Program
from loyalty.tiers.models import Tier
from loyalty.tiers.selectors import figures
from loyalty.tiers.selectors import standing as tier_standing
from loyalty.tiers.selectors.standing import BenefitLine

# Tiers that can't be bought are sorted before those that cost nothing.
NO_PRICE = Value(-1)


@dataclass(frozen=True)
class TierRow:
    """A row of the list. `members_url` is empty for those who may not see members."""

    item: Tier
    threshold: str
    price: str
    count: int
    share: int
    benefits: Sequence[BenefitLine]
    members_url: str


def _rows(request: HttpRequest, tiers: Sequence[Tier]) -> list[TierRow]:
    if not tiers:
        return []
    program = tiers[0].program
    counts = {row.tier.pk: row for row in figures.tiers(program) if row.tier}
    benefits = tier_standing.benefits_of_tiers(tiers)
    may_see_members = may(request.user, "loyalty.view_member")
    return [
        TierRow(
            tier,
            tier_standing.metric_text(program, tier.threshold),
            money(tier.paid_price, program.currency),
            counts[tier.pk].count,
            counts[tier.pk].share,
            benefits[tier.pk],
            f"{reverse('loyalty_members')}?tier={tier.code}" if may_see_members else "",
        )
        for tier in tiers
    ]


TIERS = register(
    ObjectList(
        name="tiers",
        title=_("Tiers"),
        route="loyalty_tiers",
        model=Tier,
        permission="loyalty.view_loyalty",
        change="loyalty.change_tier",
        add="loyalty.add_tier",
        select=lambda _request: Tier.objects.filter(program__is_default=True).select_related("program"),
        rows=_rows,
        item=lambda row: row.item,
        opens=lambda tier: reverse("loyalty_tier", args=[tier.pk]),
        edit=lambda tier: reverse("loyalty_tier_edit", args=[tier.pk]),
        order=("-rank", "-id"),
        columns=[
            Column("name", _("Tier"), lambda row: row.item.label, sort="name"),
            Column("threshold", pgettext_lazy("tier", "From"), lambda row: row.threshold, sort="threshold"),
            Column("price", _("Price"), lambda row: row.price, sort=Coalesce("paid_price", NO_PRICE)),
            Column(
                "members",
                _("Members"),
                lambda row: Cell(number(row.count), f"{row.share}%", url=row.members_url),
                lambda row: row.count,
                number=True,
            ),
            Column(
                "benefits",
                _("Benefits"),
                lambda row: "",
                lambda row: "; ".join(str(benefit.words) for benefit in row.benefits),
                template="loyalty/tiers/list_benefits.html",
            ),
            Column("multiplier", _("Points multiplier"), lambda row: f"{row.item.multiplier:f}", shown=False),
            Column("code", _("Code"), lambda row: row.item.code, shown=False),
        ],
        search=("name", "name_zh", "code"),
        row_actions=[
            RowAction(
                _("Dry run"),
                "flask",
                lambda tier: reverse("loyalty_tier_dry_run", args=[tier.pk]),
                "loyalty.change_program",
                post=True,
            )
        ],
        top_actions=[
            TopAction(
                _("New tier"),
                "plus",
                lambda: reverse("loyalty_tier_new"),
                "loyalty.add_tier",
                allowed=lambda: Program.objects.default() is not None,
            )
        ],
        template="loyalty/tiers/tiers.html",
        empty=Empty(
            "trophy",
            _("No tiers yet"),
            _("Tiers are levels that members reach by their purchases, each with its own benefits."),
        ),
    )
)
