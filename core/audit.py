"""History by database triggers: every UPDATE and DELETE of a tracked row, bulk ones too, with actor and request."""

from __future__ import annotations

import pghistory


def audited(model):
    """Class decorator for models whose changes must be accounted for. Inserts are seen from the row itself."""
    return pghistory.track(
        pghistory.UpdateEvent(label="update", row=pghistory.Old, condition=pghistory.AnyChange()),
        pghistory.DeleteEvent(label="delete"),
    )(model)


def acting(actor, **details):
    """Context for services that run outside a request."""
    return pghistory.context(actor=str(actor), **details)
