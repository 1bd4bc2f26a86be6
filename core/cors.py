"""Which other sites' pages may call the API: those of CORS_ALLOWED_ORIGINS, with a member's own token and nothing else."""

from __future__ import annotations

from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest

MEMBER_TOKEN = "Bearer lkm_"  # noqa: S105


class MemberCorsMiddleware(CorsMiddleware):
    """A server key in a page is known to everyone who opens it, so a page gets no answer for one: it fails in the trial."""

    def __init__(self, get_response) -> None:
        if not settings.CORS_ALLOWED_ORIGINS:
            raise MiddlewareNotUsed
        super().__init__(get_response)

    def is_enabled(self, request: HttpRequest) -> bool:
        # A preflight has no token yet.
        known = request.method == "OPTIONS" or request.META.get("HTTP_AUTHORIZATION", "").startswith(MEMBER_TOKEN)
        return known and super().is_enabled(request)
