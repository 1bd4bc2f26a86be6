"""What a tier gives: each kind registers once, in the `extensions` of the app that delivers it (docs/how-to/add-a-tier-benefit.md).

BENEFITS.register("coupon_monthly", CouponBenefit(Occasion.MONTHLY))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.actor import Actor
from core.errors import Invalid
from core.registry import Registry
from loyalty.fulfilment import Setting, checked_text
from loyalty.models import Member, Tier, TierBenefit

Text = str | Promise


class Occasion(StrEnum):
    """When something is handed out. STANDING is never: it holds as long as the tier does."""

    STANDING = ""
    ENTRY = "entry"
    MONTHLY = "monthly"
    BIRTHDAY = "birthday"


@dataclass(frozen=True)
class Number(Setting):
    """A whole number, or an amount of the program's currency that is typed in major units and kept in minor ones."""

    least: int = 0
    most: int = 2**53
    money: bool = False


@dataclass(frozen=True)
class Due:
    """One benefit that a member has coming. `cause` is the same for the same benefit, member and occasion, for ever."""

    member: Member
    key: str
    cause: str


class Benefit:
    """One kind of benefit. A standing one needs only `words`; one that is handed out has an occasion and `give`."""

    label: Text = ""
    help: Text = ""
    icon = "gift"
    occasion = Occasion.STANDING
    # Read from what the tier has anyway: shown, never set up by hand.
    derived = False
    settings: Sequence[Setting] = ()

    def words(self, benefit: TierBenefit) -> str:
        """One line for the member, in the active language. Empty: nothing to show."""
        return str(self.label)

    def derived_words(self, tier: Tier) -> str:
        """The line of a derived kind; empty where the tier has none."""
        return ""

    def details(self, benefit: TierBenefit) -> dict[str, Any]:
        """What a storefront reads beside the words."""
        return {setting.name: benefit.settings.get(setting.name) for setting in self.settings}

    def check(self, benefit: TierBenefit) -> None:
        """Raises DomainError while nothing of it can be given, such as when its coupon is over."""

    def give(self, benefit: TierBenefit, due: Sequence[Due], actor: Actor) -> list[dict[str, Any]]:
        """Give it to all of them inside the caller's transaction, in that order, and answer what each got as plain JSON.

        It may run twice for one cause when an attempt was rolled back. It writes rows and does no I/O. A DomainError
        sends the batch round again one by one.
        """
        raise NotImplementedError

    def checked(self, given: dict[str, Any]) -> dict[str, Any]:
        """The settings of this kind out of what was given. Raises Invalid naming the setting."""
        return {setting.name: _checked(setting, given.get(setting.name)) for setting in self.settings}


BENEFITS: Registry[Benefit] = Registry("benefit of tiers")


def _checked(setting: Setting, value: Any) -> Any:
    if isinstance(setting, Number):
        if isinstance(value, bool) or not isinstance(value, int) or not setting.least <= value <= setting.most:
            raise Invalid(_("This number is too small or too large."), code="invalid", field=setting.name)
        return value
    return checked_text(setting, value)
