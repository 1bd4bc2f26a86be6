"""Conditions about the member who earns: tier, segment, month of birth."""

from __future__ import annotations

import zoneinfo
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.base.zones import known_zones
from core.fields import Field
from crm.customers.models import Customer
from crm.customers.services.customers import birthday_indexes
from loyalty.earning.registry import Condition, Subject, Values, listed
from loyalty.program import registry as audiences
from loyalty.program.models import Program
from loyalty.tiers.models import Tier


def _tiers(program: Program) -> list[tuple[str, str]]:
    return [(tier.code, tier.label) for tier in Tier.objects.filter(program=program).order_by("rank")]


class InTier(Condition):
    """Condition on the member's tier when the points are given."""

    label = _("Tier")

    def settings_of(self, program: Program) -> Sequence[Field]:
        return (Field("tiers", "words", _("In one of these tiers"), choices=lambda: _tiers(program)),)

    def refused(self, values: Values, subject: Subject, known: Any) -> str:
        if subject.tier and subject.tier.code in values["tiers"]:
            return ""
        return _t("the tier is %(tier)s") % {"tier": subject.tier.label if subject.tier else _t("none")}

    def says(self, values: Values, program: Program) -> str:
        return _t("tier %(tiers)s") % {
            "tiers": listed([label for code, label in _tiers(program) if code in values["tiers"]])
        }


class InSegment(Condition):
    """Condition on being in the segment when the points are given. A removed segment holds for no member."""

    label = _("Segment")
    settings = (Field("segment", "number", _("In this segment"), choices=audiences.choices),)

    def gather(self, values: Sequence[Values], subjects: Sequence[Subject]) -> set[tuple[int, int]]:
        return audiences.members_of({one["segment"] for one in values}, {one.customer for one in subjects})

    def refused(self, values: Values, subject: Subject, known: Any) -> str:
        return "" if (values["segment"], subject.customer) in known else _t("not in the segment")

    def says(self, values: Values, program: Program) -> str:
        name = dict(audiences.choices()).get(values["segment"], _t("a removed segment"))
        return _t("segment %(name)s") % {"name": name}


class BirthdayMonth(Condition):
    """Condition on the month of birth, in the customer's zone or else the program's (J7).

    It searches the blind index, so no birthday is decrypted (P3).
    """

    label = _("Birthday month")
    settings = (Field("on", "flag", _("In the month of the member's birthday")),)

    def gather(self, values: Sequence[Values], subjects: Sequence[Subject]) -> dict[int, tuple[int, str]]:
        """Return {customer: (month of birth, zone)} for the customers whose birthday is known."""
        months = {
            index: month for month in range(1, 13) for day in range(1, 32) for index in birthday_indexes(month, day)
        }
        rows = Customer.objects.filter(pk__in={one.customer for one in subjects}, birthday_index__isnull=False)
        return {
            pk: (months.get(bytes(index or b""), 0), zone)
            for pk, index, zone in rows.values_list("pk", "birthday_index", "time_zone")
        }

    def refused(self, values: Values, subject: Subject, known: Any) -> str:
        month, zone = known.get(subject.customer, (0, ""))
        if not month:
            return _t("the birthday is not known")
        local = subject.at.astimezone(zoneinfo.ZoneInfo(zone)) if zone in known_zones() else subject.local
        return "" if local.month == month else _t("it is not the month of the birthday")

    def says(self, values: Values, program: Program) -> str:
        return _t("in the birthday month")
