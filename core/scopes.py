"""What a server key may be allowed to do. Each app registers its own in `extensions`."""

from __future__ import annotations

from django.utils.functional import Promise

from core.registry import Registry

SCOPES: Registry[str | Promise] = Registry("API scope")
