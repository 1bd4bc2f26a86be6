"""Conditions on the customer: profile, tags, consents, birthdays, the shop's own attributes."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from analytics.conditions.registry import (
    CONDITIONS,
    HAS_OPERATORS,
    SegmentCondition,
    Sql,
    choice,
    days_ahead,
    flag,
    member_of,
    moment,
    number,
)
from core.base import clock
from core.base.zones import shop_day
from core.fields import Choices, Field
from core.text import countries
from core.text.formatting import language_label
from crm.customers.labels import source_label
from crm.customers.models import AttributeDefinition, AttributeType, Channel, Customer, Gender, Purpose, Tag
from crm.customers.services.customers import birthday_indexes

GROUP = _("Customer")
LEAP_YEAR = 2000


def _distinct(column: str, label: Callable[[str], str] = str) -> Callable[[], Choices]:
    def choices() -> Choices:
        values = (
            Customer.objects.exclude(**{column: ""}).values_list(column, flat=True).distinct().order_by(column)[:300]
        )
        return [(value, label(value)) for value in values]

    return choices


def _choices(enum: type[TextChoices]) -> Callable[[], Choices]:
    return lambda: enum.choices


def _tags() -> Choices:
    return [(str(pk), name) for pk, name in Tag.objects.values_list("pk", "name")]


def _birthday(operator: str, values: dict[str, Any]) -> Sql:
    """Build the birthday condition for today and the coming days in the shop's time zone.

    It compares blind indexes, so that no birthday is decrypted (P3).
    """
    today = shop_day(clock.now())
    if operator in {"this_month", "next_month"}:
        month = today.month if operator == "this_month" else today.month % 12 + 1
        days = [(month, day) for day in range(1, monthrange(LEAP_YEAR, month)[1] + 1)]
    else:
        days = days_ahead(values["days"], today)
    indexes = [index for month, day in days for index in birthday_indexes(month, day)]
    text = "coalesce(c.birthday_index = ANY(%s), false)"
    return Sql(f"(NOT {text})" if operator == "has_not" else text, (indexes,))


def _birthday_inputs(operator: str) -> list[Field]:
    return [Field("days", "days", _("days"))] if operator in HAS_OPERATORS else []


def _consent(operator: str, values: dict[str, Any]) -> Sql:
    text = """(f.customer_id IN (SELECT s.customer_id FROM crm_consentstate s
               WHERE s.granted AND s.channel = %s AND s.purpose = %s AND s.customer_id {scope}))"""
    return Sql(text if operator == "has" else f"(NOT {text})", (values["channel"], values["purpose"]))


def _attributes() -> Choices:
    return [(row.code, row.label) for row in AttributeDefinition.objects.all()]


def _attribute(operator: str, values: dict[str, Any]) -> Sql:
    name = values["attribute"]
    if operator == "set":
        return Sql("(c.attributes ->> %s IS NOT NULL)", (name,))
    if operator == "not_set":
        return Sql("(c.attributes ->> %s IS NULL)", (name,))
    if operator == "equals":
        return Sql("coalesce(lower(c.attributes ->> %s) = lower(%s), false)", (name, values["text"]))
    sign = ">=" if operator == "gte" else "<="
    numbers = AttributeDefinition.objects.filter(code=name, type=AttributeType.NUMBER).exists()
    if numbers:
        return Sql(
            f"coalesce(CASE WHEN jsonb_typeof(c.attributes -> %s) = 'number' "
            f"THEN (c.attributes ->> %s)::numeric {sign} "
            "CASE WHEN %s ~ '^-?[0-9]+(\\.[0-9]+)?$' THEN %s::numeric END END, false)",
            (name, name, values["text"], values["text"]),
        )
    return Sql(f"coalesce(c.attributes ->> %s {sign} %s, false)", (name, values["text"]))


def _attribute_inputs(operator: str) -> list[Field]:
    first = Field("attribute", "choice", _("attribute"), choices=_attributes)
    return [first] if operator in {"set", "not_set"} else [first, Field("text", "verbatim", _("value"))]


def register() -> None:
    add = CONDITIONS.register
    for condition in (
        choice("gender", _("Gender"), GROUP, "c.gender", _choices(Gender)),
        choice("country", _("Country"), GROUP, "c.country", countries.choices),
        choice("region", _("Region"), GROUP, "c.region", _distinct("region")),
        choice("language", _("Language"), GROUP, "c.language", _distinct("language", language_label)),
        choice("source", _("Source"), GROUP, "c.source", _distinct("source", source_label)),
        moment("known_since", _("First known"), GROUP, "c.created_at"),
        number("age", _("Age"), GROUP, "(extract(year FROM now())::int - c.birth_year)", time_based=True),
        flag("has_name", _("Name is known"), GROUP, "c.name <> ''"),
        member_of(
            "tags",
            _("Tags"),
            GROUP,
            "SELECT t.customer_id FROM crm_customertag t WHERE t.tag_id = ANY(%s::bigint[]) AND t.customer_id {scope}",
            _tags,
            """(SELECT string_agg(tag.name, ', ' ORDER BY tag.name) FROM crm_customertag ct
                JOIN crm_tag tag ON tag.id = ct.tag_id WHERE ct.customer_id = f.customer_id)""",
        ),
        SegmentCondition(
            "birthday",
            _("Birthday"),
            GROUP,
            {
                "has": _("is within the next days"),
                "has_not": _("is not within the next days"),
                "this_month": _("is this month"),
                "next_month": _("is next month"),
            },
            _birthday_inputs,
            _birthday,
            "(c.birthday_index IS NOT NULL)",
            time_based=True,
            query={
                "has": "birthday within {days} days|day",
                "has_not": "birthday not within {days} days|day",
                "this_month": "birthday this month",
                "next_month": "birthday next month",
            },
        ),
        SegmentCondition(
            "consent",
            _("Consent"),
            GROUP,
            HAS_OPERATORS,
            lambda operator: [
                Field("channel", "choice", _("channel"), choices=_choices(Channel)),
                Field("purpose", "choice", _("purpose"), choices=_choices(Purpose), default="marketing"),
            ],
            _consent,
            """(SELECT string_agg(s.channel || '/' || s.purpose, ', ' ORDER BY s.channel, s.purpose)
                FROM crm_consentstate s WHERE s.customer_id = f.customer_id AND s.granted)""",
            query={
                "has": "consent to {channel} [for {purpose}]",
                "has_not": "consent lacks {channel} [for {purpose}]",
            },
        ),
        SegmentCondition(
            "attribute",
            _("Attribute"),
            GROUP,
            {
                "equals": _("is"),
                "gte": _("is at least"),
                "lte": _("is at most"),
                "set": _("is known"),
                "not_set": _("is not known"),
            },
            _attribute_inputs,
            _attribute,
            "c.attributes",
            query={
                "equals": "attribute {attribute} = {text}",
                "gte": "attribute {attribute} >= {text}",
                "lte": "attribute {attribute} <= {text}",
                "set": "attribute {attribute} known",
                "not_set": "attribute {attribute} unknown",
            },
        ),
    ):
        add(condition.name, condition)
