"""Entries of imports in the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import ngettext

from core.audit.log import LOGGED, Logged
from core.text.formatting import number


def _refusals(payload: Mapping[str, Any]) -> str:
    rows = ngettext("%(count)s row", "%(count)s rows", payload["rows"]) % {"count": number(payload["rows"])}
    return f"{payload['file']} · {rows}"


LOGGED.register("crm.refused_rows_exported", Logged(_refusals))
