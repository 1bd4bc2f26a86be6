"""Switch a campaign by a button: one service call, a message, and its page again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from campaigns.models import Broadcast, CareRule, Journey
from core.actor import of_user

Campaign = Broadcast | CareRule | Journey


def switch(
    request: HttpRequest,
    service: Callable[..., Any],
    said: str,
    *,
    route: str,
    wake: Callable[[], None] | None = None,
    **campaign: Campaign,
) -> HttpResponse:
    """Call the service. `campaign` is passed under the service's own name; `said` contains `%(name)s`."""
    (one,) = campaign.values()
    service(actor=of_user(request.user), **campaign)
    if wake is not None:
        wake()
    messages.success(request, said % {"name": one.name})
    return redirect(route, one.pk)
