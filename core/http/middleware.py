"""Middleware: headers, language and time zone, the actor for the audit log, the second factor, a lost database."""

from __future__ import annotations

import re
import time
import uuid
import zoneinfo
from collections.abc import Callable
from datetime import UTC
from functools import lru_cache
from typing import Any

import pghistory
import structlog
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from csp import middleware as csp
from django.conf import settings
from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.middleware import csrf
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import urlencode
from django_htmx import middleware as django_htmx
from django_prometheus.middleware import Metrics
from django_structlog import middlewares as django_structlog

from core.base import actor, zones
from core.http.addresses import comes_from_trusted_proxy, mark_as_forwarded
from core.security.second_step import session_has_second_step

log = structlog.get_logger("liuke.web")
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
LANGUAGE_COOKIE = settings.LANGUAGE_COOKIE_NAME
# Headers in which a proxy describes the connection that it accepted.
FORWARDED = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_FORWARDED_PREFIX",
    "HTTP_X_FORWARDED_SERVER",
    "HTTP_X_REAL_IP",
    "HTTP_FORWARDED",
)
# The id is written to logs, to the history and to the answer.
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)


class HtmxHttpRequest(HttpRequest):
    """A request with the details that django-htmx adds."""

    htmx: django_htmx.HtmxDetails


def from_machine(request: HttpRequest) -> bool:
    """Return whether a program sent the request: it has a key instead of a session, and gets no page."""
    return request.path_info.startswith(("/api/v1/", "/api/schema/", "/healthz", "/readyz", "/metrics"))


def people_only(base: type) -> type:
    """Return the middleware with a bypass for requests of programs, which would lose a third of their time in it."""

    class PeopleOnly(base):  # type: ignore[valid-type, misc]
        def __call__(self, request: HttpRequest) -> HttpResponse:
            return self.get_response(request) if from_machine(request) else super().__call__(request)

        if hasattr(base, "process_view"):

            def process_view(self, request: HttpRequest, *args: Any) -> HttpResponse | None:
                return None if from_machine(request) else super().process_view(request, *args)

    PeopleOnly.__name__ = PeopleOnly.__qualname__ = base.__name__
    return PeopleOnly


SessionMiddleware = people_only(sessions.SessionMiddleware)
AuthenticationMiddleware = people_only(auth.AuthenticationMiddleware)
LoginRequiredMiddleware = people_only(auth.LoginRequiredMiddleware)
MessageMiddleware = people_only(messages.MessageMiddleware)
CSPMiddleware = people_only(csp.CSPMiddleware)
HtmxMiddleware = people_only(django_htmx.HtmxMiddleware)
CsrfViewMiddleware = people_only(csrf.CsrfViewMiddleware)


class PathLogMiddleware(django_structlog.RequestMiddleware):
    """Request log without the query string, which holds phone numbers that people search for."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        return f"{request.method} {request.path}"


RequestLogMiddleware = people_only(PathLogMiddleware)


class IncomingHeadersMiddleware:
    """Middleware that drops headers that only a trusted proxy may set, and request ids with special characters.

    It comes first, because later middleware reads whether the connection is secure.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        meta = request.META
        if any(name in meta for name in FORWARDED):
            mark_as_forwarded(request)
            if not comes_from_trusted_proxy(request):
                for name in FORWARDED:
                    meta.pop(name, None)
        if not REQUEST_ID.fullmatch(meta.get("HTTP_X_REQUEST_ID", "")):
            meta["HTTP_X_REQUEST_ID"] = uuid.uuid4().hex
        # The log would bind this header unchecked.
        meta.pop("HTTP_X_CORRELATION_ID", None)
        return self.get_response(request)


class PrivatePagesMiddleware:
    """Middleware that keeps pages of signed-in users out of every cache, so that no page shows after signing out.

    A view that sets its own caching (pictures of the catalogue) is left unchanged.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if from_machine(request):
            return self.get_response(request)
        # The API's documentation removes the user from the request.
        before = request.user
        response = self.get_response(request)
        after = request.user or before
        if "Cache-Control" not in response.headers and (before.is_authenticated or after.is_authenticated):
            response.headers["Cache-Control"] = "no-store, private"
        return response


class RequestMetricsMiddleware:
    """Metrics of answers and their duration, by page and status. Sizes, transports and character sets are left out."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.metrics = Metrics.get_instance()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        name = (match and match.view_name) or "<unnamed view>"
        # The caller chooses the method, and each new one would create a metric series.
        method = request.method if request.method in METHODS else "other"
        self.metrics.responses_by_status_view_method.labels(str(response.status_code), name, method).inc()
        self.metrics.requests_latency_by_view_method.labels(name, method).observe(time.perf_counter() - began)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        self.metrics.exceptions_by_type.labels(type(exception).__name__).inc()


