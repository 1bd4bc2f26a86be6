"""Navigation, search and home cards of imports."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Count, Q, Sum
from django.http import HttpRequest
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.base import clock
from core.console import home, navigation, palette
from core.console.home import Card
from core.console.views import link
from core.text.formatting import number
from crm.imports.console.listing import LATELY_DAYS
from crm.imports.models import ImportRun, ImportState

navigation.register(
    "imports",
    _("Imports"),
    url="imports",
    icon="file-import",
    permission="crm.view_importrun",
    section="data",
    order=10,
)
palette.action(
    "import_new",
    _("Import customers or orders"),
    url="import_new",
    icon="file-import",
    permission="crm.add_importrun",
    order=40,
)


def _listed(state: str) -> str:
    return f"{link('imports')}?state={state}&days={LATELY_DAYS}"


@home.card("imports", place="needs", permission="crm.view_importrun", order=20)
def imports_with_trouble(_request: HttpRequest) -> Card | None:
    recent = ImportRun.objects.filter(created_at__gte=clock.now() - timedelta(days=LATELY_DAYS)).aggregate(
        failed=Count("pk", filter=Q(state=ImportState.FAILED)),
        partly=Count("pk", filter=Q(state=ImportState.DONE, refused_count__gt=0)),
        rows=Sum("refused_count", filter=Q(state=ImportState.DONE)),
    )
    if recent["failed"]:
        detail = _t("failed in the last 7 days")
        return Card(_("Imports"), number(recent["failed"]), url=_listed(ImportState.FAILED), detail=detail, tone="bad")
    if recent["partly"]:
        refused = recent["rows"]
        detail = ngettext(
            "%(rows)s row refused in the last 7 days", "%(rows)s rows refused in the last 7 days", refused
        )
        return Card(
            _("Imports with refused rows"),
            number(recent["partly"]),
            url=f"{_listed(ImportState.DONE)}&refused=yes",
            detail=detail % {"rows": number(refused)},
            tone="warn",
        )
    return None
