"""Event handlers of growth."""

from __future__ import annotations

from collections.abc import Sequence

from core.events.bus import Effect, Event, subscribe
from loyalty.growth import subscriptions as growth_subscriptions
from loyalty.growth.services.progress import advance_tasks
from loyalty.program.models import Program
from loyalty.triggers import registry as triggers


@subscribe(name=growth_subscriptions.TASKS.handler, effect=Effect.POINTS, wanted=growth_subscriptions.TASKS.wants)
def move_tasks(events: Sequence[Event]) -> None:
    program = Program.objects.default()
    if program is not None:
        customers = set().union(*triggers.whose_turn(events).values())
        advance_tasks(program=program, customer_ids=customers)
