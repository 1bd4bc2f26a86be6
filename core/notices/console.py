"""Pages of the bell: notices of the signed-in user."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from core.console.views import page, viewer
from core.db import paging
from core.notices import registry as notices
from core.notices import services
from core.notices.models import Notice

PAGE = 50


@page(None)
def index(request: HttpRequest) -> HttpResponse:
    own = Notice.objects.filter(user=viewer(request))
    page_of_notices = paging.keyset(own, ["-created_at", "-id"], request.GET.get("cursor"), PAGE)
    context = {"page": page_of_notices, "rows": [notices.shown(notice) for notice in page_of_notices]}
    return render(request, "core/notices/notices.html", context)


@page(None, methods=("POST",))
def follow(request: HttpRequest, pk: int) -> HttpResponse:
    """Mark a notice as read and redirect to its subject."""
    notice = get_object_or_404(Notice, pk=pk, user=viewer(request))
    services.mark_read(notice=notice)
    return redirect(notices.url_of(notice) or "notices")


@page(None, methods=("POST",))
def read_all(request: HttpRequest) -> HttpResponse:
    services.mark_all_read(user=viewer(request))
    return redirect("notices")
