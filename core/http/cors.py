"""CORS: pages of the sites in CORS_ALLOWED_ORIGINS may call the API, only with a member's own token."""

from __future__ import annotations

from collections.abc import Callable

from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse

MEMBER_TOKEN = "Bearer lkm_"  # noqa: S105


class MemberCorsMiddleware(CorsMiddleware):
    """The CORS middleware, limited to members' tokens.

    Every visitor of a page can read a server key in it. So a page gets no answer for a server key, and the mistake
    shows up in development.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not settings.CORS_ALLOWED_ORIGINS:
            raise MiddlewareNotUsed
        super().__init__(get_response)

    def is_enabled(self, request: HttpRequest) -> bool:
        # A preflight has no token yet.
        eligible = request.method == "OPTIONS" or request.META.get("HTTP_AUTHORIZATION", "").startswith(MEMBER_TOKEN)
        return eligible and super().is_enabled(request)
