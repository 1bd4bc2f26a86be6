"""Switch an object by a button: one service call, a message, and its page again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _t

from core.base.actor import of_user
from core.jobs.queueing import enqueue_after_commit


def switch(
    request: HttpRequest,
    service: Callable[..., Any],
    said: str,
    *,
    route: str,
    task: str = "",
    **campaign: Any,
) -> HttpResponse:
    """Call the service. `campaign` is passed under the service's own name; `said` contains `%(name)s`."""
    (one,) = campaign.values()
    service(actor=of_user(request.user), **campaign)
    if task:
        enqueue_after_commit(task)
    messages.success(request, said % {"name": one.name})
    return redirect(route, one.pk)


def is_on(request: HttpRequest) -> bool:
    """Return whether the button switches on."""
    return request.POST.get("active") == "on"


def switch_active(
    request: HttpRequest, update: Callable[..., Any], *, route: str, name: str = "name", **item: Any
) -> HttpResponse:
    """Switch an object on or off by its update service, to which `item` is passed under the service's own name."""
    active = is_on(request)
    updated = update(actor=of_user(request.user), active=active, **item)
    text = _t("“%(name)s” is switched on.") if active else _t("“%(name)s” is switched off.")
    messages.success(request, text % {"name": getattr(updated, name)})
    return redirect(route, updated.pk)
