"""Scopes of server keys. Each app registers its own in `extensions`."""

from __future__ import annotations

from django.utils.functional import Promise

from core.base.registry import Registry

SCOPES: Registry[str | Promise] = Registry("API scope")
