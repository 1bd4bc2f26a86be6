"""Rules as sentences in the viewer's language."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from analytics.conditions.registry import (
    CHOICE_OPERATORS,
    CONDITIONS,
    DATE_OPERATORS,
    FILTER_SIGNS,
    YES_NO,
    SegmentCondition,
)
from analytics.conditions.rules.trees import Leaf, Node, values_of
from core.fields import Field
from core.text.formatting import day, money, number, when
from crm.customers.models import Channel, Purpose

SHOWN_VALUES = 6


@dataclass(frozen=True)
class Words:
    """The words of one condition, or of a group with its `children`."""

    text: str
    children: list[Words] = field(default_factory=list)


def tree_words(rule: Node, currency: str) -> Words:
    if "condition" in rule:
        return Words(leaf_words(rule, currency))
    parts = [tree_words(child, currency) for child in rule["children"]]
    if rule["op"] == "not":
        # not(or(a, b)) reads as "none of a, b".
        inner = rule["children"][0] if rule["children"] else None
        is_or = inner is not None and "condition" not in inner and inner["op"] == "or"
        return Words(_t("None of these:"), parts[0].children if is_or else parts)
    if not parts:
        return Words(_t("Every customer") if rule["op"] == "and" else _t("No customers"))
    if len(parts) == 1:
        return parts[0]
    return Words(_t("All of these:") if rule["op"] == "and" else _t("Any of these:"), parts)


def sentence(rule: Node, currency: str) -> str:
    """Return the whole rule on one line."""

    def line(node: Node, nested: bool) -> str:
        if "condition" in node:
            return leaf_words(node, currency)
        parts = [line(child, True) for child in node["children"]]
        if node["op"] == "not":
            return _t("not (%(rule)s)") % {"rule": parts[0] if parts else ""}
        if not parts:
            return _t("Every customer") if node["op"] == "and" else _t("No customers")
        text = (_t(" and ") if node["op"] == "and" else _t(" or ")).join(parts)
        return f"({text})" if nested and len(parts) > 1 else text

    return line(rule, False)


def leaf_words(leaf: Leaf, currency: str) -> str:
    """Return the words of one condition: "Net spend is at least ¥500.00".

    Unknown and incomplete conditions get words of their own.
    """
    condition = CONDITIONS.get(leaf["condition"])
    if condition is None:
        return _t("Unknown condition “%(name)s”") % {"name": leaf["condition"]} if leaf["condition"] else "…"
    operator = leaf["operator"]
    values = values_of(leaf)
    if operator not in condition.operators:
        return str(condition.label)
    if condition.phrase:
        return condition.phrase(operator, values)
    shown = {item.name: _value_text(item, values.get(item.name), currency) for item in condition.inputs(operator)}
    special = SPECIAL.get(condition.name)
    return (special or _plain)(condition, operator, shown, values)


def _plain(condition: SegmentCondition, operator: str, shown: dict[str, str], values: dict[str, Any]) -> str:
    how = str(condition.operators[operator])
    if condition.operators is YES_NO:
        return _t("%(what)s: %(how)s") % {"what": condition.label, "how": how}
    if condition.operators is DATE_OPERATORS and "…" in how:
        for value in shown.values():
            how = how.replace("…", value, 1)
        return _join_words(str(condition.label), how, "")
    if set(shown) == {"low", "high"}:
        return _t("%(what)s is between %(low)s and %(high)s") % {"what": condition.label, **shown}
    if operator in CHOICE_OPERATORS and len(values.get("values") or []) == 1:
        how = _t("is") if operator == "in" else _t("is not")
    return _join_words(str(condition.label), how, " ".join(shown.values()))


def _join_words(what: str, how: str, value: str) -> str:
    """Join the parts of a phrase by a translated pattern, because Chinese puts no space between them."""
    if not value:
        return _t("%(what)s %(how)s") % {"what": what, "how": how}
    return _t("%(what)s %(how)s %(value)s") % {"what": what, "how": how, "value": value}


def _value_text(item: Field, value: Any, currency: str) -> str:
    if value in (None, "", []):
        return "…"
    if item.kind == "money" and isinstance(value, int):
        return money(value, currency)
    if item.kind in {"number", "days"} and isinstance(value, int):
        return number(value)
    if item.kind == "date":
        try:
            return day(date.fromisoformat(str(value)))
        except ValueError:
            return str(value)
    if item.kind == "where":
        parts = [_join_words(part["property"], str(FILTER_SIGNS[part["sign"]]), part["value"]) for part in value]
        return _t(", ").join(parts)
    if item.kind in {"choice", "choices"}:
        codes = [str(part) for part in value] if isinstance(value, list) else [str(value)]
        labels = {str(code): str(label) or _t("(empty)") for code, label in item.choices()} if item.choices else {}
        return _join_names([labels.get(part, part) for part in codes])
    return f"“{value}”"


def value_words(condition: SegmentCondition, leaf: Leaf, value: str | None, currency: str) -> str:
    """Return the customer's value in words, to explain why they are in or out (S3).

    `value` is text from the database.
    """
    if value is None or value == "":
        return _t("nothing")
    if condition.name in OWN_VALUES:
        return OWN_VALUES[condition.name](leaf, value)
    if condition.operators is YES_NO or value in {"true", "false"}:
        return _t("yes") if value == "true" else _t("no") if value == "false" else value
    if condition.operators is DATE_OPERATORS:
        try:
            return when(datetime.fromisoformat(value))
        except ValueError:
            return value
    for item in condition.inputs(leaf["operator"]):
        if item.kind == "money" and value.lstrip("-").isdigit():
            return money(int(value), currency)
        if item.kind in {"number", "days"} and value.lstrip("-").isdigit():
            return number(int(value))
        if item.kind in {"choice", "choices"} and item.choices:
            labels = {str(code): str(label) for code, label in item.choices()}
            return labels.get(value, value)
    return value


def _join_names(names: Sequence[str]) -> str:
    text = _t(", ").join(names[:SHOWN_VALUES])
    rest = len(names) - SHOWN_VALUES
    if rest <= 0:
        return text
    return ngettext("%(names)s and %(count)s more", "%(names)s and %(count)s more", rest) % {
        "names": text,
        "count": rest,
    }


Special = Callable[[SegmentCondition, str, dict[str, str], dict[str, Any]], str]


def _bought(_condition: SegmentCondition, operator: str, shown: dict[str, str], values: dict[str, Any]) -> str:
    what, times = shown.get("values") or shown.get("sku") or "…", _times(values)
    if operator == "has":
        text = ngettext(
            "Bought %(what)s at least %(times)s time in the last %(days)s days",
            "Bought %(what)s at least %(times)s times in the last %(days)s days",
            times,
        )
    elif operator == "has_between":
        text = ngettext(
            "Bought %(what)s at least %(times)s time from %(since)s to %(until)s",
            "Bought %(what)s at least %(times)s times from %(since)s to %(until)s",
            times,
        )
    elif operator == "has_not_between":
        if times == 1:
            text = _t("Did not buy %(what)s from %(since)s to %(until)s")
        else:
            text = _t("Bought %(what)s fewer than %(times)s times from %(since)s to %(until)s")
    elif times == 1:
        text = _t("Did not buy %(what)s in the last %(days)s days")
    else:
        text = _t("Bought %(what)s fewer than %(times)s times in the last %(days)s days")
    return text % {**shown, "what": what}


def _did(_condition: SegmentCondition, operator: str, shown: dict[str, str], values: dict[str, Any]) -> str:
    times = _times(values)
    if operator == "has":
        text = ngettext(
            "“%(what)s” at least %(times)s time in the last %(days)s days",
            "“%(what)s” at least %(times)s times in the last %(days)s days",
            times,
        )
    elif operator == "has_between":
        text = ngettext(
            "“%(what)s” at least %(times)s time from %(since)s to %(until)s",
            "“%(what)s” at least %(times)s times from %(since)s to %(until)s",
            times,
        )
    elif operator == "has_not_between":
        if times == 1:
            text = _t("No “%(what)s” from %(since)s to %(until)s")
        else:
            text = _t("“%(what)s” fewer than %(times)s times from %(since)s to %(until)s")
    elif times == 1:
        text = _t("No “%(what)s” in the last %(days)s days")
    else:
        text = _t("“%(what)s” fewer than %(times)s times in the last %(days)s days")
    said = text % {**shown, "what": shown["kind"]}
    return (
        _t("%(what)s, where %(filters)s") % {"what": said, "filters": shown["where"]} if values.get("where") else said
    )


def _times(values: dict[str, Any]) -> int:
    times = values.get("times")
    return times if isinstance(times, int) else 1


def _tags(_condition: SegmentCondition, operator: str, shown: dict[str, str], values: dict[str, Any]) -> str:
    one = len(values.get("values") or []) == 1
    if operator == "has":
        text = _t("Has the tag %(names)s") if one else _t("Has one of the tags %(names)s")
    else:
        text = _t("Does not have the tag %(names)s") if one else _t("Has none of the tags %(names)s")
    return text % {"names": shown["values"]}


def _tier_rank(condition: SegmentCondition, operator: str, shown: dict[str, str], values: dict[str, Any]) -> str:
    """Return the words with the names of the tiers: "Tier rank is at least 3 (Gold)"."""
    tiers = CONDITIONS.get("tier")
    names = {
        str(code): str(label)
        for item in (tiers.inputs("in") if tiers else [])
        for code, label in (item.choices or list)()
    }

    def named(name: str) -> str:
        label = names.get(str(values.get(name)))
        return _t("%(rank)s (%(tier)s)") % {"rank": shown[name], "tier": label} if label else shown[name]

    return _plain(condition, operator, {name: named(name) for name in shown}, values)


def _birthday(_condition: SegmentCondition, operator: str, shown: dict[str, str], _values: dict[str, Any]) -> str:
    text = {
        "has": _t("Birthday is within the next %(days)s days"),
        "has_not": _t("Birthday is not within the next %(days)s days"),
        "this_month": _t("Birthday is this month"),
        "next_month": _t("Birthday is next month"),
    }[operator]
    return text % shown


def _points_expiring(
    _condition: SegmentCondition, operator: str, shown: dict[str, str], _values: dict[str, Any]
) -> str:
    if operator == "within":
        return _t("Has points that expire within %(days)s days") % shown
    return _t("Has no points that expire within %(days)s days") % shown


def _consent(_condition: SegmentCondition, operator: str, shown: dict[str, str], _values: dict[str, Any]) -> str:
    if operator == "has":
        return _t("Agreed to %(purpose)s by %(channel)s") % shown
    return _t("Has not agreed to %(purpose)s by %(channel)s") % shown


def _attribute(condition: SegmentCondition, operator: str, shown: dict[str, str], _values: dict[str, Any]) -> str:
    return _join_words(shown["attribute"], str(condition.operators[operator]), shown.get("text", ""))


def _sample(_condition: SegmentCondition, operator: str, shown: dict[str, str], _values: dict[str, Any]) -> str:
    if operator == "has":
        return _t("In a random sample of %(percent)s%% (draw %(draw)s)") % shown
    return _t("Outside a random sample of %(percent)s%% (draw %(draw)s)") % shown


def _in_segment(_condition: SegmentCondition, operator: str, shown: dict[str, str], values: dict[str, Any]) -> str:
    one = len(values.get("values") or []) == 1
    if operator == "has":
        text = _t("Is in the segment %(names)s") if one else _t("Is in one of the segments %(names)s")
    else:
        text = _t("Is not in the segment %(names)s") if one else _t("Is in none of the segments %(names)s")
    return text % {"names": shown["values"]}


SPECIAL: dict[str, Special] = {
    "in_segment": _in_segment,
    "sample": _sample,
    "did": _did,
    "bought_category": _bought,
    "bought_product": _bought,
    "tags": _tags,
    "tier_rank": _tier_rank,
    "birthday": _birthday,
    "points_expiring": _points_expiring,
    "consent": _consent,
    "attribute": _attribute,
}


def _own_consents(_leaf: Leaf, value: str) -> str:
    """Convert email/marketing, sms/service to E-mail · Marketing, SMS · Service and surveys."""
    channels, purposes = dict(Channel.choices), dict(Purpose.choices)
    pairs = [part.partition("/") for part in value.split(", ")]
    return _join_names(
        [f"{channels.get(channel, channel)} · {purposes.get(purpose, purpose)}" for channel, _, purpose in pairs]
    )


def _own_attribute(leaf: Leaf, value: str) -> str:
    """Return the value of the attribute that the condition names."""
    try:
        own_value = json.loads(value).get(values_of(leaf).get("attribute"))
    except (ValueError, AttributeError):
        return value
    if isinstance(own_value, bool):
        return _t("yes") if own_value else _t("no")
    return _t("nothing") if own_value in (None, "") else str(own_value)


OWN_VALUES: dict[str, Callable[[Leaf, str], str]] = {
    "consent": _own_consents,
    "attribute": _own_attribute,
    "sample": lambda _leaf, _value: _t("drawn at random"),
    "in_segment": lambda _leaf, value: value,
}
