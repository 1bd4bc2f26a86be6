"""Panels of the desk on the home page of service: the queue, what waits for me, and the ratings of the last 30 days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.console import home, kept
from core.console.views import viewer
from core.security.roles import Role, roles_of
from core.text.formatting import ago, number
from crm.desk import selectors
from crm.desk.console.listing import address

RATINGS = "crm.ratings"
kept.FIGURES.register(RATINGS, selectors.ratings_by_agent)
MINE = 6


@dataclass(frozen=True)
class QueueFigure:
    """A view of the desk: its tickets, how long the oldest has waited, how many are of high priority."""

    label: str | Promise
    count: str
    url: str
    oldest: str
    urgent: str


@home.panel(
    "queue",
    home="service",
    title=_("Queue"),
    permission="crm.view_ticket",
    template="crm/desk/home_queue.html",
    order=10,
    wide=True,
)
def queue(request: HttpRequest) -> dict[str, Any]:
    """Show the views of the desk with the number of tickets in each, and how long the oldest has waited."""
    views = selectors.ages(viewer(request))
    return {
        "rows": [
            QueueFigure(
                selectors.VIEWS[name].label,
                number(row.count),
                address(name),
                _t("oldest %(time)s") % {"time": ago(row.oldest)} if row.oldest else "",
                ngettext("%(count)s of high priority", "%(count)s of high priority", row.urgent)
                % {"count": number(row.urgent)}
                if row.urgent
                else "",
            )
            for name, row in views.items()
        ]
    }


@home.panel(
    "mine",
    home="service",
    title=_("Waiting for me"),
    permission="crm.change_ticket",
    template="crm/desk/home_mine.html",
    order=20,
)
def mine(request: HttpRequest) -> dict[str, Any]:
    return {
        "rows": selectors.waiting_for(viewer(request), MINE),
        "url": address("mine"),
    }


@home.panel(
    "ratings",
    home="service",
    title=_("Ratings of the last 30 days"),
    permission="crm.view_ticket",
    template="crm/desk/home_ratings.html",
    order=30,
)
def ratings(request: HttpRequest) -> dict[str, Any]:
    """Show each agent's ratings to a lead, and to an agent only their own."""
    rows = kept.of(request).get(RATINGS)
    if rows is None:
        return {"rows": None}
    user = viewer(request)
    if {Role.LEAD, Role.ADMINISTRATOR}.isdisjoint(roles_of(user)):
        rows = [row for row in rows if row["agent"] == user.pk]
    address_of_ratings = f"{reverse('ticket_ratings')}?days={selectors.RATING_DAYS}"
    return {
        "rows": [
            {
                **row,
                "average": number(round(row["total"] / row["count"], 1)),
                "url": f"{address_of_ratings}&agent={row['agent']}",
                "low_url": f"{address_of_ratings}&agent={row['agent']}&state=low",
            }
            for row in rows
        ],
        "url": address_of_ratings,
    }
