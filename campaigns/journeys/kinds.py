"""The kinds of fields that only journey steps have: events, conditions on events, rules, and the paths of a split."""

from __future__ import annotations

import re
from typing import Any, cast

from django.utils.translation import gettext_lazy as _

from analytics.conditions.rules.trees import Group
from analytics.conditions.services.compilation import clean_rule
from campaigns.journeys import rules
from campaigns.journeys.registry import ERRORS, OPERATORS
from campaigns.journeys.services import events
from core.base.errors import Invalid
from core.fields import Field, FieldKind, clean_value

NUMBER = re.compile(r"-?[0-9]{1,18}([.][0-9]{1,9})?")
WEIGHT_ERRORS = {**ERRORS, "required": ("invalid", _("Use a whole number."))}


class EventKind(FieldKind):
    """The key of an event of the timeline or of a kind of activity."""

    def clean(self, field: Field, raw: Any, *, strict: bool) -> str:
        if not events.known(str(raw)):
            raise Invalid(_("This event does not exist."), code="unknown_event")
        return str(raw)


class EventWhereKind(FieldKind):
    """A list of {"field", "operator", "value"} that must all hold for the properties of an event."""

    def clean(self, field: Field, raw: Any, *, strict: bool) -> list[rules.EventCondition]:
        if not isinstance(raw, list) or len(raw) > 5:
            raise Invalid(_("Use at most 5 conditions."))
        cleaned: list[rules.EventCondition] = []
        for item in raw:
            name, operator, value = (str(item.get(part, "")).strip() for part in ("field", "operator", "value"))
            if not name and not value:
                continue
            if not name or len(name) > 60 or len(value) > 100 or "\x00" in name + value:
                raise Invalid(_("Enter the property to compare."))
            if operator not in OPERATORS:
                raise Invalid(_("Not one of the choices."), code="invalid_choice")
            if operator in ("gte", "lte") and not NUMBER.fullmatch(value):
                raise Invalid(_("Use a number."))
            cleaned.append(cast(rules.EventCondition, {"field": name, "operator": operator, "value": value}))
        return cleaned


class RuleKind(FieldKind):
    """The rule of a segment, with a group at its root. The segment builder draws it."""

    def clean(self, field: Field, raw: Any, *, strict: bool) -> Group:
        rule = clean_rule(raw)
        return {"op": "and", "children": [rule]} if "condition" in rule else rule


class ArmsKind(FieldKind):
    """The paths of a split: a list of {"code", "label", "weight"}."""

    def clean(self, field: Field, raw: Any, *, strict: bool) -> list[dict[str, Any]]:
        if not isinstance(raw, list) or not 2 <= len(raw) <= 6:
            raise Invalid(_("A split needs 2 to 6 paths."))
        cleaned, used_codes = [], set()
        for item in raw:
            code = str(item.get("code", ""))
            if not rules.STEP_ID.fullmatch(code) or code in used_codes or code in ("happened", "timeout"):
                raise Invalid(_("Each path needs a code of its own."))
            used_codes.add(code)
            share = Field("weight", "number", least=1, most=100)
            weight = clean_value(share, item.get("weight"), path=field.name, errors=WEIGHT_ERRORS)
            cleaned.append({"code": code, "label": str(item.get("label", "")).strip()[:40], "weight": weight})
        return cleaned
