"""Conditions about the order or activity: lines, channel, store, first order, amount, a property of an activity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.fields import Field
from core.text.formatting import money
from crm.customers.models import Store
from loyalty.earning.registry import Condition, Subject, Values, listed
from loyalty.earning.rules.earning import OrderLine
from loyalty.program.models import Program


class Category(Condition):
    """Condition on categories.

    A path counts with everything below it: Coffee includes Coffee/Beans but not Coffee machines.
    """

    label = _("Category")
    settings = (
        Field(
            "categories",
            "words",
            _("Only lines of these categories"),
            _("Everything below a category counts too."),
            picker="category_branch",
        ),
    )
    happenings = False
    narrows = True

    def clean(self, values: Values, program: Program) -> Values:
        return {"categories": [one.strip("/") for one in super().clean(values, program)["categories"]]}

    def counts(self, values: Values, line: OrderLine) -> bool:
        return any(line.category == one or line.category.startswith(f"{one}/") for one in values["categories"])

    def says(self, values: Values, program: Program) -> str:
        return _t("on %(categories)s") % {"categories": listed(values["categories"])}


class OfProduct(Condition):
    label = _("Product")
    settings = (Field("skus", "words", _("Only lines of these products"), most=64, picker="product"),)
    happenings = False
    narrows = True

    def counts(self, values: Values, line: OrderLine) -> bool:
        return line.sku.lower() in {sku.lower() for sku in values["skus"]}

    def says(self, values: Values, program: Program) -> str:
        return _t("on the products %(skus)s") % {"skus": listed(values["skus"])}


class Channel(Condition):
    label = _("Sales channel")
    settings = (
        Field("channels", "words", _("In these sales channels"), _("As the shop sends them, one per line."), most=40),
    )
    happenings = False

    def refused(self, values: Values, subject: Subject, known: Any) -> str:
        if subject.channel in values["channels"]:
            return ""
        return _t("the channel is %(channel)s") % {"channel": subject.channel or _t("none")}

    def says(self, values: Values, program: Program) -> str:
        return _t("in the channel %(channels)s") % {"channels": listed(values["channels"])}


def _stores() -> list[tuple[str, str]]:
    return list(Store.objects.order_by("code").values_list("code", "name"))


class InStore(Condition):
    label = _("Store")
    settings = (Field("stores", "words", _("In these stores"), choices=_stores),)
    happenings = False

    def gather(self, values: Sequence[Values], subjects: Sequence[Subject]) -> dict[int, tuple[str, str]]:
        return {pk: (code, name) for pk, code, name in Store.objects.values_list("pk", "code", "name")}

    def refused(self, values: Values, subject: Subject, known: Any) -> str:
        code, name = known.get(subject.store, ("", _t("none")))
        return "" if code in values["stores"] else _t("the store is %(store)s") % {"store": name}

    def says(self, values: Values, program: Program) -> str:
        return _t("in %(stores)s") % {"stores": listed([name for code, name in _stores() if code in values["stores"]])}


class FirstOrder(Condition):
    """Condition on the customer's first paid order by the time of payment. A refund of that order changes nothing."""

    label = _("First order")
    settings = (Field("on", "flag", _("Only the first order")),)
    happenings = False

    def gather(self, values: Sequence[Values], subjects: Sequence[Subject]) -> dict[int, int]:
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT DISTINCT ON (customer_id) customer_id, id FROM crm_order
                   WHERE customer_id = ANY(%s) AND state = 'paid' ORDER BY customer_id, paid_at, id""",
                [sorted({one.customer for one in subjects})],
            )
            return dict(cursor.fetchall())

    def refused(self, values: Values, subject: Subject, known: Any) -> str:
        return "" if known.get(subject.customer) == subject.order else _t("it is not the first order")

    def says(self, values: Values, program: Program) -> str:
        return _t("on the first order")


class MinimumAmount(Condition):
    """Condition on the amount that counts. Where categories or products narrow the rule, only their part counts."""

    label = _("Minimum amount")
    settings = (Field("amount", "money", _("At least this counted amount"), least=1),)

    def refused(self, values: Values, subject: Subject, known: Any) -> str:
        if subject.amount >= values["amount"]:
            return ""
        return _t("the counted amount is below the minimum")

    def says(self, values: Values, program: Program) -> str:
        return _t("from %(amount)s") % {"amount": money(values["amount"], program.currency)}


class Property(Condition):
    """Condition on a property that the shop sent with the activity. Numbers and texts compare as they are written."""

    label = _("Property")
    settings = (
        Field("name", "text", pgettext_lazy("thing", "Name"), _("For example stars, as the shop sends it.")),
        Field("equals", "text", _("Is")),
    )
    orders = False

    def refused(self, values: Values, subject: Subject, known: Any) -> str:
        value = subject.properties.get(values["name"])
        if value is not None and _written(value) == values["equals"]:
            return ""
        return _t("%(name)s is %(value)s") % {
            "name": values["name"],
            "value": _t("none") if value is None else _written(value),
        }

    def says(self, values: Values, program: Program) -> str:
        return _t("%(name)s is %(value)s") % {"name": values["name"], "value": values["equals"]}


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)[:200]
