"""Settings of tags: the list with numbers of customers; rename, merge, delete."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from core.base.actor import of_user
from core.console.views import may, page
from core.db import paging
from core.text.formatting import number
from crm.customers.models import Tag
from crm.customers.services import tags as services

PAGE = 50
MOST_TARGETS = 500


@page("crm.change_tag")
def index(request: HttpRequest) -> HttpResponse:
    query = request.GET.get("q", "").strip()[:60]
    tags = Tag.objects.annotate(count=Count("customer_tags"))
    if query:
        tags = tags.filter(name__icontains=query)
    rows = paging.keyset(tags, ["name", "id"], request.GET.get("cursor"), PAGE)
    return render(request, "crm/customers/tags.html", {"page": rows, "query": query})


@page("crm.change_tag")
def show(request: HttpRequest, pk: int) -> HttpResponse:
    tag = get_object_or_404(Tag.objects.annotate(count=Count("customer_tags")), pk=pk)
    context = {
        "tag": tag,
        "users": services.users_of(tag),
        "others": Tag.objects.exclude(pk=tag.pk)[:MOST_TARGETS],
        "may_delete": may(request.user, "crm.delete_tag"),
    }
    return render(request, "crm/customers/tag.html", context)


@page("crm.change_tag", methods=("POST",))
def rename(request: HttpRequest, pk: int) -> HttpResponse:
    tag = services.rename_tag(
        tag=get_object_or_404(Tag, pk=pk), name=request.POST.get("name", ""), actor=of_user(request.user)
    )
    messages.success(request, _t("“%(name)s” is saved.") % {"name": tag.name})
    return redirect("tag", tag.pk)


@page("crm.delete_tag", methods=("POST",))
def merge(request: HttpRequest, pk: int) -> HttpResponse:
    tag = get_object_or_404(Tag, pk=pk)
    chosen = request.POST.get("into", "")
    into = get_object_or_404(Tag, pk=int(chosen) if chosen.isdecimal() else 0)
    moved = services.merge_tags(tag=tag, into=into, actor=of_user(request.user))
    text = ngettext(
        "“%(old)s” is merged into “%(new)s”; %(count)s customer got that tag.",
        "“%(old)s” is merged into “%(new)s”; %(count)s customers got that tag.",
        moved,
    )
    messages.success(request, text % {"old": tag.name, "new": into.name, "count": number(moved)})
    return redirect("tag", into.pk)


@page("crm.delete_tag", methods=("POST",))
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    tag = get_object_or_404(Tag, pk=pk)
    count = services.delete_tag(tag=tag, actor=of_user(request.user))
    text = ngettext(
        "“%(name)s” is deleted; %(count)s customer had it.", "“%(name)s” is deleted; %(count)s customers had it.", count
    )
    messages.success(request, text % {"name": tag.name, "count": number(count)})
    return redirect("tags")
