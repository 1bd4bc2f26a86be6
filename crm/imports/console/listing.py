"""The list of imports."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.console.list_columns import Cell
from core.console.template_tags import TONE_OF
from core.lists.declaration import Choices, Column, Empty, Filter, ObjectList, State, TopAction, register
from core.text.formatting import ago, number
from crm.customers.labels import source_label
from crm.imports.models import ImportRun, ImportState


def _counter(field: str, label: str | Promise) -> Column:
    return Column(
        field, label, lambda row: number(getattr(row, field)), lambda row: getattr(row, field), field, number=True
    )


LATELY_DAYS = 7


def _periods(_request: HttpRequest) -> Choices:
    return [(str(LATELY_DAYS), _t("Last %(days)s days") % {"days": LATELY_DAYS})]


def _lately(_request: HttpRequest, runs: QuerySet[ImportRun], value: str) -> QuerySet[ImportRun]:
    since = clock.now() - timedelta(days=LATELY_DAYS)
    return runs.filter(created_at__gte=since) if value == str(LATELY_DAYS) else runs


def _refused(_request: HttpRequest, runs: QuerySet[ImportRun], value: str) -> QuerySet[ImportRun]:
    return runs.filter(refused_count__gt=0) if value == "yes" else runs


IMPORTS = register(
    ObjectList(
        name="imports",
        title=_("Imports"),
        route="imports",
        model=ImportRun,
        permission="crm.view_importrun",
        add="crm.add_importrun",
        select=lambda _request: ImportRun.objects.select_related("created_by"),
        opens=lambda run: reverse("import_run", args=[run.pk]),
        order=("-id",),
        columns=[
            Column(
                "file",
                _("File"),
                lambda row: Cell(row.file_name, f"{row.get_kind_display()} · {source_label(row.source)}"),
                sort="file_name",
            ),
            Column(
                "state",
                _("State"),
                lambda row: Cell(row.get_state_display(), badge=TONE_OF.get(row.state, "off")),
                on_cards=False,
            ),
            _counter("read_count", _("Read")),
            _counter("accepted_count", _("Imported")),
            _counter("unchanged_count", _("Unchanged")),
            _counter("refused_count", _("Refused")),
            Column(
                "when",
                _("When"),
                lambda row: Cell(ago(row.created_at), str(row.created_by or "")),
                lambda row: row.created_at.isoformat(),
                "created_at",
                on_cards=False,
            ),
        ],
        states=[
            State("", _("All")),
            *(State(state, label, lambda state=state: Q(state=state)) for state, label in ImportState.choices),
        ],
        search=("file_name", "source"),
        filters=[
            Filter("days", _("Period"), _periods, _lately, quiet=True),
            Filter("refused", _("Refused"), lambda _request: [("yes", _("With refused rows"))], _refused, quiet=True),
        ],
        top_actions=[TopAction(_("Import a file"), "file-import", lambda: reverse("import_new"), "crm.add_importrun")],
        empty=Empty(
            "file-import",
            _("No imports yet"),
            _("Import orders, customers, refunds, points and more from a CSV file."),
            _("Import orders, customers, refunds, points and more from a CSV file."),
        ),
    )
)
