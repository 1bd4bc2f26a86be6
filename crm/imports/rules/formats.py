"""Exports that are recognised by their columns. To add one, add an entry to FORMATS.

A column is written as in the export; case, spaces and punctuation are ignored. When an export has several layouts, the
first column that the file has is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from crm.imports.rules.mapping import folded
from crm.orders.rules import state_words as words


@dataclass(frozen=True)
class Format:
    """An export format.

    `marks`: sets of columns; a file must have all columns of one set. `columns`: our field -> theirs.

    `clean` is applied first to the cells of a field. `words` are states with another meaning here, `options` are
    options of the import. `rest_is_discount`: when the lines exceed the order's total, the difference is a discount.
    """

    name: str
    label: str
    marks: Sequence[str]
    columns: Mapping[str, str]
    kind: str = "orders"
    clean: Mapping[str, Callable[[str], str]] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    rest_is_discount: bool = False


def _unsigned(text: str) -> str:
    return text.removeprefix("-")


FORMATS = (
    Format(
        "shopify",
        "Shopify",
        ["Name|Financial Status|Lineitem quantity|Lineitem price"],
        {
            "number": "Name",
            "placed_at": "Created at",
            "paid_at": "Paid at",
            "state": "Financial Status",
            "email": "Email",
            "phone": "Phone",
            "customer_name": "Billing Name",
            "country": "Billing Country",
            "currency": "Currency",
            "sku": "Lineitem sku",
            "product_name": "Lineitem name",
            "brand": "Vendor",
            "quantity": "Lineitem quantity",
            "unit_price": "Lineitem price",
            "discount": "Discount Amount",
            "shipping": "Shipping",
            "tax": "Taxes",
            "total": "Total",
            "refunded_amount": "Refunded Amount",
        },
    ),
    Format(
        "woocommerce",
        "WooCommerce",
        [
            "Order Number|Order Status|Order Total Amount|Item Cost",
            "order_id|status|order_total|item_sku|item_quantity",
        ],
        {
            "number": "Order Number|order_id",
            "placed_at": "Order Date|date",
            "paid_at": "Paid Date|paid_date",
            "state": "Order Status|status",
            "storefront": "Customer User ID|customer_id",
            "email": "Email (Billing)|billing_email",
            "phone": "Phone (Billing)|billing_phone",
            "customer_name": "Full Name (Billing)|billing_full_name",
            "country": "Country Code (Billing)|billing_country",
            "currency": "Order Currency|order_currency",
            "sku": "SKU|item_sku",
            "product_name": "Item Name|item_name",
            "category": "Category|item_category",
            "quantity": "Quantity|item_quantity",
            "unit_price": "Item Cost|item_price",
            "discount": "Cart Discount Amount|discount_total",
            "shipping": "Order Shipping Amount|shipping_total",
            "tax": "Order Total Tax Amount|tax_total",
            "total": "Order Total Amount|order_total",
            "refunded_amount": "Order Refund Amount|refunded_total",
        },
        clean={"storefront": lambda text: "" if text == "0" else text, "refunded_amount": _unsigned},
    ),
    Format(
        "magento",
        "Magento",
        ["increment_id|grand_total|qty_ordered", "ID|Purchase Point|Purchase Date|Grand Total (Purchased)"],
        {
            "number": "increment_id|ID",
            "placed_at": "created_at|Purchase Date",
            "state": "status|Status",
            "storefront": "customer_id",
            "email": "customer_email|Customer Email",
            "customer_name": "customer_name|Customer Name|Bill-to Name",
            "currency": "order_currency_code",
            "sku": "sku",
            "product_name": "name",
            "quantity": "qty_ordered",
            "unit_price": "price",
            "discount": "discount_amount",
            "shipping": "shipping_amount|Shipping and Handling",
            "tax": "tax_amount",
            "total": "grand_total|Grand Total (Purchased)",
            "refunded_amount": "total_refunded|Total Refunded",
        },
        clean={"discount": _unsigned},
        # In Magento a fully refunded order is "closed".
        words={"closed": words.REFUNDED},
    ),
    Format(
        "youzan",
        "有赞",
        ["订单号|订单状态|商品单价|商品数量|商品实际成交金额"],
        {
            "number": "订单号",
            "placed_at": "订单创建时间|下单时间",
            "paid_at": "买家付款时间|付款时间",
            "state": "订单状态",
            "phone": "买家手机号|收货人手机号/提货人手机号",
            "customer_name": "买家姓名|收货人/提货人",
            "channel": "订单来源",
            "sku": "规格编码|商品编码",
            "product_name": "商品名称",
            "category": "商品类目",
            "quantity": "商品数量",
            "unit_price": "商品单价",
            "line_amount": "商品实际成交金额",
            "line_refunded": "商品已退款金额",
            "refunded_at": "退款时间",
            "shipping": "运费",
            "total": "订单应付金额|订单实付金额",
        },
    ),
    Format(
        "taobao",
        "淘宝 / 天猫",
        ["主订单编号|商品价格|购买数量|买家应付货款", "订单编号|商品价格|购买数量|买家应付货款"],
        {
            "number": "主订单编号|订单编号",
            "placed_at": "订单创建时间",
            "paid_at": "订单付款时间",
            "state": "订单状态",
            "storefront": "买家会员名",
            "phone": "联系手机",
            "sku": "商家编码|外部系统编号",
            "product_name": "商品标题|标题",
            "quantity": "购买数量",
            "unit_price": "商品价格",
            "line_amount": "买家应付货款",
            "line_refunded": "退款金额",
        },
        clean={"line_refunded": lambda text: "" if text in {"无退款申请", "-"} else text},
    ),
    Format(
        "jd",
        "京东",
        ["订单号|商品ID|订购数量|京东价"],
        {
            "number": "订单号",
            "placed_at": "下单时间",
            "paid_at": "付款确认时间",
            "state": "订单状态",
            "storefront": "下单帐号|下单账号",
            "customer_name": "客户姓名",
            "phone": "联系电话",
            "channel": "订单来源",
            "sku": "商家SKUID|货号|商品ID",
            "product_name": "商品名称",
            "quantity": "订购数量",
            "unit_price": "京东价",
            "shipping": "运费金额",
            "total": "应付金额",
            "refunded_amount": "退款金额",
        },
        rest_is_discount=True,
    ),
    Format(
        "online_retail",
        "UCI Online Retail",
        [
            "Invoice|StockCode|Description|Quantity|InvoiceDate|Price|Customer ID",
            "InvoiceNo|StockCode|Description|Quantity|InvoiceDate|UnitPrice|CustomerID",
        ],
        {
            "number": "Invoice|InvoiceNo",
            "placed_at": "InvoiceDate",
            "storefront": "Customer ID|CustomerID",
            "country": "Country",
            "sku": "StockCode",
            "product_name": "Description",
            "quantity": "Quantity",
            "unit_price": "Price|UnitPrice",
        },
        options={"profile": "online_retail"},
    ),
)
BY_NAME = {known.name: known for known in FORMATS}


def recognise(kind: str, header: Sequence[str]) -> Format | None:
    """Return the format of a known system that a header belongs to, or None."""
    names = {folded(column) for column in header}
    for known in FORMATS:
        if known.kind == kind and any({folded(column) for column in mark.split("|")} <= names for mark in known.marks):
            return known
    return None


def mapping_of(known: Format, header: Sequence[str]) -> dict[str, str]:
    """Return {our field: the file's column} for the export's columns that the file has."""
    columns: dict[str, str] = {}
    for column in header:
        columns.setdefault(folded(column), column)
    mapping = {}
    for name, choices in known.columns.items():
        for choice in choices.split("|"):
            if folded(choice) in columns:
                mapping[name] = columns[folded(choice)]
                break
    return mapping
