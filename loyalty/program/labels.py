"""Describe settings of the program in words."""

from __future__ import annotations

from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _t

from loyalty.program.rules.member_days import DAY, LAST_WEEK, MemberDay


def member_day_words(setting: MemberDay) -> str:
    """Return "day 8 of each month", "Friday number 2 of each month" or "the last Friday of each month"."""
    if setting.kind == DAY:
        return _t("day %(day)s of each month") % {"day": setting.number}
    weekday = WEEKDAYS[setting.weekday - 1]
    if setting.number >= LAST_WEEK:
        return _t("the last %(weekday)s of each month") % {"weekday": weekday}
    return _t("%(weekday)s number %(number)s of each month") % {"weekday": weekday, "number": setting.number}
