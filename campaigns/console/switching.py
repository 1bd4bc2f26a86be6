"""The buttons that switch a campaign on and off: one service call, a word about it, and its page again."""

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
    """`campaign`: the one it is about, under the name that the service has for it. `said`: with `%(name)s` in it."""
    (one,) = campaign.values()
    service(actor=of_user(request.user), **campaign)
    if wake is not None:
        wake()
    messages.success(request, said % {"name": one.name})
    return redirect(route, one.pk)
