"""The page of the audit log: changes of rows, views of personal data, exports and decisions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.audit import log as audit_log
from core.audit.log import AuditEntry, AuditFilter, FieldChange
from core.console.views import page
from core.db.paging import Page
from core.events import bus as events
from core.security.models import User
from core.text.formatting import day, number, when

LONGEST = 160
OTHERS = {
    "system": _("The system"),
    "key": _("Storefront"),
    "member": _("Customer"),
    "anonymous": _("Visitor who is not signed in"),
    "": _("The system"),
}


@dataclass(frozen=True)
class ChangedField:
    """A field of a changed row as texts. `after` is empty when the row was deleted."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class AuditRow:
    entry: AuditEntry
    who: str | Promise
    kind: str | Promise
    label: str | Promise
    url: str
    words: str
    changes: list[ChangedField]


@page("core.view_audit")
def index(request: HttpRequest) -> HttpResponse:
    filters = AuditFilter(
        actor=request.GET.get("actor", "")[:80],
        source=request.GET.get("what", "")[:80],
        since=_midnight(request.GET.get("since", "")),
        until=_midnight(request.GET.get("until", ""), after=True),
    )
    entries, following = audit_log.page(filters, request.GET.get("cursor", ""))
    staff = {f"user:{user.pk}": str(user) for user in User.objects.order_by("first_name", "username")}
    sources = dict(audit_log.sources())
    context = {
        "page": Page(entries, following or None),  # type: ignore[type-var]
        "rows": [_shown(entry, staff, sources) for entry in entries],
        "wanted": {name: request.GET.get(name, "") for name in ("actor", "what", "since", "until")},
        "actors": [*staff.items(), ("system", OTHERS["system"])],
        "sources": [(audit_log.EVENTS, _t("Views, exports and decisions")), *sources.items()],
        "filtered": any(request.GET.get(name) for name in ("actor", "what", "since", "until")),
    }
    return render(request, "core/audit/audit.html", context)


def history(source: str, size: int) -> list[AuditRow]:
    """Return the newest changes of one tracked model, for the page that edits it."""
    entries, _following = audit_log.page(AuditFilter(source=source), size=size)
    staff = {f"user:{user.pk}": str(user) for user in User.objects.order_by("first_name", "username")}
    sources = dict(audit_log.sources())
    return [_shown(entry, staff, sources) for entry in entries]


def _midnight(text: str, *, after: bool = False) -> datetime | None:
    """Return the start of a day in the viewer's zone, or its end; None if the text is not a date."""
    try:
        date = parse_date(text)
    except ValueError:
        return None
    if date is None:
        return None
    moment = timezone.make_aware(datetime.combine(date, time()))
    return moment + timedelta(days=1) if after else moment


def _shown(entry: AuditEntry, staff: dict[str, str], sources: dict[str, str]) -> AuditRow:
    who = staff.get(entry.actor) or str(OTHERS.get(entry.actor.partition(":")[0], entry.actor))
    if entry.source == audit_log.EVENTS:
        declared = events.TYPES.get(entry.what)
        kind = (declared and declared.label) or entry.what
        return AuditRow(entry, who, kind, "", "", audit_log.words_of(entry), [])
    deleted = entry.what == "delete"
    changes = [ChangedField(change.label, *_values(change, deleted=deleted)) for change in audit_log.changes(entry)]
    return AuditRow(entry, who, sources[entry.source], audit_log.label_of(entry), audit_log.url_of(entry), "", changes)


def _values(change: FieldChange, *, deleted: bool) -> tuple[str, str]:
    if change.secret:
        return ("•••" if change.before else "—", "" if deleted else "•••" if change.after else "—")
    return _value(change.field, change.before), "" if deleted else _value(change.field, change.after)


def _value(field: models.Field, value: Any) -> str:
    """Return a value as text in the viewer's language, at most LONGEST characters."""
    if value in (None, ""):
        return "—"
    if field.flatchoices:
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(value, bool):
        return _t("Yes") if value else _t("No")
    if field.is_relation:
        return f"#{value}"
    if isinstance(field, models.DateTimeField):
        moment = parse_datetime(str(value))
        return when(moment) if moment else str(value)
    if isinstance(field, models.DateField):
        date = parse_date(str(value))
        return day(date) if date else str(value)
    if isinstance(value, int | float):
        # Small numbers may be years, which have no thousands separator.
        return str(value) if isinstance(field, models.PositiveSmallIntegerField) else number(value)
    text = str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
