"""Labels for the codes that storefronts, tills and imports send. An unknown code is shown as it was sent."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

SOURCES: dict[str, str | Promise] = {
    "api": _("API"),
    "console": _("Console"),
    "import": _("Import"),
    "online_retail": "Online Retail",
    "simulator": _("Demo data"),
    "storefront": _("Storefront"),
    "system": _("System"),
}
CHANNELS: dict[str, str | Promise] = {
    "app": _("App"),
    "marketplace": _("Marketplace"),
    "mini_program": _("Mini program"),
    "phone": pgettext_lazy("channel", "Phone"),
    "pos": _("Till"),
    "store": pgettext_lazy("channel", "Store"),
    "web": _("Website"),
}
PAYMENT_METHODS: dict[str, str | Promise] = {
    "alipay": _("Alipay"),
    "apple_pay": "Apple Pay",
    "bank_transfer": _("Bank transfer"),
    "card": pgettext_lazy("payment", "Card"),
    "cash": _("Cash"),
    "cash_on_delivery": _("Cash on delivery"),
    "cod": _("Cash on delivery"),
    "credit_card": _("Credit card"),
    "debit_card": _("Debit card"),
    "gift_card": _("Gift card"),
    "google_pay": "Google Pay",
    "invoice": _("Invoice"),
    "paypal": "PayPal",
    "points": pgettext_lazy("payment", "Points"),
    "store_credit": _("Store credit"),
    "unionpay": _("UnionPay"),
    "wechat": _("WeChat Pay"),
    "wechat_pay": _("WeChat Pay"),
    "wechatpay": _("WeChat Pay"),
}
ACTIVITY: dict[str, str | Promise] = {
    "view": _("Viewed a product"),
    "search": _("Searched"),
    "cart": _("Added to cart"),
    "share": _("Shared"),
    "review": _("Reviewed"),
    "check_in": _("Checked in"),
}


def _code(value: str) -> str:
    return value.strip().lower().replace("-", "_").replace(" ", "_")


def source_label(source: str) -> str:
    """Where a customer, an order or a file came from; many shops name a sales channel there."""
    code = _code(source)
    return str(SOURCES.get(code) or CHANNELS.get(code) or source)


def sales_channel_label(channel: str) -> str:
    return str(CHANNELS.get(_code(channel), channel))


def method_label(method: str) -> str:
    return str(PAYMENT_METHODS.get(_code(method), method))


def origin_label(source: str, channel: str) -> str:
    """Return the labels of the source and the channel, or one label when both are equal."""
    return " · ".join(dict.fromkeys(filter(None, [source_label(source), sales_channel_label(channel)])))


# What a check of the sender's domain found, by record and code (crm.customers.rules.mail_records).
MAIL_RECORDS: dict[tuple[str, str], str | Promise] = {
    ("spf", "ok"): _("Receivers can see that your mail server may send for this domain."),
    ("spf", "missing"): _("The domain has no SPF record, so receivers can't tell your mail from forged mail."),
    ("spf", "several"): _("The domain has more than one SPF record, so receivers use none. Replace them by one."),
    ("spf", "allows_all"): _("The record allows every server of the world to send for this domain."),
    ("spf", "not_allowed"): _("The record does not name your e-mail provider, so your mail may be refused."),
    ("dkim", "ok"): _("Receivers can check the signature of your messages."),
    ("dkim", "no_selector"): _("Enter the DKIM selector that your e-mail provider shows, then check again."),
    ("dkim", "missing"): _("There is no key at this name. Publish the record that your e-mail provider shows."),
    ("dkim", "no_key"): _("The key was withdrawn: the record is empty. Publish the record that your provider shows."),
    ("dmarc", "ok"): _("Receivers know what to do with forged mail."),
    ("dmarc", "missing"): _("The domain has no DMARC record. Large mailbox providers require one for marketing."),
    ("dmarc", "several"): _("The domain has more than one DMARC record, so receivers use none. Keep one."),
    ("dmarc", "no_policy"): _("The record names no policy that receivers understand."),
    ("dmarc", "only_watched"): _(
        "Forged mail is only reported. When the reports look right, publish a stricter policy."
    ),
}
UNREACHABLE = _("No name server answered, so this could not be checked. Try again later.")