def language_of_program(request: HttpRequest) -> str:
    """Return the language as Django finds it, cached: programs send the same header, or none, in every request."""
    if "HTTP_COOKIE" in request.META:
        return translation.get_language_from_request(request)
    return _language_for(request.META.get("HTTP_ACCEPT_LANGUAGE", ""))


@lru_cache(maxsize=1000)
def _language_for(accepted: str) -> str:
    request = HttpRequest()
    request.META["HTTP_ACCEPT_LANGUAGE"] = accepted
    return translation.get_language_from_request(request)


class StaffLocaleMiddleware(MiddlewareMixin):
    """Middleware for language and time zone.

    Users get their own choice; else the language of the cookie or the browser, and the shop's zone. Programs get the
    language of their Accept-Language header, and UTC.
    """

    def process_request(self, request: HttpRequest) -> None:
        if from_machine(request):
            translation.activate(language_of_program(request))
            timezone.activate(UTC)
            return
        user = request.user
        language = user.language if user.is_authenticated else ""
        if not language:
            language = translation.get_language_from_request(request)
        translation.activate(language)
        request.LANGUAGE_CODE = translation.get_language()
        zone = user.time_zone if user.is_authenticated else ""
        try:
            timezone.activate(zoneinfo.ZoneInfo(zone or zones.shop_zone()))
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            timezone.deactivate()

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        patch_vary_headers(response, ("Accept-Language",))
        response.headers.setdefault("Content-Language", translation.get_language() or "en")
        return response


class ActorMiddleware:
    """Middleware that passes the actor and the request to the history triggers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = request.META["HTTP_X_REQUEST_ID"]
        request.id = request_id  # type: ignore[attr-defined]
        token = actor.request_id.set(request_id)
        try:
            # A program is known only after its key was read: core.api.views passes it to the history.
            if request.method in {"GET", "HEAD", "OPTIONS"} or from_machine(request):
                response = self.get_response(request)
            else:
                user = getattr(request, "user", None)
                who = str(actor.of_user(user)) if user is not None and user.is_authenticated else "anonymous"
                with pghistory.context(actor=who, request=request_id, url=request.path):
                    response = self.get_response(request)
        finally:
            actor.request_id.reset(token)
        response["X-Request-ID"] = request_id
        return response


class SecondFactorMiddleware(MiddlewareMixin):
    """Middleware that refuses every page to a session without a second factor, if one is required.

    A user with a factor must enter its code; a user without one must set it up. Both can sign out. Pages that need no
    login stay open, except below accounts/ and admin/, where only the listed pages are open.
    """

    code_due = frozenset({"mfa_reauthenticate", "account_logout"})
    # allauth asks for the password before it shows the key of a new authenticator app.
    set_up_due = frozenset({"mfa_activate_totp", "account_reauthenticate", "account_logout"})

    def process_view(
        self, request: HtmxHttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        if not settings.SECOND_FACTOR_REQUIRED or from_machine(request):
            return None
        match = request.resolver_match
        assert match is not None
        guarded = match.route.startswith(("accounts/", "admin/"))
        if (not guarded and not getattr(view, "login_required", True)) or not request.user.is_authenticated:
            return None
        has_app = is_mfa_enabled(request.user, [Authenticator.Type.TOTP])
        if has_app and session_has_second_step(request, request.user):
            return None
        if match.view_name in (self.code_due if has_app else self.set_up_due):
            return None
        target = reverse("mfa_reauthenticate" if has_app else "mfa_activate_totp")
        if has_app and request.method == "GET" and not request.htmx and not guarded:
            target += "?" + urlencode({"next": request.get_full_path()})
        if request.htmx:
            return HttpResponse(status=204, headers={"HX-Redirect": target})
        return redirect(target)


class AdminContentPolicyMiddleware(MiddlewareMixin):
    """Middleware that loosens the content policy for /admin/ alone: Unfold's Alpine needs eval and inline styles."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if request.path.startswith("/admin/"):
            response._csp_update = {  # type: ignore[attr-defined]
                "script-src": ["'unsafe-eval'"],
                "style-src": ["'unsafe-inline'"],
            }
        return response


class DatabaseUnavailableMiddleware:
    """Middleware that answers 503 with Retry-After when the database is unavailable (F14)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, OperationalError | InterfaceError):
            return None
        log.error("database_unavailable", error=str(exception)[:300])
        try:
            response = render(request, "errors/unavailable.html", status=503)
        except Exception:
            response = HttpResponse("The database is not available now; try again.", status=503)
        response["Retry-After"] = "2"
        return response
