"""Event handlers of growth."""

from __future__ import annotations

from collections.abc import Sequence

from core.events.bus import Effect, Event, subscribe
from loyalty.earning.handlers import _evaluate
from loyalty.growth import subscriptions as growth_subscriptions
from loyalty.growth.services.progress import advance_tasks
from loyalty.ledger.events import ACCOUNTS_CHANGED
from loyalty.program.models import Program, TierMetric
from loyalty.triggers import registry as triggers


@subscribe(ACCOUNTS_CHANGED, name="loyalty.evaluate_growth")
def evaluate_growth(events: Sequence[Event]) -> None:
    """Evaluate tiers for members whose pending growth value became available (L4, T2)."""
    program = Program.objects.default()
    if program is not None and program.tier_metric == TierMetric.GROWTH:
        _evaluate(program, [customer for event in events for customer in event.payload["customers"]])


@subscribe(name=growth_subscriptions.TASKS.handler, effect=Effect.POINTS, wanted=growth_subscriptions.TASKS.wants)
def move_tasks(events: Sequence[Event]) -> None:
    program = Program.objects.default()
    if program is not None:
        customers = set().union(*triggers.whose_turn(events).values())
        advance_tasks(program=program, customer_ids=customers)
