"""The list of redeemed rewards: rewards to send first, oldest first; then all others, newest first."""

from __future__ import annotations

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.console.list_columns import Cell
from core.console.template_tags import TONE_OF
from core.lists.declaration import Column, Empty, ObjectList, State, register
from core.text.formatting import number, when
from loyalty.rewards.console.listing import kind_label
from loyalty.rewards.models import RedemptionState, RewardRedemption
from loyalty.rewards.registry import FULFILMENTS


def by_hand(row: RewardRedemption) -> bool:
    """Return whether a person sends this reward; any other is retried automatically."""
    fulfilment = FULFILMENTS.get(row.reward.kind)
    return fulfilment is not None and not fulfilment.at_once


def _state(row: RewardRedemption) -> Cell:
    details = " · ".join(filter(None, [row.error, row.tracking]))
    return Cell(row.get_state_display(), details, badge=TONE_OF.get(row.state, "off"))


def _customer(row: RewardRedemption) -> Cell:
    customer = row.member.customer
    return Cell(customer.name or customer.number, url=reverse("customer", args=[customer.number]))


def _before(row: RewardRedemption) -> str:
    if row.state != RedemptionState.PLACED:
        return ""
    return when(row.hold.expires_at) if by_hand(row) and row.hold else _t("retried automatically")


REDEMPTIONS = register(
    ObjectList(
        name="redemptions",
        title=_("Redeemed rewards"),
        route="redemptions",
        model=RewardRedemption,
        permission="loyalty.view_rewardredemption",
        export="crm.export_customer",
        select=lambda _request: RewardRedemption.objects.select_related("reward__program", "member__customer", "hold"),
        opens=lambda row: reverse("redemption", args=[row.pk]),
        order=("-placed_at", "-id"),
        columns=[
            Column("reward", _("Reward"), lambda row: Cell(row.reward.label, kind_label(row.reward))),
            Column("customer", _("Customer"), _customer, on_cards=False),
            Column("state", _("State"), _state, on_cards=False),
            Column("points", _("Points"), lambda row: number(row.points), lambda row: row.points, number=True),
            Column(
                "placed",
                pgettext_lazy("reward moment", "Redeemed"),
                lambda row: Cell(at=row.placed_at),
                sort="placed_at",
            ),
            Column("before", _("Send before"), _before),
            Column("ended", _("Ended"), lambda row: when(row.ended_at)),
        ],
        states=[
            State(
                "",
                RedemptionState.PLACED.label,
                lambda: Q(state=RedemptionState.PLACED),
                order=("placed_at", "id"),
            ),
            *(
                State(state, label, lambda state=state: Q(state=state))
                for state, label in RedemptionState.choices
                if state != RedemptionState.PLACED
            ),
            State("all", _("All")),
        ],
        counted=False,
        empty=Empty(
            "truck-delivery",
            _("Nothing to send"),
            _("Gifts that members redeem appear here until they are sent."),
            filtered=_("None in this state"),
        ),
    )
)
