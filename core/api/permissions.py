"""Closed by default: a view that declares no scope for an action answers 403 to everyone."""

from __future__ import annotations

from rest_framework.permissions import BasePermission

from core.services.api_keys import KeyIdentity


class HasScope(BasePermission):
    """Views declare `scopes = {"list": "customers:read", ...}`; plain views use `{"get": ..., "post": ...}`.

    A member's own token passes only where the view lists the action in `member_actions`; the view then limits itself
    to that customer through `own_customer_id`.
    """

    def has_permission(self, request, view) -> bool:
        action = getattr(view, "action", None) or request.method.lower()
        if isinstance(request.auth, KeyIdentity):
            scope = getattr(view, "scopes", {}).get(action)
            return scope is not None and scope in request.auth.scopes
        return request.auth is not None and action in getattr(view, "member_actions", ())
