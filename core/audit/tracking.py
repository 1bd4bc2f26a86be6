"""History by database triggers: every UPDATE and DELETE of a tracked row, also in bulk, with actor and request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pghistory
from django.db.models import Model

from core.base.actor import Actor


def audited(model: type[Model]) -> type[Model]:
    """Track the changes of a model class (decorator). Inserts are visible in the row itself."""
    return audited_except()(model)


def audited_except(*fields: str) -> Callable[[Any], Any]:
    """Track the changes of a model class, except those that touch only the named columns.

    The system updates such columns itself. Counters, and columns with a history of their own, would copy the whole row
    at every use.
    """
    return pghistory.track(
        pghistory.UpdateEvent(label="update", row=pghistory.Old, condition=pghistory.AnyChange(exclude=list(fields))),
        pghistory.DeleteEvent(label="delete"),
    )


def acting(actor: Actor, **details: Any) -> pghistory.context:
    """Return a history context with this actor, for services that run outside a request."""
    return pghistory.context(actor=str(actor), **details)
