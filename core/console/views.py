"""The wrapper of every console view: permission check and display of refusals."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
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

from core.base.actor import RequestUser
from core.base.errors import DomainError, Forbidden, NotFound
from core.security.models import User

View = Callable[..., HttpResponseBase]


def page(permission: str | None, *, methods: tuple[str, ...] = ("GET",)) -> Callable[[View], View]:
    """Make a console view for staff who have `permission` (None: all staff); others get 403.

    The permission is stored as `view.permission`, which the test of the role matrix reads. A service's refusal becomes
    a message on the page that the user came from.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
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
            # The same address answers with a page or with a part of it, and the browser's cache must not mix them up.
            patch_vary_headers(response, ("HX-Request",))
            return response

        allowed = [*methods, "HEAD"] if "GET" in methods else list(methods)
        guarded = require_http_methods(allowed)(wrapped)
        guarded.permission = permission  # type: ignore[attr-defined]
        return guarded

    return decorate


def stays(request: HttpRequest) -> bool:
    """Return whether a script sent the form and keeps it open (`data-stay`): it expects errors or an address."""
    return request.headers.get("X-Stay") == "yes"


def form_errors(form: forms.Form) -> JsonResponse:
    """Return the errors of a form that stays open, each with its field; "" means the whole form."""
    errors_of_fields = [
        {"field": "" if name == "__all__" else name, "message": str(errors[0])} for name, errors in form.errors.items()
    ]
    return JsonResponse({"errors": errors_of_fields}, status=422)


def _refused(request: HttpRequest, error: DomainError) -> HttpResponse:
    if stays(request):
        return JsonResponse({"errors": [{"field": error.field or "", "message": str(error.message)}]}, status=422)
    messages.error(request, str(error.message))
    return back(request)


def _staying(response: HttpResponseBase) -> HttpResponseBase:
    """Replace a redirect by its address: the script would follow a redirect and lose the messages of the page."""
    if response.status_code not in {301, 302, 303}:
        return response
    return HttpResponse(status=204, headers={"X-Location": response["Location"]})


def may(user: RequestUser, permission: str | None) -> bool:
    """Return whether a user is active staff and has the permission; None requires only active staff."""
    return bool(user.is_authenticated and user.is_active and (not permission or user.has_perm(permission)))


def viewer(request: HttpRequest) -> User:
    """Return the signed-in member of staff of a request."""
    return cast(User, request.user)


def wants_part(request: HttpRequest) -> bool:
    """Return whether htmx asks for a part of the page.

    It asks for the whole page when the user goes back in history.
    """
    htmx = getattr(request, "htmx", None)
    if htmx is None or not htmx:
        return False
    return not htmx.history_restore_request and htmx.request_type != "full"


def back(request: HttpRequest, fallback: str = "/") -> HttpResponse:
    """Redirect to the form's `next`, else to the page that the user came from, never to another site."""
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
        # The header comes from the client and may hold any text; https://[::1 is not an address.
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def link(name: str, *args: Any, **kwargs: Any) -> str:
    """Return the address of a page of another app, or "" when that page does not exist."""
    try:
        return reverse(name, args=args, kwargs=kwargs)
    except NoReverseMatch:
        return ""
