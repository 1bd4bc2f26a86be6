"""Pairs of customers who may be one person: suspected by identities that they share, decided by a person (S5)."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.base.actor import Actor
from core.base.errors import Conflict
from core.db.locks import lock_row
from core.events.bus import emit
from crm.customers import events
from crm.customers.models import Customer, DuplicateCandidate, DuplicateState


def suspect_duplicate(*, customer: Customer, other: Customer, actor: Actor) -> bool:
    """Propose two customers as one person, once: an answer of staff holds. Return whether the pair is new."""
    first, second = sorted((customer.pk, other.pk))
    with transaction.atomic():
        _pair, new = DuplicateCandidate.objects.get_or_create(first_id=first, second_id=second)
        if new:
            payload = {"other": other.pk, "number": other.number}
            emit(events.DUPLICATE_SUSPECTED, subject_id=customer.pk, payload=payload, actor=actor)
    return new


def dismiss_duplicate(*, pair: DuplicateCandidate, actor: Actor) -> DuplicateCandidate:
    """Record that two customers are not the same person; the pair is never proposed again.

    Raises Conflict `already_decided`.
    """
    with transaction.atomic():
        locked = lock_row(DuplicateCandidate.objects.filter(pk=pair.pk))
        if locked.state != DuplicateState.OPEN:
            raise Conflict(_("This pair is decided already."), code="already_decided")
        locked.state, locked.decided_at, locked.decided_by = DuplicateState.DISTINCT, clock.now(), str(actor)
        locked.save(update_fields=["state", "decided_at", "decided_by"])
        numbers = dict(Customer.objects.filter(pk__in=[locked.first_id, locked.second_id]).values_list("pk", "number"))
        for one, other in ((locked.first_id, locked.second_id), (locked.second_id, locked.first_id)):
            payload = {"other": other, "number": numbers[other]}
            emit(events.DUPLICATE_DISMISSED, subject_id=one, payload=payload, actor=actor)
    return locked


def reopen_duplicate(*, pair: DuplicateCandidate, actor: Actor) -> DuplicateCandidate:
    """Withdraw the answer that two customers are not the same person. Raises Conflict `not_decided`."""
    with transaction.atomic():
        locked = lock_row(DuplicateCandidate.objects.filter(pk=pair.pk))
        if locked.state != DuplicateState.DISTINCT:
            raise Conflict(_("This pair is not decided yet."), code="not_decided")
        locked.state, locked.decided_at, locked.decided_by = DuplicateState.OPEN, None, ""
        locked.save(update_fields=["state", "decided_at", "decided_by"])
        number = Customer.objects.values_list("number", flat=True).get(pk=locked.second_id)
        payload = {"other": locked.second_id, "number": number}
        emit(events.DUPLICATE_SUSPECTED, subject_id=locked.first_id, payload=payload, actor=actor)
    return locked
