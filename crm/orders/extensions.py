"""Registrations of orders."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

import crm.orders.console.home
import crm.orders.console.listing
import crm.orders.console.panels
import crm.orders.console.product_list
import crm.orders.console.shell
import crm.orders.events
import crm.orders.webhooks  # noqa: F401
from core.base.facts import FACTS, Amounts, amounts, count_of, supersede
from core.console import settings_cards
from core.fields import PICKERS
from core.security.roles import EVERYONE, Role, grant
from core.security.scopes import SCOPES
from crm.customers.registry import CURRENCY_USES, CurrencyUse
from crm.orders.kinds import CategoryPicker, ProductPicker
from crm.orders.models import Order, SpendAdjustment


def _refunds() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), coalesce(sum(amount), 0)::bigint FROM crm_refund")
        count, amount = cursor.fetchone()
    return {"count": count, "amount": amount}


def _money(statement: str) -> Callable[[], Amounts]:
    """Build a fact of minor units by currency; `statement` yields currency and amount."""

    def fact() -> Amounts:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return amounts(dict(cursor.fetchall()))

    return fact


# Guests are included. In each currency, gross less refunds plus adjustments is net.
GROSS = "SELECT currency, sum(total)::bigint FROM crm_order WHERE state = 'paid' GROUP BY 1"
REFUNDED = "SELECT currency, -sum(refunded)::bigint FROM crm_order WHERE state = 'paid' AND refunded > 0 GROUP BY 1"
ADJUSTED = "SELECT currency, sum(amount)::bigint FROM crm_spendadjustment GROUP BY 1"
NET = f"""SELECT currency, sum(amount)::bigint
          FROM ({GROSS} UNION ALL {REFUNDED} UNION ALL {ADJUSTED}) AS parts(currency, amount) GROUP BY 1"""  # noqa: S608 - constant fragments
FACTS.register("orders", count_of("SELECT count(*) FROM crm_order WHERE state = 'paid'"))
FACTS.register("order_lines", count_of("SELECT count(*) FROM crm_orderline"))
FACTS.register("products", count_of("SELECT count(*) FROM crm_product"))
FACTS.register("refunds", _refunds)
FACTS.register("gross_revenue_minor", _money(GROSS))
FACTS.register("refunded_minor", _money(REFUNDED))
FACTS.register("adjustments", count_of("SELECT count(*) FROM crm_spendadjustment"))
FACTS.register("adjusted_minor", _money(ADJUSTED))
FACTS.register("net_revenue_minor", _money(NET))
FACTS.register("net_revenue", _money(NET))
for _name in ("refunds", "net_revenue"):
    supersede(_name)


def _currency_refusal(_currency: str) -> str | Promise:
    has_money = Order.objects.exists() or SpendAdjustment.objects.exists()
    return _("Orders exist already, so the currency can't be changed.") if has_money else ""


PICKERS.register("product", ProductPicker())
PICKERS.register("category", CategoryPicker(branches=False))
PICKERS.register("category_branch", CategoryPicker(branches=True))
settings_cards.register(
    "products",
    _("Products"),
    _("Texts in both languages, pictures, tags and categories"),
    url="products",
    icon="package",
    permission="crm.change_product",
    group="customers",
    order=30,
)
CURRENCY_USES.register("orders", CurrencyUse(_currency_refusal))
SCOPES.register("orders:read", _("Read orders"))
SCOPES.register("orders:write", _("Send orders and refunds"))
SCOPES.register("products:read", _("Read products"))
SCOPES.register("products:write", _("Send products"))
grant("crm.view_order", "crm.view_product", "crm.view_spendadjustment", to=EVERYONE)
grant("crm.add_refund", to=[Role.AGENT, Role.LEAD])
grant("crm.change_product", "crm.add_product", to=[])
