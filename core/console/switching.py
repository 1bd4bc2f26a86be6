"""Switch a campaign by a button: one service call, a message, and its page again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

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
