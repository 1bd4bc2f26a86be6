"""Conditions about the date in the program's zone, for member days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.base.errors import Invalid
from core.fields import Field
from core.text.formatting import day
from loyalty.earning.registry import Condition, Subject, Values, listed, wrong
from loyalty.program.labels import member_day_words
from loyalty.program.models import Program
from loyalty.program.rules.member_days import MemberDay
from loyalty.program.selectors import member_day


class Weekday(Condition):
    """Condition on the day of the week; 1 is Monday."""

    label = _("Weekday")
    settings = (
        Field(
            "days",
            "numbers",
            _("On these weekdays"),
            least=1,
            most=7,
            choices=lambda: [(n + 1, name) for n, name in WEEKDAYS.items()],
        ),
    )

    def refused(self, values: Values, subject: Subject, known: Any) -> str:
        if subject.local.isoweekday() in values["days"]:
            return ""
        return _t("it is a %(weekday)s") % {"weekday": WEEKDAYS[subject.local.weekday()]}

    def says(self, values: Values, program: Program) -> str:
        return _t("every %(weekdays)s") % {"weekdays": listed([WEEKDAYS[n - 1] for n in values["days"]])}


class DayOfMonth(Condition):
    """Condition on a member day, such as the 8th of each month. A month without a 31st has no such day."""

    label = _("Day of the month")
    settings = (
        Field("days", "numbers", _("On these days of the month"), _("For example 8, 18, 28."), least=1, most=31),
    )

    def refused(self, values: Values, subject: Subject, known: Any) -> str:
        if subject.local.day in values["days"]:
            return ""
        return _t("it is day %(day)s of the month") % {"day": subject.local.day}

    def says(self, values: Values, program: Program) -> str:
        return _t("on day %(days)s of the month") % {"days": listed(values["days"])}


class OnMemberDay(Condition):
    """Condition on the member day of the program's settings."""

    label = _("Member day")
    settings = (Field("on", "flag", _("On the member day of the program")),)

    def clean(self, values: Values, program: Program) -> Values:
        if member_day() is None:
            raise Invalid(
                _("The program has no member day yet. Set it in the settings of the program."),
                code="no_member_day",
                field="conditions",
            )
        return super().clean(values, program)

    def gather(self, values: Sequence[Values], subjects: Sequence[Subject]) -> MemberDay | None:
        return member_day()

    def refused(self, values: Values, subject: Subject, known: MemberDay | None) -> str:
        if known is not None and known.falls_on(subject.local.date()):
            return ""
        return _t("it is not the member day")

    def says(self, values: Values, program: Program) -> str:
        setting = member_day()
        return _t("on the member day (%(when)s)") % {"when": member_day_words(setting)} if setting else str(self.label)


class Between(Condition):
    """Condition on a range of dates. Both days belong to it."""

    label = _("Dates")
    settings = (Field("first", "date", _("From day")), Field("last", "date", _("To day")))

    def clean(self, values: Values, program: Program) -> Values:
        days = super().clean(values, program)
        if days["last"] < days["first"]:
            raise wrong(self.label)
        return days

    def refused(self, values: Values, subject: Subject, known: Any) -> str:
        if values["first"] <= subject.local.date().isoformat() <= values["last"]:
            return ""
        return _t("it is outside the dates")

    def says(self, values: Values, program: Program) -> str:
        return _t("from %(first)s to %(last)s") % {
            "first": day(date.fromisoformat(values["first"])),
            "last": day(date.fromisoformat(values["last"])),
        }
