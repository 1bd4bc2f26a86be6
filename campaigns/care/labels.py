"""Texts of care rules that several modules show."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from campaigns.calendar.selectors import occasion_names
from campaigns.care.models import CareRule, CareState, CareTrigger

RULE_STATES: dict[str, str | Promise] = dict(CareState.choices)


def trigger_words(rule: CareRule) -> str:
    """Describe trigger and audience of a rule: "90 days without an order, only in “VIP”, at 10:00"."""
    days = rule.days
    if rule.trigger == CareTrigger.BIRTHDAY:
        text = (
            ngettext("%(days)s day before the birthday", "%(days)s days before the birthday", days)
            if days
            else _t("On the birthday")
        )
    elif rule.trigger == CareTrigger.AFTER_PURCHASE:
        text = (
            ngettext("%(days)s day after a purchase", "%(days)s days after a purchase", days)
            if days
            else _t("Right after a purchase")
        )
    elif rule.trigger == CareTrigger.NO_ORDER:
        text = ngettext("%(days)s day without an order", "%(days)s days without an order", days)
    elif rule.trigger == CareTrigger.POINTS_EXPIRING:
        text = (
            ngettext("%(days)s day before points expire", "%(days)s days before points expire", days)
            if days
            else _t("On the last day of points")
        )
    elif rule.trigger == CareTrigger.OCCASION:
        text = (
            ngettext("%(days)s day before: %(occasion)s", "%(days)s days before: %(occasion)s", days)
            if days
            else _t("On the day: %(occasion)s")
        )
    else:
        text = _t("Enters “%(segment)s”")
    occasion = occasion_names([rule.occasion])[rule.occasion] if rule.occasion else ""
    parts = [text % {"days": days, "segment": rule.segment or "", "occasion": occasion}]
    if rule.segment and rule.trigger != CareTrigger.SEGMENT_ENTERED:
        parts.append(_t("only in “%(segment)s”") % {"segment": rule.segment})
    if rule.send_at:
        parts.append(_t("at %(time)s") % {"time": f"{rule.send_at:%H:%M}"})
    return _t(", ").join(parts)
