"""Registry of fulfilments: how a redeemed reward reaches the member (docs/how-to/add-a-reward-kind.md).

FULFILMENTS.register("coupon", CouponReward())
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.base.actor import Actor
from core.base.errors import Conflict
from core.base.registry import Registry
from core.fields import Field, Text, clean
from loyalty.rewards.models import Reward, RewardRedemption


class TryLater(Exception):
    """Signal that the delivering system is unavailable now.

    The redemption stays placed and is tried again, ten times in all.
    """


@dataclass(frozen=True)
class Delivery:
    """Delivered reward.

    `code` is stored encrypted; `outcome` holds the kind's own values for `take_back`, as plain JSON.
    """

    code: str = ""
    reference: str = ""
    outcome: dict[str, Any] = field(default_factory=dict)


class Fulfilment:
    """One kind of reward.

    `fulfil` and `take_back` run inside the transaction that moves the points, with the account locked: they write rows
    and do no I/O.
    """

    label: Text = ""
    help: Text = ""
    # When False, the redemption stays placed, with the points held, until staff send it.
    at_once = True
    needs_address = False
    # When True, staff upload codes, and each redemption gets one.
    has_codes = False
    # True when `take_back` can succeed; the console then offers to cancel a delivered redemption.
    returnable = False
    settings: Sequence[Field] = ()

    def fulfil(self, redemption: RewardRedemption, reward: Reward, actor: Actor) -> Delivery:
        """Deliver the reward. Raises DomainError when it can't be delivered, TryLater when only not now."""
        return Delivery()

    def take_back(self, redemption: RewardRedemption, reward: Reward, actor: Actor) -> None:
        """Undo an unused delivery. Raises Conflict `redemption_not_cancellable` when it may have been used."""
        raise not_cancellable(redemption)

    def checked(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the checked settings of this kind. Raises Invalid naming the setting."""
        return clean(self.settings, values)


FULFILMENTS: Registry[Fulfilment] = Registry("fulfilment of rewards")


def not_cancellable(redemption: RewardRedemption) -> Conflict:
    return Conflict(
        _("This can't be cancelled any more: it has been sent or may have been used."),
        code="redemption_not_cancellable",
        state=redemption.state,
    )
