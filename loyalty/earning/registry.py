"""Registry of the conditions of earning rules (docs/how-to/add-an-earning-condition.md).

Each condition is one class with one registration. A rule's version stores its conditions as [{"kind": "tier", "tiers":
["gold"]}, ...], each kind once; all of them must hold. Conditions are checked for thousands of orders at once: `gather`
reads the data with one query, then `refused` answers for each order from memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.base.errors import Invalid
from core.base.registry import Registry
from core.fields import Field, Text, clean
from loyalty.earning.rules.earning import OrderAmounts, OrderLine
from loyalty.earning.rules.terms import ConditionTerms, ConditionValues, condition_of
from loyalty.program.models import Program
from loyalty.tiers.models import Tier

Values = ConditionValues


@dataclass
class Subject:
    """One order, cart or happening of one member. `local` is `at` in the program's zone; `tier` the one that counts.

    `amounts` and `lines` belong to an order or a cart. `lines` is None until the lines are read.
    """

    key: int | str
    member: int
    customer: int
    at: datetime
    local: datetime
    tier: Tier | None = None
    order: int | None = None
    amounts: OrderAmounts | None = None
    lines: list[OrderLine] | None = None
    channel: str = ""
    store: int | None = None
    amount: int = 0
    properties: Mapping[str, Any] = field(default_factory=dict)


class Condition:
    """Base of all conditions. `orders` and `happenings` say to which subjects it applies.

    When `narrows` is true, the condition selects lines, and only those lines count.
    """

    label: Text = ""
    settings: tuple[Field, ...] = ()
    orders = True
    happenings = True
    narrows = False

    def settings_of(self, program: Program) -> Sequence[Field]:
        """Return the settings, for a condition whose choices belong to the program."""
        return self.settings

    def clean(self, values: Values, program: Program) -> Values:
        """Return the values as they are stored. Raises Invalid.

        A flag is not stored: it only asks the form whether the condition is used.
        """
        stored = [field for field in self.settings_of(program) if field.kind != "flag"]
        try:
            return clean(stored, values, strict=True)
        except Invalid:
            raise wrong(self.label) from None

    def gather(self, values: Sequence[Values], subjects: Sequence[Subject]) -> Any:
        """Return the data that `refused` needs for all subjects, for every rule's values at once."""
        return None

    def refused(self, values: Values, subject: Subject, known: Any) -> str:
        """Return the reason why the condition does not hold, in words; empty when it holds."""
        return ""

    def counts(self, values: Values, line: OrderLine) -> bool:
        """Return whether a line counts, for a condition that narrows."""
        return True

    def says(self, values: Values, program: Program) -> str:
        """Return the condition in words, for staff and storefronts."""
        return str(self.label)


CONDITIONS: Registry[Condition] = Registry("earning condition")


def clean_conditions(raw: Any, *, program: Program, trigger: str) -> list[ConditionTerms]:
    """Return the conditions as they are stored. Raises Invalid that names the wrong condition."""
    if not isinstance(raw, list) or any(not isinstance(one, dict) for one in raw):
        raise Invalid(_("Conditions are a list of objects with a kind."), code="invalid", field="conditions")
    conditions: list[ConditionTerms] = []
    for one in raw:
        kind = one.get("kind")
        condition = CONDITIONS.get(kind) if isinstance(kind, str) else None
        if condition is None:
            raise Invalid(
                _("There is no condition %(kind)s.") % {"kind": kind}, code="unknown_condition", field="conditions"
            )
        if any(other["kind"] == kind for other in conditions):
            raise Invalid(
                _("“%(label)s” is used twice.") % {"label": condition.label}, code="invalid", field="conditions"
            )
        if not (condition.orders if trigger == "order" else condition.happenings):
            raise Invalid(
                _("“%(label)s” can't be used with this trigger.") % {"label": condition.label},
                code="invalid",
                field="conditions",
            )
        conditions.append(condition_of(kind, condition.clean(one, program)))
    return conditions


def wrong(label: Text) -> Invalid:
    return Invalid(
        _("A value of “%(label)s” is missing or wrong.") % {"label": label}, code="invalid", field="conditions"
    )


def listed(items: Sequence[Any]) -> str:
    """Return up to five items by name, and the number of the others."""
    shown = _t(", ").join(str(one) for one in items[:5])
    more = len(items) - 5
    return shown if more <= 0 else _t("%(some)s and %(count)s more") % {"some": shown, "count": more}
