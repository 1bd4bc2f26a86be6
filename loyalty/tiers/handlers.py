"""Event handlers of tiers."""

from __future__ import annotations

from collections.abc import Sequence

from core.events.bus import Event, subscribe
from loyalty.ledger.events import ACCOUNTS_CHANGED
from loyalty.program.models import Program, TierMetric
from loyalty.tiers.services.evaluation import evaluate_customers


@subscribe(ACCOUNTS_CHANGED, name="loyalty.evaluate_growth")
def evaluate_growth(events: Sequence[Event]) -> None:
    """Evaluate tiers for members whose pending growth value became available (L4, T2)."""
    program = Program.objects.default()
    if program is not None and program.tier_metric == TierMetric.GROWTH:
        evaluate_customers(program, [customer for event in events for customer in event.payload["customers"]])
