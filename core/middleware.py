"""Request plumbing: the staff member's language and zone, the actor for the audit log, a database that is away."""

from __future__ import annotations

import re
import time
import uuid
import zoneinfo
from datetime import UTC
from functools import lru_cache

import pghistory
import structlog
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

from core import actor, zones
from core.addresses import comes_from_trusted_proxy, mark_as_forwarded

log = structlog.get_logger("liuke.web")
METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
LANGUAGE_COOKIE = settings.LANGUAGE_COOKIE_NAME
# What a proxy may say about the connection that it took.
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
# It goes into logs, history and the answer.
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)


def from_machine(request) -> bool:
    """Whether a program asks: it has a key instead of a session, and there is no page to dress."""
    return request.path_info.startswith(("/api/v1/", "/api/schema/", "/healthz", "/readyz", "/metrics"))


def people_only(base: type) -> type:
    """The same middleware, which requests of programs pass by: together they cost such a request a third of its time."""

    class PeopleOnly(base):  # type: ignore[valid-type, misc]
        def __call__(self, request):
            return self.get_response(request) if from_machine(request) else super().__call__(request)

        if hasattr(base, "process_view"):

            def process_view(self, request, *args):
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
    """Log the path of a request without its query, which holds phone numbers that people search for."""

    @staticmethod
    def format_request(request) -> str:
        return f"{request.method} {request.path}"


RequestLogMiddleware = people_only(PathLogMiddleware)


class IncomingHeadersMiddleware:
    """Drop headers that only a trusted proxy may set, and request ids with other than plain characters.

    It stands first, because what comes after it reads whether the connection is secure.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        meta = request.META
        if any(name in meta for name in FORWARDED):
            mark_as_forwarded(request)
            if not comes_from_trusted_proxy(request):
                for name in FORWARDED:
                    meta.pop(name, None)
        if not REQUEST_ID.fullmatch(meta.get("HTTP_X_REQUEST_ID", "")):
            meta["HTTP_X_REQUEST_ID"] = uuid.uuid4().hex
        # The log would bind it as it comes.
        meta.pop("HTTP_X_CORRELATION_ID", None)
        return self.get_response(request)


class PrivatePagesMiddleware:
    """Keep pages of signed-in people out of every cache, so that nothing shows after signing out.

    A view that says how it may be cached (pictures of the catalogue) is left alone.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if from_machine(request):
            return self.get_response(request)
        # The API's documentation takes the user away from the request.
        before = request.user
        response = self.get_response(request)
        after = request.user or before
        if "Cache-Control" not in response.headers and (before.is_authenticated or after.is_authenticated):
            response.headers["Cache-Control"] = "no-store, private"
        return response


class RequestMetricsMiddleware:
    """Answers and how long they took, by page and status; sizes, transports and character sets tell a shop nothing."""

    def __init__(self, get_response):
        self.get_response = get_response
        self.metrics = Metrics.get_instance()

    def __call__(self, request):
        began = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        name = (match and match.view_name) or "<unnamed view>"
        # A method is whatever the caller types, and each new one would be a series of its own.
        method = request.method if request.method in METHODS else "other"
        self.metrics.responses_by_status_view_method.labels(str(response.status_code), name, method).inc()
        self.metrics.requests_latency_by_view_method.labels(name, method).observe(time.perf_counter() - began)
        return response

    def process_exception(self, request, exception):
        self.metrics.exceptions_by_type.labels(type(exception).__name__).inc()


def language_of_program(request) -> str:
    """As Django finds it, remembered: programs send the same header, or none, in every request."""
    if "HTTP_COOKIE" in request.META:
        return translation.get_language_from_request(request)
    return _language_for(request.META.get("HTTP_ACCEPT_LANGUAGE", ""))


@lru_cache(maxsize=1000)
def _language_for(accepted: str) -> str:
    asking = HttpRequest()
    asking.META["HTTP_ACCEPT_LANGUAGE"] = accepted
    return translation.get_language_from_request(asking)


class StaffLocaleMiddleware(MiddlewareMixin):
    """The user's own choice; else the cookie or what the browser asks for, and the shop's zone.

    Programs get the language that they ask for, and UTC.
    """

    def process_request(self, request):
        if from_machine(request):
            translation.activate(language_of_program(request))
            timezone.activate(UTC)
            return
        user = request.user
        chosen = user.language if user.is_authenticated else ""
        if not chosen:
            chosen = translation.get_language_from_request(request)
        translation.activate(chosen)
        request.LANGUAGE_CODE = translation.get_language()
        zone = user.time_zone if user.is_authenticated else ""
        try:
            timezone.activate(zoneinfo.ZoneInfo(zone or zones.shop_zone()))
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            timezone.deactivate()

    def process_response(self, request, response):
        patch_vary_headers(response, ("Accept-Language",))
        response.headers.setdefault("Content-Language", translation.get_language() or "en")
        return response


class ActorMiddleware:
    """Names who and which request behind every change that the triggers record."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.id = request.META["HTTP_X_REQUEST_ID"]
        token = actor.request_id.set(request.id)
        try:
            # A program is known only after its key was read: core.api.views names it for the history.
            if request.method in {"GET", "HEAD", "OPTIONS"} or from_machine(request):
                response = self.get_response(request)
            else:
                user = getattr(request, "user", None)
                who = str(actor.of_user(user)) if user is not None and user.is_authenticated else "anonymous"
                with pghistory.context(actor=who, request=request.id, url=request.path):
                    response = self.get_response(request)
        finally:
            actor.request_id.reset(token)
        response["X-Request-ID"] = request.id
        return response


class SecondFactorMiddleware(MiddlewareMixin):
    """Where a second factor is required, refuse everything to a session that has not shown one.

    A user who has the factor gives its code first; one without sets it up first. Both can leave. Pages that need no
    login stay open, except those below accounts/ and admin/, where only the named ones are.
    """

    code_due = frozenset({"mfa_reauthenticate", "account_logout"})
    # allauth asks for the password before it shows the key of a new app.
    set_up_due = frozenset({"mfa_activate_totp", "account_reauthenticate", "account_logout"})

    def process_view(self, request, view, args, kwargs):
        if not settings.SECOND_FACTOR_REQUIRED or from_machine(request):
            return None
        match = request.resolver_match
        guarded = match.route.startswith(("accounts/", "admin/"))
        if (not guarded and not getattr(view, "login_required", True)) or not request.user.is_authenticated:
            return None
        from allauth.mfa.models import Authenticator
        from allauth.mfa.utils import is_mfa_enabled

        from core.second_step import session_has_second_step

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
    """Unfold's Alpine needs eval and inline styles, and no inline script: loosened for /admin/ alone."""

    def process_response(self, request, response):
        if request.path.startswith("/admin/"):
            response._csp_update = {
                "script-src": ["'unsafe-eval'"],
                "style-src": ["'unsafe-inline'"],
            }
        return response


class DatabaseUnavailableMiddleware:
    """A database that is away is a 503 that says when to come back, not a stack trace (F14)."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request, exception):
        if not isinstance(exception, OperationalError | InterfaceError):
            return None
        log.error("database_unavailable", error=str(exception)[:300])
        try:
            response = render(request, "errors/unavailable.html", status=503)
        except Exception:
            response = HttpResponse("The database is not available now; try again.", status=503)
        response["Retry-After"] = "2"
        return response
