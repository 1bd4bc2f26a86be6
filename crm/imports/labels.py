"""Labels of the fields and choices on the pages of an import."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from crm.customers.models import AttributeDefinition
from crm.customers.services.customers import attribute_specs
from crm.imports.registry import IMPORT_KINDS
from crm.imports.rules.mapping import ATTRIBUTE, ImportField, fields_of

LABELS: dict[str, str | Promise] = {
    "number": _("Order number"),
    "placed_at": _("Placed at"),
    "paid_at": _("Paid at"),
    "state": _("State"),
    "refunded_amount": _("Refunded in total"),
    "refunded_at": _("Refunded at"),
    "line_refunded": _("Refunded of the line"),
    "currency": _("Currency"),
    "store": _("Store code"),
    "channel": _("Sales channel"),
    "customer_number": _("Customer number"),
    "storefront": _("Storefront id of the customer"),
    "wechat_unionid": _("WeChat unionid"),
    "wechat_openid": _("WeChat openid"),
    "wecom_external": _("WeCom external contact"),
    "card": _("Card number"),
    "phone": _("Phone"),
    "email": _("E-mail"),
    "customer_name": _("Name of the customer"),
    "country": _("Country"),
    "sku": _("SKU"),
    "product_name": _("Name of the product"),
    "category": _("Category"),
    "brand": _("Brand"),
    "line_kind": _("Kind of line"),
    "quantity": _("Quantity"),
    "unit_price": _("Unit price"),
    "line_discount": _("Discount of the line"),
    "line_amount": _("Amount of the line"),
    "discount": _("Discount of the order"),
    "shipping": _("Shipping"),
    "tax": _("Tax"),
    "fees": _("Fees"),
    "points_amount": _("Paid with points"),
    "total": _("Total of the order"),
    "name": _("Name"),
    "birthday": _("Birthday"),
    "gender": _("Gender"),
    "language": _("Language"),
    "time_zone": _("Time zone"),
    "region": _("Region"),
    "tags": _("Tags"),
    "price": _("Price"),
    "name_zh": _("Name in Chinese"),
    "description": _("Description"),
    "description_zh": _("Description in Chinese"),
    "tags_zh": _("Tags in Chinese"),
    "url": _("Page in the storefront"),
    "picture_url": _("Address of a picture"),
    "cost": _("Cost"),
    "active": _("On sale"),
    "sender_id": _("Id of the event"),
    "kind": _("Kind of event"),
    "occurred_at": _("Occurred at"),
    "anonymous_id": _("Visitor id"),
    "properties": _("Properties (JSON)"),
    "purpose": _("Purpose"),
    "decision": _("Decision"),
    "given_at": _("Given at"),
    "source": _("Where it was given"),
    "evidence": _("Evidence"),
}
DELIMITERS = [(",", _("Comma")), (";", _("Semicolon")), ("\t", _("Tab")), ("|", _("Vertical bar"))]
DECIMALS = [(".", _("Point: 1,234.50")), (",", _("Comma: 1.234,50"))]
DATE_ORDERS = [("dmy", _("Day first: 31/12/2024")), ("mdy", _("Month first: 12/31/2024"))]


def labelled_fields(kind: str) -> dict[str, tuple[ImportField, str]]:
    """Return {name: (field, label)} in the order of the form."""
    own = {
        f"{ATTRIBUTE}{code}": label
        for code, label in AttributeDefinition.objects.current().values_list("code", "label")
    }
    names = LABELS | dict(IMPORT_KINDS[kind].labels) | own
    return {name: (field, str(names.get(name, name))) for name, field in fields_of(kind, attribute_specs()).items()}
