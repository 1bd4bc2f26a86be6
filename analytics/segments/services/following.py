"""Update of figures, scores and segments right after an import (I3)."""

from __future__ import annotations

from analytics.features.models import ChangedCustomer, RfmModel
from analytics.features.services import features
from analytics.segments.services import runs as segments
from core.base import clock
from core.events.bus import Effect, limited
from core.jobs.waiting import finish_pending
from crm.imports.models import ImportKind, ImportRun

# When an import changes at least this share of the buyers, the cut points of the scores are computed again.
SHARE = 0.02


def bring_figures_up_to_date(run: ImportRun) -> None:
    """Refresh the customers that the run changed.

    Compute the cut points again when the run brought many orders, or when none exist.

    A score that moves because of other customers is not an event of today, so the second part triggers no message.
    """
    _carry_on_changed()
    if run.kind != ImportKind.ORDERS or not _moves_scores(run):
        return
    with limited(Effect.FIGURES):
        features.refresh_everything(wait=True)
        segments.compute_segments()


def _carry_on_changed() -> None:
    """Wait until all customers that are marked now are refreshed, here or by another process."""
    marked = ChangedCustomer.objects.filter(marked_at__lte=clock.now())
    finish_pending(
        marked.exists, lambda _marked: segments.refresh_changed(), subject="the refresh of the changed customers"
    )


def _moves_scores(run: ImportRun) -> bool:
    model: RfmModel | None = features.newest_model()
    changed = run.result.get("orders_created", 0) + run.result.get("refunds_created", 0)
    return model is None or changed >= SHARE * model.customer_count
