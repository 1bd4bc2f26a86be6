"""Panel of the administrator's home page: background jobs and deliveries that need a person."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.console import home
from core.jobs import selectors
from core.text.formatting import number


@home.panel(
    "jobs",
    home="administrator",
    title=_("Background work"),
    permission="core.view_jobs",
    template="core/jobs/home_jobs.html",
    order=20,
)
def jobs(_request: HttpRequest) -> dict[str, Any]:
    counts = selectors.open_counts()
    url = reverse("jobs")
    return {
        "rows": [
            home.Card(_t("Running now"), number(counts.running), f"{url}?state=running#jobs"),
            home.Card(_t("Waiting for a worker"), number(counts.queued), f"{url}?state=queued#jobs"),
            home.Card(
                _t("Failed in 7 days"),
                number(counts.failed),
                f"{url}?state=failed#jobs",
                _t("imports, exports and single rows"),
                "bad" if counts.failed else "",
            ),
            home.Card(
                _t("Deliveries given up"),
                number(counts.given_up),
                f"{url}#deliveries-title",
                _t("changes that a part of the shop has not taken in"),
                "bad" if counts.given_up else "",
            ),
        ]
    }
