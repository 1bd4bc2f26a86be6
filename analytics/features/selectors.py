"""Reads of features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q

from analytics.features.models import ChangedCustomer, ComputationState, CustomerFeature, Stage
from crm.customers.models import Customer, CustomerState

# The name of the nightly computation of everyone.
EVERYTHING = "features"
# A longer queue is shown as this long, so that a large import does not slow the page.
MOST_WAITING = 10_000


def customers_by_ids(ids: Sequence[int]) -> list[Customer]:
    """Return customers in the order of the ids."""
    customers = {customer.pk: customer for customer in Customer.objects.filter(pk__in=ids).select_related("features")}
    return [customers[pk] for pk in ids if pk in customers]


def features_of(customer: Customer) -> CustomerFeature | None:
    return CustomerFeature.objects.filter(customer=customer).first()


def overview() -> dict[str, Any]:
    """Return all customers, those of each stage, buyers and repeat buyers.

    A customer has no stage until the first computation after they became known.
    """
    rows = CustomerFeature.objects.filter(customer__state=CustomerState.ACTIVE).order_by().values("stage")
    counted = rows.annotate(
        customers=Count("pk"),
        buyers=Count("pk", filter=Q(order_count__gte=1)),
        repeat=Count("pk", filter=Q(order_count__gte=2)),
    )
    stages = {row["stage"]: row for row in counted}
    return {
        "stages": {stage: stages[stage]["customers"] if stage in stages else 0 for stage in Stage.values},
        "customers": Customer.objects.active().count(),
        "buyers": sum(row["buyers"] for row in stages.values()),
        "repeat": sum(row["repeat"] for row in stages.values()),
    }


@dataclass(frozen=True)
class Freshness:
    """Hold how far the features follow the facts: changes that wait, the oldest of them, and the last full run."""

    waiting: int
    oldest: datetime | None
    full_at: datetime | None
    error: str


def freshness() -> Freshness:
    """Read the queue of changed customers and the state of the last full computation."""
    oldest = ChangedCustomer.objects.order_by("marked_at").values_list("marked_at", flat=True).first()
    waiting = ChangedCustomer.objects.all()[:MOST_WAITING].count() if oldest else 0
    state = ComputationState.objects.filter(name=EVERYTHING).first()
    return Freshness(waiting, oldest, state.finished_at if state else None, state.error if state else "")
