"""Importable fields of each kind, and the suggested mapping of a file's columns to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

IDENTITIES = ("storefront", "wechat_unionid", "wechat_openid", "wecom_external", "card", "phone", "email")
ATTRIBUTE = "attributes."


@dataclass(frozen=True)
class ImportField:
    """One field of an import. `shape` tells how to parse a cell, `limit` is the longest text in characters.

    `header`: in an orders file, the value is equal on every row of an order, or is given on only one of them.
    """

    name: str
    shape: str = "text"
    limit: int = 0
    required: bool = False
    aliases: str = ""
    header: bool = False


def _identity(name: str, aliases: str, *, header: bool = False) -> ImportField:
    return ImportField(name, "identity", aliases=aliases, header=header)


def who(*, header: bool = False) -> tuple[ImportField, ...]:
    """Return the fields that identify a customer: the number and the kinds of identities."""
    return (
        ImportField(
            "customer_number", limit=20, aliases="customerno membernumber memberno 客户编号 会员编号", header=header
        ),
        _identity(
            "storefront",
            "customerid userid buyerid memberid shopcustomerid accountid 用户id 会员id 买家id 客户id 买家会员名 "
            "kundennummer kundennr kundenid",
            header=header,
        ),
        _identity("wechat_unionid", "unionid wechatunionid 微信unionid", header=header),
        _identity("wechat_openid", "openid wechatopenid 微信openid", header=header),
        _identity("wecom_external", "externaluserid wecomexternal 企业微信外部联系人id", header=header),
        _identity("card", "cardnumber cardno membercard 会员卡号 卡号", header=header),
        _identity(
            "phone",
            "phonenumber mobile mobilephone tel telephone customerphone 手机 手机号 手机号码 电话 联系电话 "
            "telefon telefonnummer",
            header=header,
        ),
        _identity("email", "emailaddress mail customeremail billingemail 邮箱 电子邮箱 邮件", header=header),
    )


FIELDS: dict[str, tuple[ImportField, ...]] = {
    "orders": (
        ImportField(
            "number",
            limit=64,
            required=True,
            aliases="order ordernumber orderno orderid ordername invoice invoiceno invoicenumber 订单号 订单编号 单号 "
            "bestellnummer auftragsnummer rechnungsnummer",
            header=True,
        ),
        ImportField(
            "placed_at",
            "time",
            required=True,
            aliases="orderdate orderedat createdat created date placed orderplaced invoicedate transactiondate "
            "下单时间 订单时间 订单创建时间 创建时间 日期 bestelldatum auftragsdatum rechnungsdatum datum",
            header=True,
        ),
        ImportField(
            "paid_at",
            "time",
            aliases="paid paidtime paymentdate paymenttime datepaid 付款时间 支付时间 bezahltam zahlungsdatum",
            header=True,
        ),
        ImportField(
            "state",
            "order_state",
            aliases="status orderstatus financialstatus 状态 订单状态 bestellstatus zahlungsstatus",
            header=True,
        ),
        ImportField(
            "refunded_amount",
            "number",
            aliases="refunded totalrefunded amountrefunded refundtotal refundamount 已退金额 退款总额 "
            "erstattet erstattungsbetrag erstatteterbetrag",
            header=True,
        ),
        ImportField(
            "refunded_at", "time", aliases="refunddate refundtime refundedon 退款时间 退款日期 erstattetam", header=True
        ),
        ImportField("currency", "currency", aliases="currencycode ordercurrency 币种 货币 währung", header=True),
        ImportField("store", limit=40, aliases="storecode shop 店铺 门店", header=True),
        ImportField("channel", limit=40, aliases="saleschannel orderchannel 渠道 销售渠道", header=True),
        *who(header=True),
        ImportField(
            "customer_name",
            "person",
            limit=200,
            aliases="buyername fullname billingname customerfullname 姓名 客户姓名 买家姓名 收货人 收货人姓名 买家 "
            "kunde kundenname",
            header=True,
        ),
        ImportField("country", limit=60, aliases="countryname billingcountry shippingcountry 国家 land", header=True),
        ImportField(
            "sku",
            limit=64,
            aliases="stockcode productid itemsku lineitemsku productcode itemcode "
            "商品编码 货号 商品编号 商家编码 规格编码 artikelnummer artikelnr",
        ),
        ImportField(
            "product_name",
            limit=300,
            aliases="product description productname itemname lineitemname title name 商品 商品名称 商品标题 artikel "
            "artikelbezeichnung bezeichnung",
        ),
        ImportField("category", limit=200, aliases="productcategory 分类 类目 kategorie"),
        ImportField("brand", limit=120, aliases="vendor 品牌 marke"),
        ImportField("line_kind", "line_kind", aliases="linetype itemtype"),
        ImportField(
            "quantity", "quantity", aliases="qty count lineitemquantity 数量 件数 购买数量 menge anzahl stückzahl"
        ),
        ImportField(
            "unit_price",
            "number",
            aliases="price unitprice itemprice lineitemprice 单价 价格 einzelpreis preis stückpreis",
        ),
        ImportField("line_discount", "number", aliases="itemdiscount lineitemdiscount 商品优惠 positionsrabatt"),
        ImportField(
            "line_amount",
            "number",
            aliases="linetotal amount lineamount itemtotal 小计 金额 positionssumme zeilensumme",
        ),
        ImportField("line_refunded", "number", aliases="linerefund lineitemrefunded itemrefunded 退款金额"),
        ImportField(
            "discount",
            "number",
            aliases="orderdiscount discountamount discounttotal 优惠 优惠金额 折扣 rabatt gutschein",
            header=True,
        ),
        ImportField(
            "shipping",
            "number",
            aliases="postage shippingcost shippingtotal freight delivery 运费 邮费 versand versandkosten",
            header=True,
        ),
        ImportField("tax", "number", aliases="taxes vat taxtotal 税 税费 steuer mwst umsatzsteuer", header=True),
        ImportField("fees", "number", aliases="fee feetotal 手续费 服务费 gebühr gebühren", header=True),
        ImportField("points_amount", "number", aliases="paidwithpoints pointsused 积分抵扣", header=True),
        ImportField(
            "total",
            "number",
            aliases="ordertotal grandtotal totalpaid totalamount 实付 实付金额 总额 合计 "
            "gesamtsumme gesamtbetrag gesamt",
            header=True,
        ),
    ),
    "customers": (
        *who(),
        ImportField("name", "person", limit=200, aliases="fullname customername displayname 姓名 客户姓名 名字"),
        ImportField("birthday", "birthday", aliases="birthdate dateofbirth dob born 生日 出生日期"),
        ImportField("gender", "gender", aliases="sex 性别"),
        ImportField("language", "language", limit=10, aliases="lang locale 语言"),
        ImportField("time_zone", "zone", aliases="timezone tz 时区"),
        ImportField("country", limit=60, aliases="countryname 国家"),
        ImportField("region", limit=120, aliases="state province city 省份 地区 城市"),
        ImportField("tags", "tags", aliases="tag labels 标签"),
    ),
    "products": (
        ImportField(
            "sku",
            limit=64,
            required=True,
            aliases="stockcode productid productcode itemcode code 商品编码 货号 商品编号",
        ),
        ImportField("name", limit=300, aliases="productname title description product 商品名称 商品 名称"),
        ImportField("category", limit=200, aliases="productcategory type 分类 类目"),
        ImportField("brand", limit=120, aliases="vendor manufacturer 品牌"),
        ImportField("price", "number", aliases="unitprice listprice saleprice 价格 售价 单价"),
        ImportField("name_zh", limit=300, aliases="chinesename namechinese titlezh 中文名称 中文名"),
        ImportField("description", limit=10_000, aliases="bodyhtml longdescription details text 商品描述 描述 详情"),
        ImportField("description_zh", limit=10_000, aliases="chinesedescription descriptionchinese 中文描述"),
        ImportField("tags", limit=900, aliases="tag labels keywords 标签 关键词"),
        ImportField("tags_zh", limit=900, aliases="chinesetags tagschinese 中文标签"),
        ImportField("url", limit=500, aliases="link producturl permalink 链接 商品链接"),
        ImportField("picture_url", limit=500, aliases="image imageurl imagesrc picture photo 图片 图片链接 主图"),
        ImportField("cost", "number", aliases="costprice costperitem purchaseprice 成本 成本价"),
        ImportField("active", "boolean", aliases="enabled published onsale available 上架 在售"),
    ),
    "activity": (
        ImportField("sender_id", limit=80, required=True, aliases="id eventid event_id uuid messageid 事件id"),
        ImportField("kind", limit=40, required=True, aliases="event eventname eventtype type action 事件 行为"),
        ImportField(
            "occurred_at", "time", required=True, aliases="time timestamp date eventtime occurred 时间 发生时间"
        ),
        *who(),
        ImportField("anonymous_id", limit=80, aliases="visitorid anonymousid deviceid sessionid clientid 访客id"),
        ImportField("sku", limit=64, aliases="productid itemid itemsku stockcode 商品编码 货号"),
        ImportField("properties", "json", aliases="props data payload 属性"),
    ),
    "consents": (
        *who(),
        ImportField("channel", "consent_channel", required=True, aliases="medium 渠道"),
        ImportField("purpose", "consent_purpose", required=True, aliases="reason 用途 目的"),
        ImportField(
            "decision", "consent_decision", required=True, aliases="state status consent granted optin 决定 状态 同意"
        ),
        ImportField("given_at", "time", required=True, aliases="time timestamp date consentedat 时间 同意时间"),
        ImportField("source", limit=60, required=True, aliases="where origin 来源"),
        ImportField("evidence", limit=500, aliases="proof note 凭据 备注"),
    ),
}
# Kinds whose rows must name a customer.
NAMED = {"customers", "consents"}


def fields_of(kind: str, attributes: Iterable[str] = ()) -> dict[str, ImportField]:
    """Return the fields of a kind by name. A customers file may also fill the shop's own attributes."""
    fields = {field.name: field for field in FIELDS[kind]}
    if kind == "customers":
        fields |= {f"{ATTRIBUTE}{code}": ImportField(f"{ATTRIBUTE}{code}", "attribute") for code in attributes}
    return fields


