"""The kind of field for conditions on the properties of an activity."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from analytics.conditions.registry import FILTER_SIGNS, MAX_FILTERS
from core.base.errors import Invalid
from core.fields import Field, FieldKind


class WhereKind(FieldKind):
    """A list of {"property", "sign", "value"} that must all hold; see FILTER_SIGNS."""

    def clean(self, field: Field, raw: Any, *, strict: bool) -> list[dict[str, str]]:
        if not isinstance(raw, list) or len(raw) > MAX_FILTERS:
            raise Invalid(_("Use at most five properties."))
        return [_clean_filter(part) for part in raw]


def _clean_filter(part: Any) -> dict[str, str]:
    refusal = Invalid(_("Enter a name, a comparison and a value for each property."))
    if not isinstance(part, dict) or set(part) != {"property", "sign", "value"} or part["sign"] not in FILTER_SIGNS:
        raise refusal
    name, value = str(part["property"]).strip(), str(part["value"])
    if not name or len(name) > 80 or not value or len(value) > 200 or "\x00" in name + value:
        raise refusal
    return {"property": name, "sign": part["sign"], "value": value}
