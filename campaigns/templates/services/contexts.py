"""Build the context of templates: plain values about customers, loaded per batch with one query per kind of fact."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.utils import translation
from django.utils.translation import gettext

from analytics.recommendations.registry import Recommendation, recommend
from analytics.recommendations.services import best_sellers
from campaigns.coupons.labels import terms, value_words, zhe_words
from campaigns.coupons.models import Coupon, CouponCode, DiscountKind
from campaigns.coupons.rules import codes
from campaigns.templates.rules import declared_values
from campaigns.templates.rules.liquid import ROOTS, Plain, plain
from campaigns.templates.services.products import Card, event_context, product_cards, safe_url
from core.security.signing import Signer
from core.text.currencies import exponent
from core.text.formatting import day, in_chinese, money
from crm.customers.models import Customer, Store
from crm.customers.selectors import logo_path
from crm.customers.services.customers import supported_language
from crm.orders.models import Order
from loyalty.tiers.models import Tier
from loyalty.tiers.selectors.standing import metric_text

UNSUBSCRIBE_SALT = "campaigns.unsubscribe"
# Values that a template does not name are neither looked up nor formatted.
EVERYTHING = ROOTS | {"spent"}
FROM_MESSAGE = ("order", "ticket", "segment", "coupon", "links", "values")
# The products that a text names: products["MUG"].
_NAMED = re.compile(r"""products\[['"]([^'"\]]{1,64})['"]\]""")
SAMPLE_URL = "https://shop.example/products/mug"
FIRST_CJK = "\u2e80"
PREFERENCES_SALT = "campaigns.preferences"
MEMBER_CODE_SALT = "campaigns.member_code"


@dataclass
class Person:
    """Hold one customer; `languages` are in the order in which a text is looked for."""

    id: int
    name: str
    number: str
    languages: tuple[str, ...]
    zone: str
    values: dict[str, Any] = field(default_factory=dict)


class Contexts:
    """Hold facts about the customers of one batch. `of` returns one customer's context in one language."""

    def __init__(self, customer_ids: Iterable[int], zones: frozenset[str]) -> None:
        self.store = Store.objects.filter(is_default=True).first()
        fallback = self.store.time_zone if self.store and self.store.time_zone in zones else "UTC"
        shop_language = self.store.language if self.store else settings.LANGUAGE_CODE
        rows = Customer.objects.filter(pk__in=set(customer_ids)).order_by()
        self.people: dict[int, Person] = {
            pk: Person(pk, name, number, readings(language, shop_language), zone if zone in zones else fallback)
            for pk, name, number, language, zone in rows.values_list("id", "name", "number", "language", "time_zone")
        }
        self._recommendations: dict[int, Recommendation] | None = None
        self._tiers = {tier.pk: tier for tier in Tier.objects.select_related("program").order_by("rank")}
        self._cards: dict[str, Card] = {}
        self._load()

    @property
    def shop_name(self) -> str:
        """Return the name of the shop, or "" without a store."""
        return self.store.name if self.store else ""

    def _load(self) -> None:
        ids = list(self.people)
        with connection.cursor() as cursor:
            cursor.execute(
                """SELECT m.customer_id, m.tier_id, coalesce(sum(a.available) FILTER (WHERE t.spendable), 0)::bigint,
                          coalesce(sum(a.pending) FILTER (WHERE t.spendable), 0)::bigint, m.qualifying
                   FROM loyalty_member m JOIN loyalty_program p ON p.id = m.program_id AND p.is_default
                   LEFT JOIN loyalty_account a ON a.member_id = m.id
                   LEFT JOIN loyalty_pointtype t ON t.id = a.point_type_id
                   WHERE m.customer_id = ANY(%s) AND m.state = 'active'
                   GROUP BY m.customer_id, m.tier_id, m.qualifying""",
                [ids],
            )
            for customer, tier, available, pending, qualifying in cursor.fetchall():
                self.people[customer].values["member"] = {
                    "tier_id": tier, "points": available, "pending": pending, "qualifying": qualifying
                }  # fmt: skip
            cursor.execute(
                """SELECT customer_id, order_count, net_spend, rfm_r, rfm_f, rfm_m, rfm_group, stage, last_order_at
                   FROM analytics_customerfeature WHERE customer_id = ANY(%s)""",
                [ids],
            )
            names = ("order_count", "net_spend", "recency", "frequency", "money", "group", "stage", "last_order_at")
            for customer, *values in cursor.fetchall():
                self.people[customer].values["features"] = dict(zip(names, values, strict=True))

    def of(
        self, customer_id: int, language: str, extra: dict[str, Any], names: frozenset[str] = EVERYTHING
    ) -> dict[str, Any]:
        """Return the context.

        `extra` is what the message itself brings (order, ticket, links); only `names` are included.
        """
        if translation.get_language() == language:
            return self._of(self.people[customer_id], extra, names)
        with translation.override(language):
            return self._of(self.people[customer_id], extra, names)

    def _of(self, person: Person, extra: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
        features = person.values.get("features", {})
        currency = self.store.currency if self.store else ""
        # Values built here are already plain; values from elsewhere are converted.
        values = Plain({name: plain(extra[name]) for name in FROM_MESSAGE if name in extra and name in names})
        if "customer" in names:
            values["customer"] = {
                "name": person.name,
                "first_name": first_name(person.name),
                "number": person.number,
                "language": person.languages[0] if person.languages else "",
                "order_count": features.get("order_count", 0),
                "spent": money(features.get("net_spend", 0), currency) if currency and "spent" in names else "",
                "last_order_at": _local(features.get("last_order_at"), person.zone),
            }
        if "member" in names:
            values["member"] = self._member(person)
        if "rfm" in names:
            values["rfm"] = {name: features.get(name) for name in ("recency", "frequency", "money", "group")}
        if "shop" in names:
            values["shop"] = shop_values(self.store, currency)
        if "event" in names:
            values["event"] = plain(event_context(extra.get("event"), currency))
        if "expiring" in names:
            values["expiring"] = _expiring(extra.get("expiring"))
        if "recommendations" in names:
            values["recommendations"] = plain(self._recommended(person, currency))
        if "best_sellers" in names:
            values["best_sellers"] = {"items": self._shown(_seller_skus(), currency)}
        if "products" in names:
            values["products"] = {sku: card.shown(currency) for sku, card in self._cards.items()}
        return values

    def know_products(self, sources: Iterable[str]) -> None:
        """Load the products that these texts name, for `products`."""
        self._know({sku for source in sources for sku in named_products(source)})

    def _know(self, skus: Iterable[str]) -> None:
        missing = set(skus) - self._cards.keys()
        self._cards |= product_cards(missing)

    def _shown(self, skus: Sequence[str], currency: str) -> list[dict[str, str]]:
        """Return the products of a list that are on sale, in its order."""
        self._know(skus)
        return _in_order(skus, self._cards, currency)

    def _recommended(self, person: Person, currency: str) -> dict[str, Any]:
        """Return the recommendations, which are computed once per batch. `items` is empty when there are none."""
        if self._recommendations is None:
            self._recommendations = recommend(list(self.people))
            self._know({item.sku for found in self._recommendations.values() for item in found.products})
        recommendation = self._recommendations.get(person.id)
        if recommendation is None:
            return {"title": "", "items": []}
        return {
            "title": str(recommendation.title) % dict(recommendation.values),
            "items": self._shown([item.sku for item in recommendation.products], currency),
        }

    def _member(self, person: Person) -> dict[str, Any]:
        facts = person.values.get("member")
        if facts is None:
            return {"is_member": False, "points": 0, "points_pending": 0, "tier": "", "next_tier": "", "to_next": "",
                    "progress": 0}  # fmt: skip
        tier = self._tiers.get(facts["tier_id"])
        rank = tier.rank if tier else 0
        higher = (one for one in self._tiers.values() if one.program.is_default and one.rank > rank)
        following = next(higher, None)
        left = max(following.threshold - facts["qualifying"], 0) if following else 0
        return {
            "is_member": True,
            "points": facts["points"],
            "points_pending": facts["pending"],
            "tier": tier.label if tier else "",
            "next_tier": following.label if following else "",
            "to_next": metric_text(following.program, left) if following else "",
            "progress": 100 - 100 * left // following.threshold if following and following.threshold else 0,
        }


@lru_cache(maxsize=256)
def readings(language: str, shop_language: str) -> tuple[str, ...]:
    """Return the languages in which a text is looked for, in order: the customer's, the shop's, English."""
    languages = [language, supported_language(language), language.partition("-")[0]]
    languages += [shop_language, supported_language(shop_language), "en"]
    return tuple(dict.fromkeys(filter(None, languages)))


def _expiring(facts: dict[str, Any] | None) -> dict[str, Any]:
    """Return the points and the last day to spend them, formatted for the reader."""
    return {"points": facts["points"], "on": day(date.fromisoformat(facts["on"]))} if facts else {"points": 0, "on": ""}


def first_name(name: str) -> str:
    """Return the first word of a Latin name; a Chinese, Japanese or Korean name stays whole."""
    words = name.split()
    return words[0] if words and max(name) < FIRST_CJK else name.strip()


def coupon_context(coupon: Coupon, code: CouponCode | None, language: str) -> dict[str, Any]:
    """Return the coupon's values. `value` is formatted for the language (10% or 9折, ¥20.00); `terms` is a sentence."""
    with translation.override(language):
        return {
            "name": coupon.name,
            "code": codes.shown(code.code) if code else "",
            "value": _coupon_value(coupon),
            "terms": terms(coupon),
            "minimum_spend": money(coupon.minimum_spend, coupon.currency) if coupon.minimum_spend else "",
            "expires": day(_earlier(coupon.ends_at, code.expires_at if code else None)),
        }


def _coupon_value(coupon: Coupon) -> str:
    if coupon.kind != DiscountKind.PERCENT:
        return money(coupon.value, coupon.currency)
    if not in_chinese():
        # The text itself says what follows the figure: "15% off", "worth 15%".
        return f"{coupon.value}%"
    return value_words(coupon) if coupon.value == 100 else zhe_words(coupon)


def order_contexts(order_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return orders by id: number, total, placed_at, and up to twenty lines with name, SKU, quantity, price and link.

    `price` is that of one piece. `url` is where the customer saw the product last, by their own activity.
    """
    result: dict[int, dict[str, Any]] = {}
    lines: dict[int, list[dict[str, Any]]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT l.order_id, coalesce(nullif(l.name, ''), p.name, ''), coalesce(p.sku, ''),
                      l.quantity, l.unit_price, o.currency, seen.url
               FROM crm_orderline l JOIN crm_order o ON o.id = l.order_id
               LEFT JOIN crm_product p ON p.id = l.product_id
               LEFT JOIN LATERAL (
                   SELECT a.properties ->> 'url' AS url FROM crm_activityevent a
                   WHERE a.customer_id = l.customer_id AND a.product_id = l.product_id
                         AND jsonb_exists(a.properties, 'url')
                   ORDER BY a.occurred_at DESC LIMIT 1) AS seen ON true
               WHERE l.order_id = ANY(%s) AND l.kind = 'product' AND l.position <= 20
               ORDER BY l.order_id, l.position""",
            [list(order_ids)],
        )
        for order, name, sku, quantity, price, currency, url in cursor.fetchall():
            lines[order].append(
                {
                    "name": name,
                    "sku": sku,
                    "quantity": f"{quantity.normalize():f}",
                    "price": f"{price:.{exponent(currency)}f} {currency}",
                    "url": safe_url(url),
                }
            )
    for order in Order.objects.filter(pk__in=list(order_ids)):
        amount = f"{order.total / 10 ** exponent(order.currency):.{exponent(order.currency)}f}"
        result[order.pk] = {
            "number": order.number,
            "total": f"{amount} {order.currency}",
            "placed_at": order.placed_at.isoformat(),
            "items": lines[order.pk],
        }
    return result


def unsubscribe_url(message_id: UUID | str, customer_id: int, channel: str) -> str:
    """Return the signed link of one message. It never expires: a person must always be able to unsubscribe."""
    return f"{settings.SITE_URL}/u/{link_signer().sign(f'{message_id}.{customer_id}.{channel}')}/"


def preferences_url(customer_id: int) -> str:
    """Return the signed link to the customer's preferences. It never expires either."""
    return f"{settings.SITE_URL}/p/{preferences_signer().sign(str(customer_id))}/"


def member_code_url(customer_id: int) -> str:
    """Return the signed address of the picture of a member's code. It never expires, like the e-mail that shows it."""
    return f"{settings.SITE_URL}/m/{member_code_signer().sign(str(customer_id))}.png"


@lru_cache(maxsize=1)
def member_code_signer() -> Signer:
    """Return the signer of the pictures of member codes."""
    return Signer(salt=MEMBER_CODE_SALT)


@lru_cache(maxsize=1)
def preferences_signer() -> Signer:
    """Return the signer of links to the preference page."""
    return Signer(salt=PREFERENCES_SALT)


@lru_cache(maxsize=1)
def link_signer() -> Signer:
    """Return the signer of unsubscribe links."""
    return Signer(salt=UNSUBSCRIBE_SALT)


def shop_values(store: Store | None, currency: str) -> dict[str, str]:
    """Return what templates may show of the shop; a value that it has not set is empty."""
    logo = logo_path(store)
    return {
        "name": store.name if store else "",
        "url": settings.SITE_URL,
        "currency": currency,
        "address": store.address if store else "",
        "logo": f"{settings.SITE_URL}{logo}" if logo else "",
        "brand_colour": store.brand_colour if store else "",
        "accent_colour": store.accent_colour if store else "",
    }


def named_products(source: str) -> set[str]:
    """Return the SKUs of the products that a text names."""
    return set(_NAMED.findall(source))


def sample_context(language: str, declared: Sequence[Mapping[str, Any]] = (), source: str = "") -> dict[str, Any]:
    """Return sample values for the preview of a template. `declared`: the values of the template.

    `source` is its text: the products that it names, and best sellers, are those of the shop.
    """
    store = Store.objects.filter(is_default=True).first()
    currency = store.currency if store else "CNY"
    name = "王小明" if language.startswith("zh") else "Ada Lovelace"
    with translation.override(language):
        skus = _seller_skus()
        sellers = _in_order(skus, product_cards(skus), currency)
        return {
            "customer": {
                "name": name, "first_name": first_name(name), "number": "10000017", "language": language,
                "order_count": 3, "spent": money(128_00, currency), "last_order_at": "2026-01-15T10:00:00",
            },
            "member": {"is_member": True, "points": 1280, "points_pending": 0, "tier": "Gold", "next_tier": "Platinum",
                       "to_next": money(60_00, currency), "progress": 70},
            "rfm": {"recency": 5, "frequency": 4, "money": 4, "group": "champions"},
            "shop": {**shop_values(store, currency), "name": store.name if store else "Shop"},
            "coupon": {
                "name": "Welcome", "code": "23456-789AC-DEFGH", "value": money(20_00, currency), "minimum_spend": "",
                "expires": "", "terms": gettext("%(amount)s off") % {"amount": money(20_00, currency)},
            },
            "order": {
                "number": "2026-0001", "total": money(99_00, currency), "placed_at": "2026-01-15T10:00:00",
                "items": [
                    {"name": "Mug", "sku": "MUG", "quantity": "1", "price": money(39_00, currency), "url": SAMPLE_URL},
                    {
                        "name": "Kettle",
                        "sku": "KETTLE",
                        "quantity": "1",
                        "price": money(60_00, currency),
                        "url": SAMPLE_URL,
                    },
                ],
            },
            "event": {
                "at": "2026-01-15T10:00:00",
                "items": [
                    {"name": "Mug", "sku": "MUG", "quantity": "1", "price": money(39_00, currency), "url": SAMPLE_URL,
                     "picture": ""},
                ],
            },
            "recommendations": {
                "title": gettext("Best sellers"),
                "items": sellers[:4] or [_sample_card(currency)],
            },
            "best_sellers": {"items": sellers or [_sample_card(currency)] * 2},
            "products": {sku: card.shown(currency) for sku, card in product_cards(named_products(source)).items()},
            "ticket": {
                "number": "T10017", "subject": "Where is my order?", "reply": "It arrives tomorrow.",
            },
            "segment": {"name": "VIP"},
            "values": declared_values.examples(declared),
            "expiring": {"points": 200, "on": day(date(2026, 12, 31))},
            "links": {
                "unsubscribe": f"{settings.SITE_URL}/u/example/", "preferences": f"{settings.SITE_URL}/p/example/",
                "rating": f"{settings.SITE_URL}/rate/example/",
                "member_code": f"{settings.SITE_URL}/m/example.png",
            },
        }  # fmt: skip


def _seller_skus() -> list[str]:
    return [item.sku for item in best_sellers().get("", [])]


def _in_order(skus: Sequence[str], cards: Mapping[str, Card], currency: str) -> list[dict[str, str]]:
    return [cards[sku].shown(currency) for sku in skus if sku in cards]


def _sample_card(currency: str) -> dict[str, str]:
    return {"name": "Mug", "sku": "MUG", "price": money(39_00, currency), "url": SAMPLE_URL, "picture": ""}


def _local(value: Any, zone: str) -> str:
    return value.astimezone(ZoneInfo(zone)).isoformat(timespec="minutes") if value else ""


def _earlier(*moments: Any) -> Any:
    dates = [moment for moment in moments if moment is not None]
    return min(dates) if dates else None
