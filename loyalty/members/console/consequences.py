"""Points in the effect of a refund, which staff see before they record it."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from core.base.errors import NotFound
from core.text.formatting import number
from crm.orders.models import Order
from crm.orders.registry import REFUND_CONSEQUENCES, RefundConsequence
from loyalty.earning.services.refunds import reverse_points_for_orders
from loyalty.ledger.selectors import balances
from loyalty.program import selectors as program_selectors


def _available(order: Order) -> str | None:
    if order.customer is None:
        return None
    try:
        account = balances.spendable_account(program_selectors.member_of(order.customer))
    except NotFound:
        return None
    return number(balances.balance_of(account).available)


REFUND_CONSEQUENCES.register(
    "points",
    RefundConsequence(
        _("Available points"), apply=lambda order: reverse_points_for_orders(orders=[order]), read=_available
    ),
)
