"""Public pictures of rewards for storefronts. A file name is never reused, so browsers may cache it for ever."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, Http404, HttpRequest
from django.views.decorators.http import require_safe

from loyalty.rewards.models import Reward

TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}


@login_not_required
@require_safe
def picture(request: HttpRequest, name: str) -> FileResponse:
    reward = Reward.objects.filter(picture=f"rewards/{name}").first()
    kind = TYPES.get(name.rpartition(".")[2])
    if reward is None or kind is None:
        raise Http404
    try:
        file = reward.picture.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    response = FileResponse(file, content_type=kind)
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
