"""Public pictures of rewards for storefronts."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, HttpRequest
from django.views.decorators.http import require_safe

from core.http.pictures import response_of
from loyalty.rewards.models import Reward


@login_not_required
@require_safe
def picture(request: HttpRequest, name: str) -> FileResponse:
    reward = Reward.objects.filter(picture=f"rewards/{name}").first()
    return response_of(reward.picture if reward else None)
