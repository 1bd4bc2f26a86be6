"""The effect of imported orders today, by the run's mode and each order's date, and the events for it (I3)."""

from __future__ import annotations

from core.events.bus import Effect, emit, limited
from crm.imports.models import ImportMode
from crm.imports.services.context import Context
from crm.orders import events
from crm.orders.models import OrderEffect

# Older orders are history, unless the mode of the run overrides it.
RECENT = "interval '2 days'"
# Events of a run: the furthest effect of each, and the orders that it covers.
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
    """Return the furthest effect of records that are not new orders: customers, identities, refunds."""
    return {ImportMode.LIVE: Effect.OUTSIDE, ImportMode.SILENT: Effect.POINTS}.get(ImportMode(mode), Effect.FIGURES)


def announce_orders(context: Context) -> None:
    """Emit `orders_imported` once per effect of the run's orders, or once if the run holds only refunds."""
    effects_in_run = {
        row[0] for row in context.rows("SELECT DISTINCT effect FROM crm_order WHERE import_run_id = %(run)s")
    }
    for effect, orders in PARTS:
        effects = [one.value for one in orders if one.value in effects_in_run]
        if effects:
            with limited(effect):
                emit(
                    events.ORDERS_IMPORTED,
                    subject_id=None,
                    payload={"run": context.run_id, "effects": effects},
                    actor=context.actor,
                )
    if not effects_in_run:
        with limited(reach_of(context.mode)):
            emit(
                events.ORDERS_IMPORTED,
                subject_id=None,
                payload={"run": context.run_id, "effects": []},
                actor=context.actor,
            )
