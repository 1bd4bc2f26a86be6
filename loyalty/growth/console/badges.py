"""Pages of badges: the list with how many members have each, and the form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext_lazy as _

from core.base.actor import of_user
from core.console import editing
from core.console.views import may, page
from core.db import paging
from loyalty.growth.console.forms import BadgeForm
from loyalty.growth.models import Badge, MemberBadge, TaskLevel
from loyalty.growth.selectors import tasks as task_catalogue
from loyalty.growth.services.badges import create_badge, update_badge
from loyalty.ledger.labels import reference_words
from loyalty.program import selectors
from loyalty.program.models import Program

PAGE = 50
HOLDERS = 10
EDITOR = editing.Editor(
    new="badge_new",
    edit="badge_edit",
    index="badges",
    index_label=_("Badges"),
    new_heading=_("New badge"),
    edit_heading=_("Edit badge"),
    name="label",
)


@dataclass(frozen=True)
class BadgeRow:
    badge: Badge
    members: int
    levels: list[TaskLevel]


@page("loyalty.view_badge")
def index(request: HttpRequest) -> HttpResponse:
    badges_page = paging.keyset(Badge.objects.all(), ["-id"], request.GET.get("cursor"), PAGE)
    members = task_catalogue.holders(badges_page.items)
    levels: dict[int | None, list[TaskLevel]] = {}
    for level in TaskLevel.objects.filter(badge__in=badges_page.items).select_related("task").order_by("task", "level"):
        levels.setdefault(level.badge_id, []).append(level)
    context = {
        "page": badges_page,
        "rows": [BadgeRow(badge, members.get(badge.pk, 0), levels.get(badge.pk, [])) for badge in badges_page],
        "may_add": may(request.user, "loyalty.add_badge") and Program.objects.default() is not None,
        "may_change": may(request.user, "loyalty.change_badge"),
    }
    return render(request, "loyalty/growth/badges.html", context)


@page("loyalty.add_badge", methods=("GET", "POST"))
def new(request: HttpRequest) -> HttpResponse:
    return _form(request, None)


@page("loyalty.change_badge", methods=("GET", "POST"))
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    return _form(request, get_object_or_404(Badge, pk=pk))


def _form(request: HttpRequest, badge: Badge | None) -> HttpResponse:
    program = badge.program if badge else selectors.default_program()
    form = BadgeForm(request.POST if request.method == "POST" else None, badge=badge)
    if response := EDITOR.save(request, form, lambda: _save(request, program, badge, form.values())):
        return response
    context = {
        "form": form,
        "badge": badge,
        "holders": _holders(badge) if badge else [],
        **EDITOR.values(badge),
    }
    return render(request, "loyalty/growth/badge_edit.html", context)


def _save(request: HttpRequest, program: Program, badge: Badge | None, values: dict[str, Any]) -> Badge:
    actor = of_user(request.user)
    if badge is None:
        return create_badge(program=program, actor=actor, **values)
    return update_badge(badge=badge, actor=actor, **values)


def _holders(badge: Badge) -> list[tuple[MemberBadge, str]]:
    """Return the newest holders of a badge, and for each the reference that it was awarded for."""
    rows = MemberBadge.objects.filter(badge=badge).select_related("member__customer").order_by("-awarded_at", "-pk")
    return [(row, reference_words(row.reference)) for row in rows[:HOLDERS]]