def folded(text: str) -> str:
    """Fold a column name, so that `Order No.` and `order_no` are equal."""
    return re.sub(r"[\W_]+", "", text.casefold())


def suggest_mapping(fields: Mapping[str, ImportField], header: Sequence[str]) -> dict[str, str]:
    """Suggest {our field: the file's column} by the names of the columns; a column is used once."""
    columns: dict[str, str] = {}
    for column in header:
        columns.setdefault(folded(column), column)
    mapping: dict[str, str] = {}
    own = {field.name: [folded(field.name), folded(field.name.removeprefix(ATTRIBUTE))] for field in fields.values()}
    # An exact match with our own name takes precedence over any alias.
    for names in (own, {field.name: [folded(alias) for alias in field.aliases.split()] for field in fields.values()}):
        for name, spellings in names.items():
            free = (columns[text] for text in spellings if text in columns and columns[text] not in mapping.values())
            if name not in mapping and (match := next(free, "")):
                mapping[name] = match
    return mapping


class WrongMapping(ValueError):
    """All errors of a mapping as (code, field or column); `code` and `name` are those of the first error.

    `check_mapping` lists the codes.
    """

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        self.problems = problems
        self.code, self.name = problems[0]
        super().__init__(", ".join(f"{code}: {name}" for code, name in problems))


def check_mapping(
    kind: str, fields: Mapping[str, ImportField], header: Sequence[str], mapping: Mapping[str, str]
) -> None:
    """Raise WrongMapping when this mapping cannot import a single row."""
    problems = [("unknown_field", name) for name in mapping if name not in fields]
    problems += [("unknown_column", column) for column in mapping.values() if column not in header]
    problems += [("required", name) for name, field in fields.items() if field.required and name not in mapping]
    named = {"customer_number", *IDENTITIES} & mapping.keys()
    if kind in NAMED and not named:
        problems.append(("nobody", "customer_number"))
    if kind == "activity" and not named and "anonymous_id" not in mapping:
        problems.append(("nobody", "customer_number"))
    if kind == "orders" and not {"unit_price", "line_amount", "total"} & mapping.keys():
        problems.append(("no_price", "unit_price"))
    if problems:
        raise WrongMapping(problems)
