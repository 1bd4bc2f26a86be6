"""History by database triggers: every UPDATE and DELETE of a tracked row, bulk ones too, with actor and request."""

from __future__ import annotations

import pghistory


def audited(model):
    """Class decorator for models whose changes must be accounted for. Inserts are seen from the row itself."""
    return audited_except()(model)


def audited_except(*fields: str):
    """The same for models with columns that the system keeps by itself: their change alone is not a change to account for.

    Counters, and what has a history of its own, would copy the whole row at every use.
    """
    return pghistory.track(
        pghistory.UpdateEvent(label="update", row=pghistory.Old, condition=pghistory.AnyChange(exclude=list(fields))),
        pghistory.DeleteEvent(label="delete"),
    )


def acting(actor, **details):
    """Context for services that run outside a request."""
    return pghistory.context(actor=str(actor), **details)
