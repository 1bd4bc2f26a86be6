"""Fixed lists: segments whose members are named by a file or chosen in the customer table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from analytics.features.services.features import mark_changed_by_query
from analytics.segments.models import Segment, SegmentKind
from analytics.segments.services.memberships import lock_memberships, move
from analytics.segments.services.segments import check_name, create_segment, describe, save_named
from core.base import clock
from core.base.actor import Actor, RequestUser
from core.base.errors import Conflict
from core.db.locks import lock_name, lock_row
from core.lists.services import copy_name
from crm.customers.models import Customer, CustomerState
from crm.customers.registry import matching

MOST_AT_ONCE = 200_000


@dataclass(frozen=True)
class Listed:
    """Result of a change by customer numbers: `as_before` were already in the list, or already out of it."""

    moved: int
    as_before: int
    unknown: list[str]
    size: int


def create_list(*, name: str, actor: Actor, description: str = "", created_by: RequestUser | None = None) -> Segment:
    """Create an empty list. Customers that are added later enter it."""
    check_name(name, None)
    now = clock.now()
    return save_named(
        Segment(
            name=name.strip(),
            description=description.strip()[:400],
            kind=SegmentKind.STATIC,
            rule={"op": "or", "children": []},
            computed_version=1,
            computed_at=now,
            first_computed_at=now,
            created_by=created_by,
            owner_id=actor.user_id,
        )
    )


def duplicate_segment(*, segment: Segment, actor: Actor) -> Segment:
    """Create a segment with the same rule, or a list with the same customers."""
    name = copy_name(Segment, segment.name)
    if segment.kind == SegmentKind.RULE:
        return create_segment(name=name, description=segment.description, rule=segment.rule, actor=actor)
    with transaction.atomic():
        copy = create_list(name=name, description=segment.description, actor=actor)
        at = lock_memberships()
        move(
            """SELECT k.customer_id, ARRAY[%s]::bigint[], '{}'::bigint[] FROM analytics_customersegments k
               WHERE %s = ANY(k.inside) ORDER BY k.customer_id""",
            [copy.pk, segment.pk],
            at=at,
        )
        copy.refresh_from_db()
    return copy


def list_of_customers(
    *, name: str, customer_ids: Sequence[int], actor: Actor, created_by: RequestUser | None = None
) -> Segment:
    """Create a list of these customers. A list of the same name gets them too, so that a repeat is harmless."""
    with transaction.atomic():
        lock_name("analytics.list", name)
        segment = Segment.objects.active().filter(name=name, kind=SegmentKind.STATIC).first()
        segment = segment or create_list(name=name, actor=actor, created_by=created_by)
        add_to_list(segment=segment, customer_ids=customer_ids, actor=actor)
        segment.refresh_from_db()
    return segment


def rename_list(*, segment: Segment, actor: Actor, name: str | None = None, description: str | None = None) -> Segment:
    """Change the name or description of a list. Raises Conflict `not_a_list`, Invalid."""
    with transaction.atomic():
        locked = lock_list(segment)
        describe(locked, name, description)
        save_named(locked)
    return locked


def add_to_list(*, segment: Segment, customer_ids: Sequence[int], actor: Actor) -> int:
    """Add active customers to a list. Returns how many were not in it before."""
    with transaction.atomic():
        at = lock_memberships()
        locked = lock_list(segment)
        count = move(
            """SELECT c.id, ARRAY[%s]::bigint[], '{}'::bigint[]
               FROM crm_customer c LEFT JOIN analytics_customersegments k ON k.customer_id = c.id
               WHERE c.id = ANY(%s) AND c.state = 'active' AND %s <> ALL(coalesce(k.inside, '{}')) ORDER BY c.id""",
            [locked.pk, list(customer_ids), locked.pk],
            at=at,
        )
        _mark_dependents(locked, at, customer_ids)
    return count


def remove_from_list(*, segment: Segment, customer_ids: Sequence[int], actor: Actor) -> int:
    """Remove customers from a list. Return how many were in it. Raises Conflict `not_a_list`."""
    with transaction.atomic():
        at = lock_memberships()
        locked = lock_list(segment)
        count = move(
            """SELECT k.customer_id, '{}'::bigint[], ARRAY[%s]::bigint[] FROM analytics_customersegments k
               WHERE k.customer_id = ANY(%s) AND %s = ANY(k.inside) ORDER BY k.customer_id""",
            [locked.pk, list(customer_ids), locked.pk],
            at=at,
        )
        _mark_dependents(locked, at, customer_ids)
    return count


def add_by_number(*, segment: Segment, numbers: Sequence[str], actor: Actor) -> Listed:
    """Add the customers with these numbers; unknown numbers are returned.

    A merged number counts for its new customer.
    """
    return _by_numbers(add_to_list, segment, numbers, actor)


def remove_by_number(*, segment: Segment, numbers: Sequence[str], actor: Actor) -> Listed:
    """Remove customers from a list by their numbers. Raises Conflict `not_a_list`."""
    return _by_numbers(remove_from_list, segment, numbers, actor)


def _by_numbers(move_all: Callable[..., int], segment: Segment, numbers: Sequence[str], actor: Actor) -> Listed:
    unique = list(dict.fromkeys(numbers))
    known = active_by_number(unique)
    ids = set(known.values())
    moved = move_all(segment=segment, customer_ids=list(ids), actor=actor)
    segment.refresh_from_db(fields=["size"])
    return Listed(moved, len(ids) - moved, [number for number in unique if number not in known], segment.size)


def active_by_number(numbers: Sequence[str]) -> dict[str, int]:
    """Return {number: active customer}. A merged number leads to the customer that remained."""
    rows = Customer.objects.filter(
        Q(state=CustomerState.ACTIVE) | Q(merged_into__state=CustomerState.ACTIVE), number__in=set(numbers)
    )
    return {number: target or pk for number, pk, target in rows.values_list("number", "pk", "merged_into_id")}


def add_matching(*, segment: Segment, filters: Mapping[str, str], actor: Actor) -> int:
    """Add all customers that match the list's words and filters. Raises Conflict `too_many` above 200,000."""
    ids = list(matching(filters).order_by().values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
    if len(ids) > MOST_AT_ONCE:
        raise Conflict(_("That is too many customers for a fixed list. Create a segment by rule."), code="too_many")
    return add_to_list(segment=segment, customer_ids=ids, actor=actor)


def lock_list(segment: Segment) -> Segment:
    """Lock a list in the caller's transaction.

    Raises NotFound for an archived segment, Conflict for a segment by rule.
    """
    locked = lock_row(Segment.objects.active().filter(pk=segment.pk))
    if locked.kind != SegmentKind.STATIC:
        raise Conflict(_("This segment has a rule. You can't add or remove its customers by hand."), code="not_a_list")
    return locked


def _mark_dependents(segment: Segment, at: datetime, customer_ids: Iterable[int]) -> None:
    """Mark the customers, so that the next refresh updates the segments that use this list."""
    Segment.objects.filter(pk=segment.pk).update(computed_at=at)
    mark_changed_by_query("SELECT unnest(%s::bigint[])", [list(customer_ids)])


__all__ = [
    "Listed",
    "active_by_number",
    "add_by_number",
    "add_matching",
    "add_to_list",
    "create_list",
    "duplicate_segment",
    "list_of_customers",
    "lock_list",
    "remove_by_number",
    "remove_from_list",
    "rename_list",
]
