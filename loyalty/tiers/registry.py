"""Registry of the kinds of tier benefits (docs/how-to/add-a-tier-benefit.md).

Each kind registers once, in the `extensions` of the app that delivers it:

BENEFITS.register("coupon_monthly", CouponBenefit(Occasion.MONTHLY))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.base.actor import Actor
from core.base.registry import Registry
from core.fields import Errors, Field, Text, clean
from loyalty.program.models import Member
from loyalty.tiers.models import Tier, TierBenefit

_WRONG_NUMBER = ("invalid", _("This number is too small or too large."))
# A missing number is refused like a wrong one.
ERRORS: Errors = {
    f"{kind}.{code}": _WRONG_NUMBER for kind in ("number", "money") for code in ("required", "invalid", "out_of_range")
}


class Occasion(StrEnum):
    """Occasion on which a benefit is given. STANDING benefits are never given: they hold as long as the tier does."""

    STANDING = ""
    ENTRY = "entry"
    MONTHLY = "monthly"
    BIRTHDAY = "birthday"


@dataclass(frozen=True)
class Due:
    """One benefit that is due to a member. `cause` is always the same for the same benefit, member and occasion."""

    member: Member
    key: str
    cause: str


class Benefit:
    """One kind of benefit. A standing one needs only `words`; one that is given out has an occasion and `give`."""

    label: Text = ""
    help: Text = ""
    icon = "gift"
    occasion = Occasion.STANDING
    # A derived benefit is read from the tier's other settings: it is shown, never set up by hand.
    derived = False
    settings: Sequence[Field] = ()

    def words(self, benefit: TierBenefit) -> str:
        """Return one line for the member, in the active language. Empty when there is nothing to show."""
        return str(self.label)

    def derived_words(self, tiers: Sequence[Tier]) -> dict[int, str]:
        """Return {tier id: line} of a derived kind, for those of the tiers that have one."""
        return {}

    def details(self, benefit: TierBenefit) -> dict[str, Any]:
        """Return the values that a storefront reads beside the words."""
        return {setting.name: benefit.settings.get(setting.name) for setting in self.settings}

    def check(self, benefit: TierBenefit) -> None:
        """Raise DomainError while the benefit can't be given, such as when its coupon is over."""

    def give(self, benefit: TierBenefit, due: Sequence[Due], actor: Actor) -> list[dict[str, Any]]:
        """Give the benefit to all members of `due` inside the caller's transaction.

        Return what each got, in that order, as plain JSON. It may run twice for one cause when an attempt was rolled
        back. It writes rows and does no I/O. After a DomainError the batch runs again, one member at a time.
        """
        raise NotImplementedError

    def checked(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the checked settings of this kind. Raises Invalid naming the setting."""
        return clean(self.settings, values, errors=ERRORS, strict=True)


BENEFITS: Registry[Benefit] = Registry("benefit of tiers")
