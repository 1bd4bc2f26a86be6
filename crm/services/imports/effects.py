"""How far imported orders act on today, by the run's mode and each order's date, and the events that say so (I3)."""

from __future__ import annotations

from core.events import Effect, emit, limited
from crm import events
from crm.models import ImportMode, OrderEffect
from crm.services.imports.context import Context

# Orders that are older are history, unless the run says otherwise.
RECENT = "interval '2 days'"
# The events of a run: how far each may go, and the orders that it stands for.
PARTS: tuple[tuple[Effect, tuple[OrderEffect, ...]], ...] = (
    (Effect.FIGURES, (OrderEffect.REMEMBER,)),
    (Effect.POINTS, (OrderEffect.SILENT,)),
    (Effect.OUTSIDE, (OrderEffect.LIVE, OrderEffect.NOW)),
)


def effect_of(mode: str, at: str) -> str:
    """Return SQL for the effect of an order that was paid or placed `at`."""
    if mode in (ImportMode.REMEMBER, ImportMode.SILENT):
        return f"'{OrderEffect(mode).value}'"
    older = OrderEffect.NOW if mode == ImportMode.LIVE else OrderEffect.REMEMBER
    return f"CASE WHEN {at} < now() - {RECENT} THEN '{older.value}' ELSE '{OrderEffect.LIVE.value}' END"


def reach_of(mode: str) -> Effect:
    """Return how far what is no order of its own (customers, identities, refunds) may go."""
    return {ImportMode.LIVE: Effect.OUTSIDE, ImportMode.SILENT: Effect.POINTS}.get(ImportMode(mode), Effect.FIGURES)


def announce_orders(context: Context) -> None:
    """Emit `orders_imported` once for each way in which the orders of the run act, and for refunds alone once."""
    found = {row[0] for row in context.rows("SELECT DISTINCT effect FROM crm_order WHERE import_run_id = %(run)s")}
    for effect, orders in PARTS:
        effects = [one.value for one in orders if one.value in found]
        if effects:
            with limited(effect):
                emit(
                    events.ORDERS_IMPORTED,
                    subject_id=None,
                    payload={"run": context.run_id, "effects": effects},
                    actor=context.actor,
                )
    if not found:
        with limited(reach_of(context.mode)):
            emit(
                events.ORDERS_IMPORTED,
                subject_id=None,
                payload={"run": context.run_id, "effects": []},
                actor=context.actor,
            )
