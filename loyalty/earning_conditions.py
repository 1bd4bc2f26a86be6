"""What an earning rule may depend on: one class and one registration each (docs/how-to/add-an-earning-condition.md).

A rule's version keeps its conditions as [{"kind": "tier", "tiers": ["gold"]}, ...], each kind once; all of them must hold.
Conditions are asked about thousands of orders at once: `gather` reads what is needed with one query, `refused` then answers
for one of them from memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.errors import Invalid
from core.registry import Registry
from loyalty.models import Program, Tier
from loyalty.rules.earning import OrderAmounts, OrderLine

Values = dict[str, Any]
Words = str | Promise


@dataclass
class Subject:
    """One order, cart or happening of one member. `local` is `at` in the program's zone; `tier` the one that counts.

    `amounts` and `lines` are those of an order or a cart; `lines` None means that nobody has read them yet.
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


@dataclass(frozen=True)
class Setting:
    """What the form asks for. `kind`: one of choices, choice, words, numbers, number, money, date, text, flag."""

    name: str
    label: Words
    kind: str = "text"
    choices: Callable[[Program], Sequence[tuple[Any, Any]]] | None = None
    help: Words = ""


class Condition:
    """`orders` and `happenings` say what it can be asked about; one that `narrows` names lines, and only they count."""

    label: Words = ""
    settings: tuple[Setting, ...] = ()
    orders = True
    happenings = True
    narrows = False

    def clean(self, values: Values, program: Program) -> Values:
        """The values as they are kept. Raises Invalid."""
        return {}

    def gather(self, values: Sequence[Values], subjects: Sequence[Subject]) -> Any:
        """What `refused` needs to know about all the subjects, for every rule's values at once."""
        return None

    def refused(self, values: Values, subject: Subject, known: Any) -> str:
        """Why it does not hold, in words; empty when it does."""
        return ""

    def counts(self, values: Values, line: OrderLine) -> bool:
        """Whether a line counts, for a condition that narrows."""
        return True

    def says(self, values: Values, program: Program) -> str:
        """The condition in words, for staff and storefronts."""
        return str(self.label)


CONDITIONS: Registry[Condition] = Registry("earning condition")
MOST = 200


def clean_conditions(given: Any, *, program: Program, trigger: str) -> list[Values]:
    """Conditions as they are kept. Raises Invalid naming what is wrong with which."""
    if not isinstance(given, list) or any(not isinstance(one, dict) for one in given):
        raise Invalid(_("Conditions are a list of objects with a kind."), code="invalid", field="conditions")
    found: list[Values] = []
    for one in given:
        kind = one.get("kind")
        condition = CONDITIONS.get(kind) if isinstance(kind, str) else None
        if condition is None:
            raise Invalid(
                _("There is no condition %(kind)s.") % {"kind": kind}, code="unknown_condition", field="conditions"
            )
        if any(other["kind"] == kind for other in found):
            raise Invalid(
                _("“%(label)s” is there twice.") % {"label": condition.label}, code="invalid", field="conditions"
            )
        if not (condition.orders if trigger == "order" else condition.happenings):
            raise Invalid(
                _("“%(label)s” can't be asked about this.") % {"label": condition.label},
                code="invalid",
                field="conditions",
            )
        found.append({"kind": kind, **condition.clean(one, program)})
    return found


def words_of(values: Values, name: str, label: Words, length: int = 200) -> list[str]:
    """A list of different texts. Raises Invalid when there are none, too many or one is too long."""
    given = values.get(name)
    if not isinstance(given, list) or not given or len(given) > MOST:
        raise wrong(label)
    if any(not isinstance(one, str) or not one.strip() or len(one) > length for one in given):
        raise wrong(label)
    return list(dict.fromkeys(one.strip() for one in given))


def numbers_of(values: Values, name: str, label: Words, least: int, most: int) -> list[int]:
    given = values.get(name)
    if not isinstance(given, list) or not given:
        raise wrong(label)
    if any(isinstance(one, bool) or not isinstance(one, int) or not least <= one <= most for one in given):
        raise wrong(label)
    return sorted(set(given))


def number_of(values: Values, name: str, label: Words, least: int, most: int) -> int:
    given = values.get(name)
    if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
        raise wrong(label)
    return given


def wrong(label: Words) -> Invalid:
    return Invalid(
        _("Something is missing or wrong at “%(label)s”.") % {"label": label}, code="invalid", field="conditions"
    )


def listed(items: Sequence[Any]) -> str:
    """Some of them by name, and how many more."""
    shown = _t(", ").join(str(one) for one in items[:5])
    more = len(items) - 5
    return shown if more <= 0 else _t("%(some)s and %(count)s more") % {"some": shown, "count": more}
