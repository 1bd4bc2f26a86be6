"""Pages of badges: the list with how many members have each, and the form."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t

from core.base.actor import of_user
from core.base.errors import DomainError
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
    if request.method == "POST" and form.is_valid():
        actor = of_user(request.user)
        try:
            if badge is None:
                saved = create_badge(program=program, actor=actor, **form.values())
            else:
                saved = update_badge(badge=badge, actor=actor, **form.values())
        except DomainError as error:
            form.refuse(error)
        else:
            messages.success(request, _t("“%(name)s” is saved.") % {"name": saved.label})
            return redirect("badges")
    context = {
        "form": form,
        "badge": badge,
        "action": reverse("badge_edit", args=[badge.pk]) if badge else reverse("badge_new"),
        "holders": _holders(badge) if badge else [],
    }
    return render(request, "loyalty/growth/badge_edit.html", context)


def _holders(badge: Badge) -> list[tuple[MemberBadge, str]]:
    """Return the newest holders of a badge, and for each the reference that it was awarded for."""
    rows = MemberBadge.objects.filter(badge=badge).select_related("member__customer").order_by("-awarded_at", "-pk")
    return [(row, reference_words(row.reference)) for row in rows[:HOLDERS]]
