"""Wait. Each wait is a row with a time; none is held in a queue (F4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import connection
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from campaigns.journeys.registry import StepBatch, StepKind, Wait
from campaigns.journeys.rules import StepValues
from campaigns.journeys.services.events import event_words
from campaigns.journeys.services.facts import happened_since
from campaigns.messages.services import gate
from core.fields import Field, Text
from core.text.formatting import number

UNITS: tuple[tuple[str, Text], ...] = (
    ("minutes", _("minutes")),
    ("hours", _("hours")),
    ("days", _("days")),
    ("weeks", _("weeks")),
)


def span(values: StepValues) -> timedelta:
    return timedelta(**{values["unit"]: values["amount"]})


def span_words(values: StepValues) -> str:
    count = values.get("amount") or 0
    forms = {
        "minutes": ngettext("%(count)s minute", "%(count)s minutes", count),
        "hours": ngettext("%(count)s hour", "%(count)s hours", count),
        "days": ngettext("%(count)s day", "%(count)s days", count),
        "weeks": ngettext("%(count)s week", "%(count)s weeks", count),
    }
    return forms.get(values.get("unit", ""), "%(count)s") % {"count": number(count)}


def _length(label: Text) -> tuple[Field, Field]:
    return (
        Field("amount", "number", label, least=1, most=1000, default=1),
        Field("unit", "choice", _("Unit"), choices=lambda: UNITS, default="days"),
    )


class WaitTime(StepKind):
    label = _("Wait")
    icon = "clock"
    group = "flow"
    fields = _length(_("For"))

    def wait(self, batch: StepBatch) -> dict[int, Wait]:
        until = batch.now + span(batch.values)
        return {run.id: Wait(until) for run in batch.runs}

    def act(self, batch: StepBatch) -> dict[int, str | None]:
        return {run.id: None if _early(run.waits_until, batch) else "" for run in batch.runs}

    def words(self, values: StepValues) -> str:
        return span_words(values)


class WaitUntil(WaitTime):
    """Wait until the local clock of the customer shows a time."""

    label = _("Wait until a time of day")
    icon = "clock-pause"
    fields = (
        Field(
            "days",
            "number",
            _("Days later"),
            most=365,
            default=0,
            help=_("0: the next time that the clock shows it."),
        ),
        Field("time", "time", _("Local time"), default="10:00"),
    )

    def wait(self, batch: StepBatch) -> dict[int, Wait]:
        parameters = gate.parameters(batch.now)
        with connection.cursor() as cursor:
            cursor.execute(
                f"""SELECT c.id, campaigns_next_local(
                       %(now)s + make_interval(days => %(days)s),
                       {gate.CUSTOMER_ZONE}, %(time)s::time)
                   FROM crm_customer c WHERE c.id = ANY(%(customers)s)""",  # noqa: S608 - fragments of the code; values are parameters
                {
                    "now": batch.now,
                    "zones": parameters["zones"],
                    "zone": parameters["zone"],
                    "days": batch.values["days"],
                    "time": batch.values["time"],
                    "customers": batch.customers,
                },
            )
            until = dict(cursor.fetchall())
        return {run.id: Wait(until.get(run.customer, batch.now)) for run in batch.runs}

    def words(self, values: StepValues) -> str:
        days = values.get("days") or 0
        if not days:
            return _t("until %(time)s") % {"time": values.get("time", "")}
        text = ngettext("%(count)s day later at %(time)s", "%(count)s days later at %(time)s", days)
        return text % {"count": number(days), "time": values.get("time", "")}


class WaitEvent(StepKind):
    """Wait until an event happens, with a time limit. Events before the start of the wait do not count."""

    label = _("Wait for an event")
    icon = "hourglass"
    group = "flow"
    fields = (
        Field("event", "event", _("Event")),
        Field("where", "event_where", _("Only when"), required=False, default=[]),
        *_length(_("At most")),
    )

    def arms(self, values: StepValues) -> Sequence[tuple[str, Text]]:
        return (("happened", _("Event happened")), ("timeout", _("Time limit reached")))

    def wait(self, batch: StepBatch) -> dict[int, Wait]:
        until = batch.now + span(batch.values)
        return {run.id: Wait(until, batch.values["event"]) for run in batch.runs}

    def act(self, batch: StepBatch) -> dict[int, str | None]:
        finished = happened_since(batch.values, {run.id: (run.customer, run.step_at) for run in batch.runs})
        return {
            run.id: "happened" if run.id in finished else None if _early(run.waits_until, batch) else "timeout"
            for run in batch.runs
        }

    def words(self, values: StepValues) -> str:
        return _t("%(event)s, at most %(time)s") % {"event": event_words(values), "time": span_words(values)}


def _early(until: datetime | None, batch: StepBatch) -> bool:
    """Return whether the run woke before its time by an event that did not end the wait."""
    return until is not None and until > batch.now
