"""What every console view is wrapped in: who may see it, and what a refusal looks like."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import cast
from urllib.parse import urlsplit

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import NoReverseMatch, reverse
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from core.errors import DomainError, Forbidden, NotFound
from core.models import User

View = Callable[..., HttpResponseBase]


def page(permission: str | None, *, methods: tuple[str, ...] = ("GET",)) -> Callable[[View], View]:
    """A console view for staff who have `permission` (None: for all staff); 403 for the others.

    The permission stands on the view as `view.permission`, where the role matrix test reads it. A service's refusal
    becomes a message on the page that the person came from.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapped(request: HttpRequest, *args, **kwargs) -> HttpResponseBase:
            response: HttpResponseBase
            if not may(request.user, permission):
                raise PermissionDenied
            try:
                response = view(request, *args, **kwargs)
            except NotFound as error:
                raise Http404(str(error.message)) from error
            except Forbidden as error:
                raise PermissionDenied(str(error.message)) from error
            except DomainError as error:
                if request.method == "GET":
                    raise
                response = _refused(request, error)
            if stays(request):
                response = _staying(response)
            # The same address answers with a page or a part of it, and the browser must not mix them up.
            patch_vary_headers(response, ("HX-Request",))
            return response

        allowed = [*methods, "HEAD"] if "GET" in methods else list(methods)
        guarded = require_http_methods(allowed)(wrapped)
        guarded.permission = permission  # type: ignore[attr-defined]
        return guarded

    return decorate


def stays(request: HttpRequest) -> bool:
    """Whether a script sends the form and keeps it open (`data-stay`): it wants errors or an address, no page."""
    return request.headers.get("X-Stay") == "yes"


def form_errors(form: forms.Form) -> JsonResponse:
    """The errors of a form that stays open, each with its field; empty is the form as a whole."""
    found = [
        {"field": "" if name == "__all__" else name, "message": str(errors[0])} for name, errors in form.errors.items()
    ]
    return JsonResponse({"errors": found}, status=422)


def _refused(request: HttpRequest, error: DomainError) -> HttpResponse:
    if stays(request):
        return JsonResponse({"errors": [{"field": error.field or "", "message": str(error.message)}]}, status=422)
    messages.error(request, str(error.message))
    return back(request)


def _staying(response: HttpResponseBase) -> HttpResponseBase:
    """A redirect would be followed by the script, and its messages would be lost: it is told where to go instead."""
    if response.status_code not in {301, 302, 303}:
        return response
    return HttpResponse(status=204, headers={"X-Location": response["Location"]})


def may(user, permission: str | None) -> bool:
    """Active staff who have the permission; None asks for nothing more than being staff."""
    return bool(user.is_authenticated and user.is_active and (not permission or user.has_perm(permission)))


def viewer(request: HttpRequest) -> User:
    """The member of staff behind a request that a signed-in person made."""
    return cast(User, request.user)


def wants_part(request: HttpRequest) -> bool:
    """htmx asks for a part of the page, not for the page itself (as it does when going back in history)."""
    htmx = getattr(request, "htmx", None)
    if htmx is None or not htmx:
        return False
    return not htmx.history_restore_request and htmx.request_type != "full"


def back(request: HttpRequest, fallback: str = "/") -> HttpResponse:
    """To `next` of the form, else to where the person came from, never to another site."""
    target = request.POST.get("next") or _path_of(
        request.headers.get("HX-Current-URL") or request.headers.get("Referer")
    )
    if not target or not url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure()):
        target = fallback
    if wants_part(request):
        return HttpResponse(status=204, headers={"HX-Redirect": target})
    return redirect(target)


def _path_of(url: str | None) -> str:
    try:
        parts = urlsplit(url or "")
    except ValueError:
        # A header holds whatever its writer likes: https://[::1 is no address.
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def link(name: str, *args, **kwargs) -> str:
    """The address of a page that another app may or may not have: empty when there is none."""
    try:
        return reverse(name, args=args, kwargs=kwargs)
    except NoReverseMatch:
        return ""
