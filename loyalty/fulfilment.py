"""How a redeemed reward reaches the member: each kind of reward registers a fulfilment (docs/how-to/add-a-reward-kind.md).

FULFILMENTS.register("coupon", CouponReward())
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.actor import Actor
from core.errors import Conflict, Invalid
from core.registry import Registry
from loyalty.models import Reward, RewardRedemption

Text = str | Promise


class TryLater(Exception):
    """What would deliver it is away for now: the redemption stays placed and is tried again, ten times in all."""


@dataclass(frozen=True)
class Setting:
    """One thing that a reward of this kind has to say. With `choices` it is one of them, else a line of text."""

    name: str
    label: Text
    choices: Callable[[], list[tuple[str, str]]] | None = None
    help: Text = ""
    length: int = 200
    required: bool = True


@dataclass(frozen=True)
class Delivery:
    """What the member got. `code` is kept encrypted; `outcome` are the kind's own values for `take_back`, as plain JSON."""

    code: str = ""
    reference: str = ""
    outcome: dict[str, Any] = field(default_factory=dict)


class Fulfilment:
    """One kind of reward. `fulfil` and `take_back` run inside the transaction that moves the points, with the account locked:
    they write rows and do no I/O.
    """

    label: Text = ""
    help: Text = ""
    # False: it stays placed, with the points held, until staff send it.
    at_once = True
    needs_address = False
    # Codes are uploaded for it, and one goes with each redemption.
    has_codes = False
    # Whether `take_back` can ever succeed; the console then offers to cancel what was delivered.
    returnable = False
    settings: Sequence[Setting] = ()

    def fulfil(self, redemption: RewardRedemption, reward: Reward, actor: Actor) -> Delivery:
        """Deliver. Raises DomainError when it can't be delivered, TryLater when it can't be now."""
        return Delivery()

    def take_back(self, redemption: RewardRedemption, reward: Reward, actor: Actor) -> None:
        """Undo an unused delivery. Raises Conflict `redemption_not_cancellable` when it may have been used."""
        raise not_cancellable(redemption)

    def checked(self, given: dict[str, Any]) -> dict[str, Any]:
        """The settings of this kind out of what was given. Raises Invalid naming the setting."""
        return {setting.name: checked_text(setting, given.get(setting.name)) for setting in self.settings}


FULFILMENTS: Registry[Fulfilment] = Registry("fulfilment of rewards")


def not_cancellable(redemption: RewardRedemption) -> Conflict:
    return Conflict(
        _("This can't be cancelled any more: it has been sent or may have been used."),
        code="redemption_not_cancellable",
        state=redemption.state,
    )


def checked_text(setting: Setting, value: Any) -> str:
    """A setting's text. Raises Invalid naming it."""
    text = str(value if value is not None else "").strip()
    if (setting.required and not text) or len(text) > setting.length:
        raise Invalid(_("Fill this in."), code="required", field=setting.name)
    if setting.choices is not None and text and text not in {key for key, _label in setting.choices()}:
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field=setting.name)
    return text
