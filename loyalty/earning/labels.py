"""Words for a rule, for staff and storefronts: "2 points per ¥1.00 · on Coffee · at most 100 points a day"."""

from __future__ import annotations

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.text.formatting import money, number
from loyalty.earning.models import EarningRule, EarningRuleVersion, Stacking
from loyalty.earning.registry import CONDITIONS
from loyalty.earning.rules.terms import CapTerms, ConditionTerms
from loyalty.program.models import Program
from loyalty.triggers.registry import TRIGGERS

PERIOD_LABELS = {
    "day": _("a day"),
    "week": _("a week"),
    "month": _("a month"),
    "year": _("a year"),
    "ever": _("in total"),
}
PER_MEMBER = {
    "day": _("at most %(points)s points a day"),
    "week": _("at most %(points)s points a week"),
    "month": _("at most %(points)s points a month"),
    "year": _("at most %(points)s points a year"),
    "ever": _("at most %(points)s points in total"),
}
FOR_ALL = {
    "day": _("at most %(points)s points a day for all members together"),
    "week": _("at most %(points)s points a week for all members together"),
    "month": _("at most %(points)s points a month for all members together"),
    "year": _("at most %(points)s points a year for all members together"),
    "ever": _("at most %(points)s points in total for all members together"),
}


def terms_words(version: EarningRuleVersion, program: Program) -> str:
    """Return what the rule gives, without conditions and limits."""
    if version.stacking == Stacking.MULTIPLY:
        return _t("all other points × %(factor)s") % {"factor": f"{version.factor.normalize():f}"}
    points = ngettext("%(count)s point", "%(count)s points", version.points) % {"count": number(version.points)}
    if version.per_amount:
        return _t("%(points)s per %(amount)s") % {
            "points": points,
            "amount": money(version.per_amount, program.currency),
        }
    if version.streak_days:
        return _t("%(points)s for %(days)s days in a row") % {"points": points, "days": version.streak_days}
    return _t("%(points)s each time") % {"points": points}


def condition_words(version: EarningRuleVersion, program: Program) -> list[str]:
    texts = []
    conditions: list[ConditionTerms] = version.conditions
    for values in conditions:
        condition = CONDITIONS.get(values["kind"])
        texts.append(
            condition.says(values, program) if condition else _t("a removed condition: the rule gives nothing")
        )
    return texts


def cap_words(cap: CapTerms) -> str:
    words = PER_MEMBER if cap["scope"] == "member" else FOR_ALL
    return str(words[cap["period"]]) % {"points": number(cap["points"])}


def version_words(version: EarningRuleVersion, program: Program, *, shared_limits: bool = True) -> str:
    """Return the whole version in one line.

    `shared_limits` False leaves out the limits on all members together, because they are for the shop only.
    """
    caps = [cap_words(cap) for cap in version.caps if shared_limits or cap["scope"] == "member"]
    return " · ".join([terms_words(version, program), *condition_words(version, program), *caps])


def trigger_words(rule: EarningRule) -> str:
    trigger = TRIGGERS.get(rule.trigger)
    label = str(trigger.label) if trigger else rule.trigger
    if trigger and trigger.kinds is not None and rule.event_kind:
        kind = dict(trigger.kinds()).get(rule.event_kind, rule.event_kind)
        return f"{label}: {kind}"
    return label
