"""Permissions of the API, closed by default: an action without a declared scope answers 403 to every caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import MethodNotAllowed, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from core.security.api_keys import KeyIdentity

if TYPE_CHECKING:
    # The settings of the framework name this module: importing its views here would be a cycle.
    from rest_framework.views import APIView


class MissingScope(PermissionDenied):
    """Refusal of a key without the scope. The answer names the scope, so that the caller can ask the shop for it."""

    default_code = "missing_scope"

    def __init__(self, scope: str) -> None:
        self.extra: dict[str, Any] = {"scope": scope}
        super().__init__(_("This API key lacks the scope %(scope)s.") % {"scope": scope})


class NotForMembers(PermissionDenied):
    default_code = "not_for_members"
    default_detail = _("A member's token can't do this; use a server key.")


def action_of(view: Any, request: Any) -> str:
    """Return the key of this request in the maps of a view: the action of a view set, else the method."""
    action = getattr(view, "action", None) or request.method.lower()
    return "get" if action == "head" else action


class HasScope(BasePermission):
    """Check of a request's scope against the view's `scopes`.

    View sets declare `scopes = {"list": "customers:read", ...}`; plain views use `{"get": ..., "post": ...}`. A
    member's own token passes only if the view lists the action in `member_actions`. The view then limits itself to that
    customer through `own_customer_id`.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        if request.auth is None:
            return False
        if request.method not in view.allowed_methods:
            raise MethodNotAllowed(request.method or "")
        action = action_of(view, request)
        if not isinstance(request.auth, KeyIdentity):
            if action not in getattr(view, "member_actions", ()):
                raise NotForMembers
            return True
        scope = getattr(view, "scopes", {}).get(action)
        if scope is not None and scope not in request.auth.scopes:
            raise MissingScope(scope)
        return scope is not None
