"""Domain events of orders."""

from django.utils.translation import gettext_lazy as _

from core.events.bus import declare

ORDER_PLACED = declare("crm.order_placed", _("Order placed"), icon="shopping-cart", on_timeline=False)
ORDER_PAID = declare("crm.order_paid", _("Order paid"), icon="shopping-cart", on_timeline=False)
ORDER_CANCELLED = declare("crm.order_cancelled", _("Order cancelled"), icon="shopping-cart-x", on_timeline=False)
ORDER_REFUNDED = declare("crm.order_refunded", _("Refund"), icon="receipt-refund", on_timeline=False)
ORDERS_IMPORTED = declare("crm.orders_imported", _("Orders imported"), icon="file-import", on_timeline=False)
